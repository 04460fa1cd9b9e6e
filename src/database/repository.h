// SPDX-License-Identifier: MIT
//
// Every statement about tasks and workers, in plain C types: a function that fills the parameters
// and sends, and one that decodes the rows. Nothing above this file knows a column's number or
// format.
//
// Times are microseconds since 2000-01-01 UTC on the database's clock (TQ_PG_TIME_MIN: -infinity).
// The tq_repository_* senders answer through the request's on_done; see database/connection.h.
#ifndef TQ_DATABASE_REPOSITORY_H
#define TQ_DATABASE_REPOSITORY_H

#include <stddef.h>
#include <stdint.h>

#include "database/connection.h"

/* A lane, and the position in it after which to look. */
struct tq_lane_cursor {
    const char *type;
    int16_t priority;
    int64_t at;
    int64_t id;
};

/* A gap between known priorities of a type, both ends exclusive. */
struct tq_lane_gap {
    const char *type;
    int32_t above, below;
};

/* A row of a claim; texts live as long as the rows. */
struct tq_claimed {
    int64_t id;
    struct tq_tid tid;
    const char *type;
    int priority;
    int64_t scheduled_at, created_at;
    int32_t claims, attempts, max_attempts; /* max_attempts 0: the handler's */
    const char *payload;
    size_t payload_len;
};

/* What a claim or a mark says of its transaction. */
struct tq_claim_moment {
    const char *snapshot; /* xmin:xmax:xid,xid,... ; NULL for a mark */
    int64_t clock;
    int64_t locked;    /* rows that the claim took, a few of which it may not have got */
    int64_t xid;       /* 0: it wrote nothing */
    bool has_promised; /* a mark that also promised */
};

/* The end of one attempt. The fence is (id, claims, worker_id); tid is where the row was last seen.
 */
struct tq_settled {
    int64_t id;
    struct tq_tid tid;
    int32_t claims;
    int64_t worker_id;
    const char *result; /* complete: JSON or NULL */
    size_t result_len;
    const char *status;    /* fail: "failed" or "cancelled" */
    const char *kind;      /* fail, requeue: why; NULL: records no attempt */
    const char *error;     /* fail, requeue */
    const char *traceback; /* fail, requeue; may be NULL */
    int64_t delay_us;      /* requeue: from now; -1: keeps its scheduled_at */
    bool is_handed_back;   /* fail, requeue: the attempt does not count */
    const char *notes;     /* JSON: what the handler said, see complete_logged.sql; NULL: nothing */
    int32_t max_attempts;  /* fail: what the handler allowed, all used up; 0: the row's own stay */
};

/* How far a running task is. */
struct tq_progress_item {
    int64_t id;
    int32_t claims;
    const char *text; /* JSON */
};

/* A running row found by stale or held. */
struct tq_running {
    int64_t id;
    struct tq_tid tid;
    int32_t claims, attempts, max_attempts;
    int64_t worker_id;
    const char *type;
    int64_t age_ms; /* since it was created */
};

struct tq_registration {
    int64_t id;
    const char *name, *host, *version;
    int pid;
    const char *const *types;
    size_t type_count;
    int64_t lease_ms;
};

/* What a worker's row says of its handlers. */
struct tq_announcement {
    int64_t worker_id;
    const char *const *types;
    size_t type_count;
    int32_t generation;
    int64_t loaded_us; /* how long ago */
    const char *error; /* why newer ones do not load; NULL: there are none */
};

/* ---- claiming ---- */
void tq_repository_claim(struct tq_request *request, const struct tq_lane_cursor *lanes,
                         size_t count, int limit, int64_t worker_id);
void tq_repository_claim_found(struct tq_request *request, const struct tq_tid *places,
                               const int64_t *ids, size_t count, int64_t worker_id);
/* promise_ms 0: no promise. */
void tq_repository_mark(struct tq_request *request, int promise_ms);
void tq_repository_discover(struct tq_request *request, const struct tq_lane_gap *gaps,
                            size_t gap_count, const struct tq_lane_cursor *resting,
                            size_t resting_count);
void tq_repository_next_due(struct tq_request *request, const struct tq_lane_cursor *lanes,
                            size_t count);
/* The slice is (from, to]. */
void tq_repository_sweep(struct tq_request *request, const struct tq_lane_cursor *lanes,
                         size_t count, int64_t from, int64_t to, int limit);

/* Wakes the other workers if they can take something that this one cannot. */
void tq_repository_ring_doorbell(struct tq_request *request, const char *const *types,
                                 size_t type_count, const struct tq_lane_cursor *lanes,
                                 size_t count, bool is_full, int64_t worker_id);

/* Notifies ourselves. */
void tq_repository_echo(struct tq_request *request, const char *payload);

/* Row `row` of a claim: false when it is the closing one, which tells the moment. */
bool tq_repository_read_claimed(const struct tq_rows *rows, size_t row, struct tq_claimed *claimed,
                                struct tq_claim_moment *moment);
void tq_repository_read_mark(const struct tq_rows *rows, struct tq_claim_moment *moment);
void tq_repository_read_lane(const struct tq_rows *rows, size_t row, const char **type,
                             int16_t *priority);
int64_t tq_repository_read_next_due_us(const struct tq_rows *rows); /* -1: none */
void tq_repository_read_found(const struct tq_rows *rows, size_t row, struct tq_tid *place,
                              int64_t *id);

/* ---- settling: count items, none of them twice; completions of one worker id ---- */
void tq_repository_complete(struct tq_request *request, struct tq_settled *const *items,
                            size_t count);
void tq_repository_complete_logged(struct tq_request *request, struct tq_settled *const *items,
                                   size_t count);
void tq_repository_fail(struct tq_request *request, struct tq_settled *const *items, size_t count);
void tq_repository_requeue(struct tq_request *request, struct tq_settled *const *items,
                           size_t count);
void tq_repository_locate(struct tq_request *request, struct tq_settled *const *items,
                          size_t count);

void tq_repository_progress(struct tq_request *request, const struct tq_progress_item *items,
                            size_t count);

/* Those of a null kind were to be completed, the others to be failed or retried. */
void tq_repository_written(struct tq_request *request, struct tq_settled *const *items,
                           size_t count);
bool tq_repository_read_is_written(const struct tq_rows *rows, int64_t id);

/* Of complete, fail and requeue: whether every item was written, and whether one was. */
bool tq_repository_read_all_done(const struct tq_rows *rows);
bool tq_repository_read_is_done(const struct tq_rows *rows, int64_t id);

/* Of locate: where a task is now; false when it is not among the rows (lost). */
bool tq_repository_read_place(const struct tq_rows *rows, int64_t id, struct tq_tid *tid,
                              bool *is_locked);

/* ---- workers, stale tasks ---- */
void tq_repository_register(struct tq_request *request, const struct tq_registration *registration);
void tq_repository_renew(struct tq_request *request, const int64_t *ids, size_t count,
                         int64_t lease_ms);
void tq_repository_announce(struct tq_request *request, const struct tq_announcement *announcement);
void tq_repository_sign_off(struct tq_request *request, int64_t id);
void tq_repository_terminate(struct tq_request *request, const int32_t *backends, size_t count);
void tq_repository_live_blocks(struct tq_request *request);
/* Blocks [from, to) of the live partition. */
void tq_repository_stale(struct tq_request *request, uint32_t from, uint32_t to, int limit);
void tq_repository_held(struct tq_request *request, uint32_t from, uint32_t to, int64_t worker_id);
void tq_repository_remaining(struct tq_request *request, const char *const *types, size_t count,
                             bool with_future);
void tq_repository_cancel_requests(struct tq_request *request);
void tq_repository_unhandled_types(struct tq_request *request, int most);

/* ---- events ---- */
void tq_repository_hear(struct tq_request *request);
void tq_repository_created(struct tq_request *request, const int64_t *ids, size_t count);
void tq_repository_publish(struct tq_request *request, const char *const *texts, size_t count);
void tq_repository_read_created(const struct tq_rows *rows, size_t row, struct tq_claimed *created);

/* What a renewal says beside that it succeeded. server lives as long as the rows. */
struct tq_renewal {
    const char *server;     /* how this server can be told from another one */
    bool has_expired;       /* some other worker's lease ran out lately */
    int64_t next_expiry_us; /* until the next one would; -1: there is no other worker */
    int64_t followed_ms;    /* for how long somebody follows the events; 0 or less: nobody does */
};

/* Of register: server and followed_ms. */
void tq_repository_read_registered(const struct tq_rows *rows, struct tq_renewal *renewal);
bool tq_repository_read_renewed(const struct tq_rows *rows, int64_t id,
                                struct tq_renewal *renewal); /* false: that lease is lost */
int64_t tq_repository_read_blocks(const struct tq_rows *rows);
void tq_repository_read_running(const struct tq_rows *rows, size_t row, struct tq_running *running);
void tq_repository_read_cancel_request(const struct tq_rows *rows, size_t row, int64_t *id,
                                       int32_t *claims);
bool tq_repository_read_remaining(const struct tq_rows *rows);
const char *tq_repository_read_unhandled_type(const struct tq_rows *rows, size_t row);

#endif
