// SPDX-License-Identifier: MIT
//
// taskq minder: never typed by a person; see loop/minder.h.
#include "loop/minder.h"

#include "command/command.h"

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    (void)call;
    (void)err; /* cannot fail */
    tq_minder_main();
    *code = TQ_EXIT_DONE;
    return true;
}

const struct tq_command tq_command_minder = {
    .name = "minder",
    .usage = "",
    .summary = "end the programs that a worker started and cannot end itself",
    .is_hidden = true,
    .run = run,
};
