// SPDX-License-Identifier: MIT
//
// Child processes of the keeper. They die with it (PR_SET_PDEATHSIG, which follows the thread that
// forked: only the main thread may call these), each in a session of its own, so that a terminal's
// ^C does not reach them.
#ifndef TQ_SERVER_PROCESS_H
#define TQ_SERVER_PROCESS_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"

struct tq_process {
    const char *const *argv; /* argv[0] is the path of the program; ends with NULL */
    int death_signal;        /* what it gets when the keeper dies */
    int kept_fd;             /* a descriptor that it inherits; -1: none but 0, 1, 2 */
};

/* Starts it with our standard output and error, and nothing to read. That the program cannot be
   executed shows as exit status 127, with the reason on standard error. */
TQ_MUST_CHECK bool tq_process_start(const struct tq_process *process, pid_t *pid,
                                    struct tq_err *err);

/* Runs it to its end; what it writes is appended to output. True when it exited with 0; else err
   says how it ended, and output may say why. */
TQ_MUST_CHECK bool tq_process_run(const struct tq_process *process, struct tq_buf *output,
                                  struct tq_err *err);

/* "ended with status 1", "was killed by signal 9". */
const char *tq_process_end(int status, char out[48]);

#endif
