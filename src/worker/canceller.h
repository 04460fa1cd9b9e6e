// SPDX-License-Identifier: MIT
//
// The canceller reads the requests to cancel running tasks, when it is told that there are new ones
// and at each renewal of the lease, and has the dispatcher stop those that this worker holds. Main
// thread, control connection.
#ifndef TQ_WORKER_CANCELLER_H
#define TQ_WORKER_CANCELLER_H

#include "database/repository.h"
#include "worker/dispatcher.h"

struct tq_canceller { /* zero-initialized but for the dispatcher and the request's connection */
    struct tq_dispatcher *dispatcher;
    struct tq_request request;
    bool wants_more;
};

/* Reads them now, or once more when that is under way. */
void tq_canceller_look(struct tq_canceller *canceller);

#endif
