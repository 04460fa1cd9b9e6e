// SPDX-License-Identifier: MIT
//
// taskq version.
#include <stdio.h>

#include "command/command.h"
#include "database/schema.h"
#include "database/version.h"
#include "loop/version.h"
#include "script/version.h"

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    int libpq = tq_libpq_version(), schema = tq_schema_version();
    const char *form = "taskq " TASKQ_VERSION "\nschema %d\nLua %s\nlibpq %d.%d\nlibuv %s\n";

    (void)code;
    (void)err;
    if (call->common->is_json)
        form = "{\"taskq\":\"" TASKQ_VERSION "\",\"schema\":%d,\"lua\":\"%s\","
               "\"libpq\":\"%d.%d\",\"libuv\":\"%s\"}\n";
    (void)printf(form, schema, tq_lua_version(), libpq / 10000, libpq % 10000, tq_uv_version());
    return true;
}

const struct tq_command tq_command_version = {
    .name = "version",
    .usage = "[options]",
    .summary = "tell the versions of taskq and of its parts",
    .run = run,
};
