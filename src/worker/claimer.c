// SPDX-License-Identifier: MIT
//
// When to look, and what to do with the answer.
#include "worker/claimer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "worker/horizon.h"
#include "worker/lanes.h"

enum {
    MAX_CLAIM = 4096,
    PROMISE_MS = 100,
    PROMISE_RENEW_US = 50000, /* renewed when less is left of it */
    MARK_EVERY_US = 100000,   /* how old the newest mark may be at a look */
    LOOK_EVERY_US = 1500,
    AWAKE_US = 20000, /* after the last task found */
    SLACK_US = 5000,  /* of the horizon */
    DISCOVER_EVERY_US = 5000,
    DISCOVER_SHARE = 20, /* at most a twentieth of the time */
    OPEN_LOOK_US = 250000,
    REMAINING_EVERY_US = 20000,
    DOORBELL_EVERY_US = 20000,
};

/* Looks after the promise has lapsed. */
static const int64_t lapse_us[] = {2000, 10000, 50000, 250000};
enum { LAPSE_STEPS = sizeof lapse_us / sizeof *lapse_us };

enum wakefulness { AWAKE, LAPSING, ASLEEP };

/* A statement of which at most one is under way. */
struct ask {
    struct tq_request request; /* first */
    struct tq_claimer *claimer;
    bool is_pending;
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

    enum wakefulness wakefulness;
    int64_t look_us;      /* when to look next */
    int64_t found_us;     /* when a task was found last, or somebody woke us */
    int64_t promise_us;   /* until when producers rely on us */
    int64_t marked_us;    /* when the newest mark was asked for */
    int64_t discover_us;  /* when discovery may run next */
    int64_t remaining_us; /* when that may be asked next */
    int64_t doorbell_us;  /* when it may be rung next */
    int lapse_step;
    int64_t lapse_xmax; /* of the first snapshot after the lapse */

    struct ask claim, found, mark, discover, next_due, remaining, doorbell;
    int claim_limit, found_limit; /* of what is under way */

    struct tq_claimed *rows; /* of the answer being taken, and pointers to them in order */
    const struct tq_claimed **order;
    size_t row_capacity, order_capacity;
};

static void on_claimed(struct tq_request *request, const struct tq_rows *rows,
                       const struct tq_err *err);
static void on_found_claimed(struct tq_request *request, const struct tq_rows *rows,
                             const struct tq_err *err);
static void on_marked(struct tq_request *request, const struct tq_rows *rows,
                      const struct tq_err *err);
static void on_discovered(struct tq_request *request, const struct tq_rows *rows,
                          const struct tq_err *err);
static void on_next_due(struct tq_request *request, const struct tq_rows *rows,
                        const struct tq_err *err);
static void on_remaining(struct tq_request *request, const struct tq_rows *rows,
                         const struct tq_err *err);
static void on_doorbell(struct tq_request *request, const struct tq_rows *rows,
                        const struct tq_err *err);

static void ask_init(struct ask *ask, struct tq_claimer *claimer,
                     void (*on_done)(struct tq_request *, const struct tq_rows *,
                                     const struct tq_err *))
{
    ask->claimer = claimer;
    ask->request.on_done = on_done;
}

/* Marks an ask as under way; the send follows at once. */
static struct tq_request *begin(struct ask *ask)
{
    ask->is_pending = true;
    ask->sent_us = tq_clock_us();
    ask->worker_id = ask->claimer->worker_id;
    return &ask->request;
}

/* The claimer of an answered ask; logs a refusal (a lost connection is logged by its owner). */
static struct tq_claimer *end(struct tq_request *request, const struct tq_err *err)
{
    struct ask *ask = (struct ask *)request;

    ask->is_pending = false;
    if (err != NULL && err->domain != TQ_ERR_CONNECT)
        tq_log(TQ_LOG_ERROR, "claimer", "the database refused a statement", "error=%s",
               err->message);
    return ask->claimer;
}

struct tq_claimer *tq_claimer_new(const struct tq_claimer_config *config)
{
    struct tq_claimer *claimer = tq_zalloc(sizeof *claimer);

    claimer->config = *config;
    claimer->lanes = tq_lanes_new(config->types, config->type_count);
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
    return claimer;
}

static void on_closed(uv_handle_t *timer)
{
    struct tq_claimer *claimer = timer->data;

    tq_lanes_free(claimer->lanes);
    tq_horizon_free(claimer->horizon);
    free(claimer->rows);
    free((void *)claimer->order);
    free(claimer);
}

void tq_claimer_close(struct tq_claimer *claimer)
{
    uv_close((uv_handle_t *)&claimer->timer, on_closed);
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

void tq_claimer_wake(struct tq_claimer *claimer)
{
    claimer->wakefulness = AWAKE;
    claimer->found_us = claimer->look_us = tq_clock_us();
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

void tq_claimer_recovered(struct tq_claimer *claimer)
{
    claimer->lost_worker_id = 0;
    tq_claimer_wake(claimer);
}

bool tq_claimer_is_busy(const struct tq_claimer *claimer)
{
    return claimer->claim.is_pending || claimer->found.is_pending;
}

int64_t tq_claimer_worker_id(const struct tq_claimer *claimer)
{
    return claimer->worker_id;
}

struct tq_lanes *tq_claimer_lanes(struct tq_claimer *claimer)
{
    return claimer->lanes;
}

/* ---- looking ---- */

static void send_mark(struct tq_claimer *claimer, int promise_ms)
{
    claimer->marked_us = tq_clock_us();
    tq_repository_mark(claimer->config.connection, begin(&claimer->mark), promise_ms);
}

static void send_discover(struct tq_claimer *claimer)
{
    size_t gap_count, resting_count;
    const struct tq_lane_gap *gaps = tq_lanes_gaps(claimer->lanes, &gap_count);
    const struct tq_lane_cursor *resting = tq_lanes_resting(claimer->lanes, &resting_count);

    tq_repository_discover(claimer->config.connection, begin(&claimer->discover), gaps, gap_count,
                           resting, resting_count);
}

static void send_claim(struct tq_claimer *claimer, int capacity)
{
    int64_t horizon = tq_horizon_time(claimer->horizon);
    size_t count;

    tq_lanes_lower(claimer->lanes, horizon == TQ_PG_TIME_MIN ? horizon : horizon - SLACK_US);

    const struct tq_lane_cursor *lanes = tq_lanes_active(claimer->lanes, &count);

    claimer->claim_limit = capacity < MAX_CLAIM ? capacity : MAX_CLAIM;
    tq_repository_claim(claimer->config.connection, begin(&claimer->claim), lanes, count,
                        claimer->claim_limit, claimer->worker_id);
}

static void send_next_due(struct tq_claimer *claimer)
{
    size_t count;
    const struct tq_lane_cursor *lanes = tq_lanes_all(claimer->lanes, &count);

    tq_repository_next_due(claimer->config.connection, begin(&claimer->next_due), lanes, count);
}

/* While producers keep silent because of us, we are the others' doorbell. */
static void ring_doorbell(struct tq_claimer *claimer, int64_t now_us)
{
    const struct tq_claimer_config *config = &claimer->config;
    size_t count;

    if (!claimer->has_others || claimer->doorbell.is_pending || now_us < claimer->doorbell_us ||
        now_us > claimer->promise_us)
        return;

    const struct tq_lane_cursor *lanes = tq_lanes_all(claimer->lanes, &count);
    struct tq_request *request = begin(&claimer->doorbell);

    tq_repository_ring_doorbell(config->connection, request, config->types, config->type_count,
                                lanes, count, config->capacity(config->owner) <= 0,
                                claimer->worker_id);
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer; /* the tick before the loop sleeps again does the work */
}

static void arm_timer(struct tq_claimer *claimer, int64_t now_us)
{
    int64_t wait_us = claimer->look_us - now_us;

    if (claimer->claim.is_pending) {
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
           (claimer->claim.is_pending ? claimer->claim_limit : 0) -
           (claimer->found.is_pending ? claimer->found_limit : 0);
}

void tq_claimer_tick(struct tq_claimer *claimer)
{
    int64_t now_us = tq_clock_us();

    if (!claimer->is_running || claimer->lost_worker_id != 0 ||
        !tq_connection_is_ready(claimer->config.connection))
        return;
    if (claimer->wakefulness == AWAKE && !claimer->mark.is_pending &&
        claimer->promise_us - now_us < PROMISE_RENEW_US)
        send_mark(claimer, PROMISE_MS);
    ring_doorbell(claimer, now_us);
    if (now_us < claimer->look_us || claimer->claim.is_pending) {
        arm_timer(claimer, now_us);
        return;
    }

    int capacity = room(claimer);

    if (!claimer->mark.is_pending && now_us - claimer->marked_us > MARK_EVERY_US)
        send_mark(claimer, 0);
    if (!claimer->discover.is_pending && now_us >= claimer->discover_us)
        send_discover(claimer);
    if (capacity > 0) {
        send_claim(claimer, capacity);
    } else {
        claimer->found_us = now_us; /* full: not idle, and the promise is kept */
        claimer->look_us = now_us + LOOK_EVERY_US;
    }
    arm_timer(claimer, now_us);
}

/* ---- after a look ---- */

static void look_again(struct tq_claimer *claimer, int64_t delay_us)
{
    claimer->look_us = tq_clock_us() + delay_us;
}

/* Nothing was found: how long until the next look. */
static void wind_down(struct tq_claimer *claimer)
{
    int64_t now_us = tq_clock_us();

    if (claimer->wakefulness == AWAKE && now_us - claimer->found_us > AWAKE_US) {
        claimer->wakefulness = LAPSING;
        claimer->lapse_step = 0;
    }
    if (claimer->wakefulness == AWAKE ||
        (claimer->wakefulness == LAPSING &&
         (now_us < claimer->promise_us || claimer->mark.is_pending))) {
        look_again(claimer, LOOK_EVERY_US);
        claimer->lapse_xmax = tq_horizon_xmax(claimer->horizon);
        return;
    }
    if (claimer->wakefulness == LAPSING && claimer->lapse_step == 0)
        claimer->lapse_xmax = tq_horizon_xmax(claimer->horizon);
    if (claimer->wakefulness == LAPSING && claimer->lapse_step < LAPSE_STEPS) {
        look_again(claimer, lapse_us[claimer->lapse_step++]);
        return;
    }
    if (claimer->wakefulness == LAPSING &&
        tq_horizon_has_open_before(claimer->horizon, claimer->lapse_xmax)) {
        look_again(claimer, OPEN_LOOK_US);
        return;
    }
    claimer->wakefulness = ASLEEP;
    look_again(claimer, claimer->config.poll_interval_ms * 1000);
    if (!claimer->next_due.is_pending)
        send_next_due(claimer);
}

static void maybe_ask_remaining(struct tq_claimer *claimer)
{
    const struct tq_claimer_config *config = &claimer->config;
    int64_t now_us = tq_clock_us();

    if (!config->asks_remaining || claimer->remaining.is_pending ||
        now_us < claimer->remaining_us || !config->is_quiet(config->owner))
        return;

    struct tq_request *request = begin(&claimer->remaining);

    tq_repository_remaining(config->connection, request, config->types, config->type_count,
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
    void *rows = claimer->rows, *order = (void *)claimer->order;
    bool is_sorted = true;

    tq_grow(&rows, &claimer->row_capacity, answered, sizeof *claimer->rows);
    tq_grow(&order, &claimer->order_capacity, answered, sizeof *claimer->order);
    claimer->rows = rows;
    claimer->order = order;
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
        if (err->domain == TQ_ERR_CONNECT)
            claimer->lost_worker_id = claimer->claim.worker_id;
        look_again(claimer, OPEN_LOOK_US);
        return;
    }

    size_t count = take_rows(claimer, rows, &moment);

    for (size_t i = 0; i < count; i++)
        tq_lanes_claimed(claimer->lanes, claimer->order[i]);
    tq_lanes_end_claim(claimer->lanes, claimer->claim_limit, moment.clock, tq_clock_us());
    tq_horizon_observe(claimer->horizon, moment.snapshot);
    if (moment.xid > 0) {
        tq_horizon_mark(claimer->horizon, moment.xid, moment.clock);
        claimer->marked_us = claimer->claim.sent_us;
    }
    if (count == 0) {
        maybe_ask_remaining(claimer);
        wind_down(claimer);
        return;
    }
    claimer->wakefulness = AWAKE;
    claimer->found_us = tq_clock_us();
    look_again(claimer, count < (size_t)claimer->claim_limit ? LOOK_EVERY_US : 0);
    claimer->config.take(claimer->config.owner, claimer->order, count, claimer->claim.worker_id);
}

static void on_marked(struct tq_request *request, const struct tq_rows *rows,
                      const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    struct tq_claim_moment moment;

    if (err != NULL)
        return;
    tq_repository_read_mark(rows, &moment);
    tq_horizon_mark(claimer->horizon, moment.xid, moment.clock);
    if (moment.has_promised)
        claimer->promise_us = tq_clock_us() + PROMISE_MS * 1000;
}

static void on_discovered(struct tq_request *request, const struct tq_rows *rows,
                          const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    int64_t now_us = tq_clock_us();
    int64_t pause_us = (now_us - claimer->discover.sent_us) * DISCOVER_SHARE;
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

    if (err != NULL || claimer->wakefulness != ASLEEP)
        return;
    due_us = tq_repository_read_next_due_us(rows);
    if (due_us >= 0 && due_us < claimer->config.poll_interval_ms * 1000)
        look_again(claimer, due_us);
}

static void on_remaining(struct tq_request *request, const struct tq_rows *rows,
                         const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);

    claimer->remaining_us = tq_clock_us() + REMAINING_EVERY_US +
                            DISCOVER_SHARE * (tq_clock_us() - claimer->remaining.sent_us);
    if (err == NULL)
        claimer->config.on_remaining(claimer->config.owner, tq_repository_read_remaining(rows));
}

static void on_doorbell(struct tq_request *request, const struct tq_rows *rows,
                        const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    int64_t now_us = tq_clock_us();
    int64_t pause_us = (now_us - claimer->doorbell.sent_us) * DISCOVER_SHARE;

    (void)rows; /* whether it rang is the others' business */
    claimer->doorbell_us = now_us + (pause_us > DOORBELL_EVERY_US ? pause_us : DOORBELL_EVERY_US);
}

/* ---- what the sweep found ---- */

void tq_claimer_found(struct tq_claimer *claimer, const struct tq_tid *places, const int64_t *ids,
                      size_t count)
{
    int capacity = room(claimer);

    if (!claimer->is_running || claimer->lost_worker_id != 0 || claimer->found.is_pending ||
        capacity <= 0 || !tq_connection_is_ready(claimer->config.connection))
        return;
    if (count > (size_t)capacity)
        count = (size_t)capacity;
    claimer->found_limit = (int)count;
    tq_repository_claim_found(claimer->config.connection, begin(&claimer->found), places, ids,
                              count, claimer->worker_id);
}

static void on_found_claimed(struct tq_request *request, const struct tq_rows *rows,
                             const struct tq_err *err)
{
    struct tq_claimer *claimer = end(request, err);
    struct tq_claim_moment moment;

    if (err != NULL) {
        if (err->domain == TQ_ERR_CONNECT)
            claimer->lost_worker_id = claimer->found.worker_id;
        return;
    }

    size_t count = take_rows(claimer, rows, &moment);

    if (count > 0)
        claimer->config.take(claimer->config.owner, claimer->order, count,
                             claimer->found.worker_id);
}
