// SPDX-License-Identifier: MIT
//
// What operators do to tasks, on a blocking session: cancel, retry, clean up. Each is one call of a
// function of sql/functions/, and a transaction of its own.
#ifndef TQ_DATABASE_OPERATOR_H
#define TQ_DATABASE_OPERATOR_H

#include <stdint.h>

#include "database/chore.h"
#include "database/session.h"

/* Whether err is about the one task only (there is none, or its status does not allow it), so that
   it makes sense to go on with the next. */
bool tq_operator_is_refusal(const struct tq_err *err);

/* *is_requested: it runs, and its worker has been asked to stop it; else it is cancelled. */
TQ_MUST_CHECK bool tq_operator_cancel(struct tq_session *session, int64_t id, bool *is_requested,
                                      struct tq_err *err);

TQ_MUST_CHECK bool tq_operator_retry(struct tq_session *session, int64_t id,
                                     bool is_resetting_attempts, struct tq_err *err);

/* A bound of the time at which tasks finished, as an age or as a time; zeroes: none. */
struct tq_finish_bound {
    int64_t age_us; /* the first batch turns it into a time, on the database's clock */
    bool is_time;
    int64_t at;
};

/* Which tasks a batch of retries takes: at most most, by growing id. */
struct tq_retry_batch {
    const char *type;   /* glob; NULL: any */
    const char *status; /* "failed" or "cancelled" */
    struct tq_finish_bound from, before;
    bool is_resetting_attempts;
    int32_t most;
    int64_t after_id; /* set to the last one by the call, which so is ready for the next */
};

TQ_MUST_CHECK bool tq_operator_retry_many(struct tq_session *session, struct tq_retry_batch *batch,
                                          int64_t *retried, struct tq_err *err);

/* One step of removing finished tasks older than age_us. */
TQ_MUST_CHECK bool tq_operator_cleanup(struct tq_session *session, int64_t age_us,
                                       const char *status, struct tq_step *step,
                                       struct tq_err *err);

#endif
