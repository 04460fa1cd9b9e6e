// SPDX-License-Identifier: MIT
//
// taskq keeper FOLDER: never typed by a person; see server/keeper.h.
#include "server/keeper.h"

#include "command/command.h"

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    if (call->argument_count == 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "FOLDER is missing: taskq keeper FOLDER");
    *code = tq_keeper_main(call->arguments[0]) == 0 ? TQ_EXIT_DONE : TQ_EXIT_FAILED;
    return true;
}

const struct tq_command tq_command_keeper = {
    .name = "keeper",
    .usage = "FOLDER",
    .summary = "keep the private PostgreSQL of a folder running",
    .most_arguments = 1,
    .is_hidden = true,
    .run = run,
};
