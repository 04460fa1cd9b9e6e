// SPDX-License-Identifier: MIT
//
// When to look, and what to do with the answer.
#include "worker/claimer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "worker/generation.h"
#include "worker/horizon.h"
#include "worker/lanes.h"
#include "worker/vigil.h"

enum {
    MAX_CLAIM = 4096,
    MARK_EVERY_US = 100000, /* how old the newest mark may be at a look */
    SLACK_US = 5000,        /* of the horizon */
    SHARE = 20,             /* searches take at most a twentieth of the time */
    DISCOVER_EVERY_US = 5000,
    REMAINING_EVERY_US = 20000,
    DOORBELL_EVERY_US = 20000,
    REFUSED_US = 250000,
    LOG_EVERY_US = 1000000,
};

/* A statement of which at most one is under way. */
struct ask {
    struct tq_request request; /* first */
    struct tq_claimer *claimer;
    int64_t sent_us;
    int64_t worker_id; /* under which it claims */
};

struct tq_claimer {
    struct tq_claimer_config config;
    struct tq_lanes *lanes;
    struct tq_horizon *horizon;
    uv_timer_t timer;
    int64_t worker_id;
    bool is_running, has_others;
    int64_t lost_worker_id; /* of a claim whose answer was lost; 0: none */

    struct tq_vigil vigil;
    int64_t marked_us;    /* when the newest mark was asked for */
    int64_t discover_us;  /* when discovery may run next */
    int64_t remaining_us; /* when that may be asked next */
    int64_t doorbell_us;  /* when it may be rung next */
    int64_t retry_us;     /* a mark was refused: not before this */
    int64_t logged_us;    /* when a refusal was logged last */
    int64_t ahead_us;     /* of tq_clock_us(): the database's clock, since the epoch */
    int64_t trip_us;      /* how long the last claim took to be answered */

    struct ask claim, found, mark, discover, next_due, remaining, doorbell;
    bool ignores_remaining;       /* the answer under way: it is about other types */
    int claim_limit, found_limit; /* of what is under way */
    struct tq_tid *places;        /* what the sweep found: the last found_count of them are left */
    int64_t *ids;
    size_t found_count, place_capacity, id_capacity;

    struct tq_claimed *rows; /* of the answer being taken, and pointers to them in order */
    const struct tq_claimed **order;
    size_t row_capacity, order_capacity;
};

/* Notes when it is asked, and under which id; the send follows at once. */
static struct tq_request *begin(struct ask *ask)
{
    ask->sent_us = tq_clock_us();
    ask->worker_id = ask->claimer->worker_id;
    return &ask->request;
}

/* The claimer of an answered ask; logs a refusal (a lost connection is logged by its owner). */
static struct tq_claimer *end(struct tq_request *request, const struct tq_err *err)
{
    struct ask *ask = (struct ask *)request;
    struct tq_claimer *claimer = ask->claimer;
    int64_t now_us = tq_clock_us();

    if (err != NULL && !tq_err_is_lost(err) && now_us - claimer->logged_us > LOG_EVERY_US) {
        claimer->logged_us = now_us;
        tq_log(TQ_LOG_ERROR, "claimer", "the database refused a statement", "error=%s",
               err->message);
    }
    return claimer;
}

void tq_claimer_resume(struct tq_claimer *claimer, int64_t worker_id)
{
    claimer->worker_id = worker_id;
    claimer->is_running = true;
    tq_claimer_wake(claimer);
}

void tq_claimer_pause(struct tq_claimer *claimer)
{
    claimer->is_running = false;
    (void)uv_timer_stop(&claimer->timer); /* always 0 */
}

void tq_claimer_reloaded(struct tq_claimer *claimer)
{
    const struct tq_generation *generation = *claimer->config.generation;

    tq_lanes_set_types(claimer->lanes, generation->types, generation->type_count);
    claimer->ignores_remaining = claimer->remaining.request.is_pending;
    claimer->discover_us = 0;
    tq_claimer_wake(claimer);
}

void tq_claimer_wake(struct tq_claimer *claimer)
{
    tq_vigil_wake(&claimer->vigil, tq_clock_us());
}

void tq_claimer_forget(struct tq_claimer *claimer)
{
    tq_lanes_forget(claimer->lanes);
    tq_horizon_forget(claimer->horizon);
    claimer->marked_us = 0;
}

void tq_claimer_set_others(struct tq_claimer *claimer, bool has_others)
{
    claimer->has_others = has_others;
}

int64_t tq_claimer_needs_recovery(const struct tq_claimer *claimer)
{
    return claimer->lost_worker_id;
}

void tq_claimer_recovered(struct tq_claimer *claimer, int64_t worker_id)
{
    if (claimer->lost_worker_id == worker_id)
        claimer->lost_worker_id = 0;
    tq_claimer_wake(claimer);
}

bool tq_claimer_is_asleep(const struct tq_claimer *claimer)
{
    return claimer->is_running && claimer->vigil.state == TQ_VIGIL_ASLEEP;
}

bool tq_claimer_is_busy(const struct tq_claimer *claimer)
{
    return claimer->claim.request.is_pending || claimer->found.request.is_pending;
}

int64_t tq_claimer_worker_id(const struct tq_claimer *claimer)
{
    return claimer->worker_id;
}

int64_t tq_claimer_database_us(const struct tq_claimer *claimer, int64_t at_us)
{
    return at_us + claimer->ahead_us;
}

int64_t tq_claimer_trip_us(const struct tq_claimer *claimer)
{
    return claimer->trip_us;
}

struct tq_lanes *tq_claimer_lanes(struct tq_claimer *claimer)
{
    return claimer->lanes;
}

/* ---- looking ---- */

static void send_mark(struct tq_claimer *claimer, int promise_ms)
{
    claimer->marked_us = tq_clock_us();
    tq_repository_mark(begin(&claimer->mark), promise_ms);
}

static void send_discover(struct tq_claimer *claimer)
{
    size_t gap_count, resting_count;
    const struct tq_lane_gap *gaps = tq_lanes_gaps(claimer->lanes, &gap_count);
    const struct tq_lane_cursor *resting = tq_lanes_resting(claimer->lanes, &resting_count);

    tq_repository_discover(begin(&claimer->discover), gaps, gap_count, resting, resting_count);
}

/* Before anything looks behind a cursor. */
static void lower_cursors(struct tq_claimer *claimer)
{
    int64_t horizon = tq_horizon_time(claimer->horizon);

    tq_lanes_lower(claimer->lanes, horizon == TQ_PG_TIME_MIN ? horizon : horizon - SLACK_US);
}

static void send_claim(struct tq_claimer *claimer, int capacity)
{
    size_t count;
    const struct tq_lane_cursor *lanes = tq_lanes_active(claimer->lanes, &count);

    claimer->claim_limit = capacity < MAX_CLAIM ? capacity : MAX_CLAIM;
    tq_repository_claim(begin(&claimer->claim), lanes, count, claimer->claim_limit,
                        claimer->worker_id);
}

static void send_next_due(struct tq_claimer *claimer)
{
    size_t count;
    const struct tq_lane_cursor *lanes = tq_lanes_all(claimer->lanes, &count);

    tq_repository_next_due(begin(&claimer->next_due), lanes, count);
}

/* While producers keep silent because of us, and while those that did may still commit, we are the
   others' doorbell. */
static void ring_doorbell(struct tq_claimer *claimer, int64_t now_us)
{
    const struct tq_claimer_config *config = &claimer->config;
    size_t count;

    if (!claimer->has_others || claimer->doorbell.request.is_pending ||
        now_us < claimer->doorbell_us || claimer->vigil.state == TQ_VIGIL_ASLEEP ||
        !tq_connection_is_ready(config->doorbell))
        return;

    const struct tq_lane_cursor *lanes = tq_lanes_all(claimer->lanes, &count);
    const struct tq_generation *generation = *config->generation;
    struct tq_request *request = begin(&claimer->doorbell);

    tq_repository_ring_doorbell(request, generation->types, generation->type_count, lanes, count,
                                config->capacity(config->owner) <= 0, claimer->worker_id);
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer; /* the tick before the loop sleeps again does the work */
}

static void arm_timer(struct tq_claimer *claimer, int64_t now_us)
{
    int64_t wait_us = claimer->vigil.look_us - now_us;

    if (claimer->claim.request.is_pending) {
        (void)uv_timer_stop(&claimer->timer); /* always 0 */
        return;
    }
    uv_update_time(claimer->config.loop); /* timers count from the loop's own clock */
    (void)uv_timer_start(&claimer->timer, on_timer,
                         wait_us > 0 ? (uint64_t)(wait_us + 999) / 1000 : 1, 0);
}

/* What there is room for beyond what is under way. */
static int room(const struct tq_claimer *claimer)
{
    return claimer->config.capacity(claimer->config.owner) -
           (claimer->claim.request.is_pending ? claimer->claim_limit : 0) -
           (claimer->found.request.is_pending ? claimer->found_limit : 0);
}

static void send_found(struct tq_claimer *claimer)
{
    int capacity = room(claimer);
    size_t count = claimer->found_count;

    if (count == 0 || claimer->found.request.is_pending || capacity <= 0)
        return;
    if (count > (size_t)capacity)
        count = (size_t)capacity;
    claimer->found_count -= count;
    claimer->found_limit = (int)count;
    tq_repository_claim_found(begin(&claimer->found), claimer->places + claimer->found_count,
                              claimer->ids + claimer->found_count, count, claimer->worker_id);
}

void tq_claimer_tick(struct tq_claimer *claimer)
{
    int64_t now_us = tq_clock_us();

    if (!claimer->is_running || claimer->lost_worker_id != 0 ||
        !tq_connection_is_ready(claimer->config.connection))
        return;
    if (!claimer->mark.request.is_pending && now_us >= claimer->retry_us &&
        tq_vigil_needs_promise(&claimer->vigil, now_us))
        send_mark(claimer, TQ_VIGIL_PROMISE_MS);
    ring_doorbell(claimer, now_us);
    if (now_us < claimer->vigil.look_us || claimer->claim.request.is_pending) {
        arm_timer(claimer, now_us);
        return;
    }

    if (!claimer->mark.request.is_pending && now_us >= claimer->retry_us &&
        (now_us - claimer->marked_us > MARK_EVERY_US ||
         tq_vigil_needs_mark(&claimer->vigil, now_us)))
        send_mark(claimer, 0);
    lower_cursors(claimer);
    if (!claimer->discover.request.is_pending &&
        (now_us >= claimer->discover_us || claimer->vigil.state != TQ_VIGIL_AWAKE))
        send_discover(claimer);
    send_found(claimer);

    int capacity = room(claimer);

    if (capacity > 0) {
        send_claim(claimer, capacity);
    } else {
        tq_vigil_was_full(&claimer->vigil, now_us);
    }
    arm_timer(claimer, now_us);
}

/* ---- after a look ---- */

static void maybe_ask_remaining(struct tq_claimer *claimer)
{
    const struct tq_claimer_config *config = &claimer->config;
    int64_t now_us = tq_clock_us();

    if (!config->asks_remaining || claimer->remaining.request.is_pending ||
        now_us < claimer->remaining_us || !config->is_quiet(config->owner))
        return;

    const struct tq_generation *generation = *config->generation;
    struct tq_request *request = begin(&claimer->remaining);

    tq_repository_remaining(request, generation->types, generation->type_count,
                            config->counts_future);
}

static int compare_rows(const void *a, const void *b)
{
    const struct tq_claimed *x = *(const struct tq_claimed *const *)a;
    const struct tq_claimed *y = *(const struct tq_claimed *const *)b;

    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    if (x->scheduled_at != y->scheduled_at)
        return x->scheduled_at < y->scheduled_at ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Hands the rows of an answer over in the order of claiming. Returns how many there were. */
static size_t take_rows(struct tq_claimer *claimer, const struct tq_rows *answer,
                        struct tq_claim_moment *moment)
{
    size_t answered = tq_rows_count(answer), count = 0;
    bool is_sorted = true;

    claimer->rows = tq_grow(claimer->rows, &claimer->row_capacity, answered, sizeof *claimer->rows);
    claimer->order =
        tq_grow((void *)claimer->order, &claimer->order_capacity, answered, sizeof *claimer->order);
    for (size_t i = 0; i < answered; i++) {
        if (!tq_repository_read_claimed(answer, i, &claimer->rows[count], moment))
            continue;
        claimer->order[count] = &claimer->rows[count];
        if (count > 0 && compare_rows(&claimer->order[count - 1], &claimer->order[count]) > 0)
            is_sorted = false;
        count++;
    }
    if (!is_sorted)
        qsort(claimer->order, count, sizeof *claimer->order, compare_rows);
    return count;
}

static void on_claimed(struct tq_request *request, const struct tq_rows *rows,
                       const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    struct tq_claim_moment moment = {0};

    if (err != NULL) {
        if (tq_err_is_lost(err))
            claimer->lost_worker_id = claimer->claim.worker_id;
        tq_vigil_was_refused(&claimer->vigil, tq_clock_us());
        return;
    }

    size_t count = take_rows(claimer, rows, &moment);

    for (size_t i = 0; i < count; i++)
        tq_lanes_claimed(claimer->lanes, claimer->order[i]);
    bool is_full = moment.locked >= claimer->claim_limit;

    tq_lanes_end_claim(claimer->lanes, is_full, moment.clock, tq_clock_us());
    tq_horizon_observe(claimer->horizon, moment.snapshot);
    claimer->ahead_us = moment.clock + TQ_PG_EPOCH_US - claimer->claim.sent_us;
    claimer->trip_us = tq_clock_us() - claimer->claim.sent_us;
    if (moment.xid > 0) {
        tq_horizon_mark(claimer->horizon, moment.xid, moment.clock);
        claimer->marked_us = claimer->claim.sent_us;
    }
    if (moment.locked == 0) {
        maybe_ask_remaining(claimer);
        if (tq_vigil_found_nothing(&claimer->vigil, tq_clock_us(), claimer->horizon,
                                   claimer->mark.request.is_pending) &&
            !claimer->next_due.request.is_pending)
            send_next_due(claimer);
        return;
    }
    tq_vigil_found(&claimer->vigil, tq_clock_us(), is_full);
    claimer->config.take(claimer->config.owner, claimer->order, count, claimer->claim.worker_id);
}

static void on_marked(struct tq_request *request, const struct tq_rows *rows,
                      const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    struct tq_claim_moment moment;

    if (err != NULL) {
        claimer->retry_us = tq_clock_us() + REFUSED_US;
        return;
    }
    tq_repository_read_mark(rows, &moment);
    tq_horizon_mark(claimer->horizon, moment.xid, moment.clock);
    if (moment.has_promised)
        tq_vigil_promised(&claimer->vigil, tq_clock_us());
    else
        tq_vigil_marked(&claimer->vigil, claimer->mark.sent_us, moment.xid);
}

static void on_discovered(struct tq_request *request, const struct tq_rows *rows,
                          const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    int64_t now_us = tq_clock_us();
    int64_t pause_us = (now_us - claimer->discover.sent_us) * SHARE;
    bool has_new = false;

    claimer->discover_us = now_us + (pause_us > DISCOVER_EVERY_US ? pause_us : DISCOVER_EVERY_US);
    for (size_t i = 0; err == NULL && i < tq_rows_count(rows); i++) {
        const char *type;
        int16_t priority;

        tq_repository_read_lane(rows, i, &type, &priority);
        has_new |= tq_lanes_activate(claimer->lanes, type, priority);
    }
    if (has_new) {
        claimer->discover_us = now_us; /* one priority a gap at a time: there may be more */
        tq_claimer_wake(claimer);
    }
}

static void on_next_due(struct tq_request *request, const struct tq_rows *rows,
                        const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    int64_t due_us;

    if (err != NULL || claimer->vigil.state == TQ_VIGIL_AWAKE)
        return;
    due_us = tq_repository_read_next_due_us(rows);
    if (due_us >= 0)
        tq_claimer_look_within(claimer, due_us);
}

static void on_remaining(struct tq_request *request, const struct tq_rows *rows,
                         const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);

    claimer->remaining_us =
        tq_clock_us() + REMAINING_EVERY_US + SHARE * (tq_clock_us() - claimer->remaining.sent_us);
    if (err == NULL && !claimer->ignores_remaining)
        claimer->config.on_remaining(claimer->config.owner, tq_repository_read_remaining(rows));
    claimer->ignores_remaining = false;
}

static void on_doorbell(struct tq_request *request, const struct tq_rows *rows,
                        const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    int64_t now_us = tq_clock_us();
    int64_t pause_us = (now_us - claimer->doorbell.sent_us) * SHARE;

    (void)rows; /* whether it rang is the others' business */
    claimer->doorbell_us = now_us + (pause_us > DOORBELL_EVERY_US ? pause_us : DOORBELL_EVERY_US);
}

/* ---- what went back, and what the sweep found ---- */

void tq_claimer_look_within(struct tq_claimer *claimer, int64_t delay_us)
{
    tq_vigil_look_within(&claimer->vigil, tq_clock_us(), delay_us);
}

void tq_claimer_found(struct tq_claimer *claimer, const struct tq_tid *places, const int64_t *ids,
                      size_t count)
{
    claimer->places =
        tq_grow(claimer->places, &claimer->place_capacity, count, sizeof *claimer->places);
    claimer->ids = tq_grow(claimer->ids, &claimer->id_capacity, count, sizeof *claimer->ids);
    for (size_t i = 0; i < count; i++) { /* backwards: they are taken from the end */
        claimer->places[i] = places[count - 1 - i];
        claimer->ids[i] = ids[count - 1 - i];
    }
    claimer->found_count = count;
    tq_claimer_look_within(claimer, 0);
}

static void on_found_claimed(struct tq_request *request, const struct tq_rows *rows,
                             const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    struct tq_claim_moment moment;

    if (err != NULL) {
        if (tq_err_is_lost(err))
            claimer->lost_worker_id = claimer->found.worker_id;
        return;
    }

    size_t count = take_rows(claimer, rows, &moment);

    if (count > 0)
        claimer->config.take(claimer->config.owner, claimer->order, count,
                             claimer->found.worker_id);
}

/* ---- life ---- */

static void ask_init(struct ask *ask, struct tq_claimer *claimer,
                     void (*on_done)(struct tq_request *, const struct tq_rows *,
                                     const struct tq_err *))
{
    ask->claimer = claimer;
    ask->request.connection = claimer->config.connection;
    ask->request.on_done = on_done;
}

struct tq_claimer *tq_claimer_new(const struct tq_claimer_config *config)
{
    struct tq_claimer *claimer = tq_zalloc(sizeof *claimer);

    claimer->config = *config;
    claimer->vigil.poll_us = config->poll_interval_ms * 1000;
    claimer->ahead_us = tq_clock_wall_us() - tq_clock_us(); /* until a claim tells it */
    claimer->lanes = tq_lanes_new((*config->generation)->types, (*config->generation)->type_count);
    claimer->horizon = tq_horizon_new();
    (void)uv_timer_init(config->loop, &claimer->timer); /* always 0 */
    claimer->timer.data = claimer;
    ask_init(&claimer->claim, claimer, on_claimed);
    ask_init(&claimer->found, claimer, on_found_claimed);
    ask_init(&claimer->mark, claimer, on_marked);
    ask_init(&claimer->discover, claimer, on_discovered);
    ask_init(&claimer->next_due, claimer, on_next_due);
    ask_init(&claimer->remaining, claimer, on_remaining);
    ask_init(&claimer->doorbell, claimer, on_doorbell);
    claimer->doorbell.request.connection = config->doorbell;
    return claimer;
}

static void on_closed(uv_handle_t *timer)
{
    struct tq_claimer *claimer = timer->data;

    tq_lanes_free(claimer->lanes);
    tq_horizon_free(claimer->horizon);
    free(claimer->rows);
    free((void *)claimer->order);
    free(claimer->places);
    free(claimer->ids);
    free(claimer);
}

void tq_claimer_close(struct tq_claimer *claimer)
{
    uv_close((uv_handle_t *)&claimer->timer, on_closed);
}
