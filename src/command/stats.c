// SPDX-License-Identifier: MIT
//
// taskq stats.
#include <inttypes.h>
#include <stdio.h>

#include "command/command.h"
#include "command/database.h"
#include "database/producer.h"

static void print(const struct tq_stats *stats, bool is_json)
{
    const struct {
        const char *name;
        int64_t value;
    } lines[] = {
        {"pending", stats->pending},     {"running", stats->running},
        {"completed", stats->completed}, {"failed", stats->failed},
        {"cancelled", stats->cancelled}, {"total", stats->total},
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (is_json)
            (void)printf("%c\"%s\":%" PRId64, i == 0 ? '{' : ',', lines[i].name, lines[i].value);
        else
            (void)printf("%-9s %12" PRId64 "\n", lines[i].name, lines[i].value);
    }
    if (is_json)
        (void)printf("}\n");
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    struct tq_database database;
    struct tq_session *session;
    struct tq_stats stats;
    bool is_done = false;

    (void)code;
    if (!tq_database_open(call->common, &database, err))
        return false;
    if (!tq_database_connect_migrated(&database, "taskq stats", &session, err))
        goto close_database;
    is_done = tq_producer_stats(session, &stats, err);
    if (is_done)
        print(&stats, call->common->is_json);
    tq_session_close(session);
close_database:
    tq_database_close(&database);
    return is_done;
}

const struct tq_command tq_command_stats = {
    .name = "stats",
    .usage = "[options]",
    .summary = "count the tasks by status",
    .details = "Finished tasks are counted for as long as their history is kept.\n",
    .run = run,
};
