// SPDX-License-Identifier: MIT
//
// taskq keeper FOLDER [open]: never typed by a person; see server/keeper.h. With "open" it only
// sees to it that there is one, see tq_private_revive().
#include "server/keeper.h"

#include <string.h>

#include "command/command.h"
#include "server/private.h"

static bool open_once(const char *folder, struct tq_err *err)
{
    struct tq_private *private;

    if (!tq_private_open(folder, &private, err))
        return false;
    tq_private_close(private);
    return true;
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    if (call->argument_count == 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "FOLDER is missing: taskq keeper FOLDER");
    if (call->argument_count > 1 && strcmp(call->arguments[1], "open") == 0)
        return open_once(call->arguments[0], err);
    *code = tq_keeper_main(call->arguments[0]) == 0 ? TQ_EXIT_DONE : TQ_EXIT_FAILED;
    return true;
}

const struct tq_command tq_command_keeper = {
    .name = "keeper",
    .usage = "FOLDER [open]",
    .summary = "keep the private PostgreSQL of a folder running",
    .most_arguments = 2,
    .is_hidden = true,
    .run = run,
};
