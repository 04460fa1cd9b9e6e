// SPDX-License-Identifier: MIT
//
// From a query's number to its file.
#include "database/query.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/resource.h"

#define NAME(constant, file) #file,

static const char *const names[TQ_QUERY_COUNT] = {TQ_QUERIES(NAME)};

const char *tq_query_name(enum tq_query query)
{
    return names[query];
}

const char *tq_query_text(enum tq_query query)
{
    char path[64];

    (void)snprintf(path, sizeof path, "sql/queries/%s.sql", names[query]);

    const struct tq_resource *file = tq_resource_find(path);

    if (file == NULL) {
        (void)fprintf(stderr, "taskq: %s is missing from TASKQ_RESOURCES\n", path);
        abort(); /* a broken installation of the developer's override, nothing else */
    }
    return file->text;
}
