// SPDX-License-Identifier: MIT
//
// Tasks in hand.
//
//     claimed -> with an executor -> back: judged -> with the settler -> settled, freed
//                     ^                |
//                     '--- unstarted --' (another executor has room; else it is given back)
#include "worker/dispatcher.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "script/script.h"
#include "worker/generation.h"
#include "worker/lanes.h"
#include "worker/pace.h"
#include "worker/task_log.h"

struct tq_dispatcher {
    struct tq_dispatcher_config config;
    struct tq_task *held; /* doubly linked */
    size_t held_count;
    int slots;                  /* of all executors */
    int *loads;                 /* tasks with each executor */
    bool *is_held_up;           /* each executor */
    struct tq_letters *letters; /* for each executor, posted together */
    bool is_draining;
    struct tq_pace pace;
    int64_t now_us;  /* tq_clock_us() of this turn of the loop */
    uint64_t random; /* state of the jitter's generator */
    struct tq_dispatcher_totals totals;
};

struct tq_dispatcher *tq_dispatcher_new(const struct tq_dispatcher_config *config)
{
    struct tq_dispatcher *dispatcher = tq_zalloc(sizeof *dispatcher);

    dispatcher->config = *config;
    dispatcher->loads = tq_zalloc((size_t)config->executor_count * sizeof *dispatcher->loads);
    dispatcher->is_held_up =
        tq_zalloc((size_t)config->executor_count * sizeof *dispatcher->is_held_up);
    dispatcher->letters = tq_zalloc((size_t)config->executor_count * sizeof *dispatcher->letters);
    dispatcher->random = (uint64_t)tq_clock_wall_us() | 1;
    for (int i = 0; i < config->executor_count; i++)
        dispatcher->slots += config->slots[i];
    return dispatcher;
}

void tq_dispatcher_free(struct tq_dispatcher *dispatcher)
{
    free(dispatcher->loads);
    free(dispatcher->is_held_up);
    free(dispatcher->letters);
    free(dispatcher);
}

void tq_dispatcher_begin_turn(struct tq_dispatcher *dispatcher, int64_t now_us)
{
    dispatcher->now_us = now_us;
}

/* What no executor has any more, as far as outcomes get on: the settler's are not all ours. */
static int count_leaving(const struct tq_dispatcher *dispatcher)
{
    int flowing = (int)tq_settler_flowing(dispatcher->config.settler);
    int ended = (int)dispatcher->held_count;

    for (int i = 0; i < dispatcher->config.executor_count; i++)
        ended -= dispatcher->loads[i];
    return flowing < ended ? flowing : ended;
}

int tq_dispatcher_capacity(struct tq_dispatcher *dispatcher)
{
    int ahead = tq_pace_ahead(&dispatcher->pace, dispatcher->now_us,
                              tq_claimer_trip_us(dispatcher->config.claimer));
    int capacity =
        dispatcher->slots + ahead - ((int)dispatcher->held_count - count_leaving(dispatcher));

    if (dispatcher->is_draining || tq_events_is_full(dispatcher->config.events))
        return 0;
    for (int i = 0; i < dispatcher->config.executor_count; i++) {
        int free_slots = dispatcher->config.slots[i] - dispatcher->loads[i];

        if (dispatcher->is_held_up[i] && free_slots > 0)
            capacity -= free_slots;
    }
    return capacity;
}

void tq_dispatcher_set_held_up(struct tq_dispatcher *dispatcher, int executor, bool is_held_up)
{
    dispatcher->is_held_up[executor] = is_held_up;
}

size_t tq_dispatcher_held(const struct tq_dispatcher *dispatcher)
{
    return dispatcher->held_count;
}

static const struct tq_task *find_held(const struct tq_dispatcher *dispatcher, int64_t id,
                                       int32_t claims)
{
    const struct tq_task *task = dispatcher->held;

    while (task != NULL &&
           (task->settlement.settled.id != id || task->settlement.settled.claims != claims))
        task = task->next;
    return task;
}

bool tq_dispatcher_holds(const struct tq_dispatcher *dispatcher, int64_t id, int32_t claims)
{
    return find_held(dispatcher, id, claims) != NULL;
}

bool tq_dispatcher_holds_any_of(const struct tq_dispatcher *dispatcher, int64_t worker_id)
{
    for (const struct tq_task *task = dispatcher->held; task != NULL; task = task->next) {
        if (task->settlement.settled.worker_id == worker_id)
            return true;
    }
    return false;
}

const struct tq_dispatcher_totals *tq_dispatcher_totals(const struct tq_dispatcher *dispatcher)
{
    return &dispatcher->totals;
}

/* xorshift64*: jitter needs no better. In [0, 1). */
static double next_random(struct tq_dispatcher *dispatcher)
{
    uint64_t x = dispatcher->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    dispatcher->random = x;
    return (double)((x * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

/* ---- holding ---- */

static void hold(struct tq_dispatcher *dispatcher, struct tq_task *task)
{
    task->previous = NULL;
    task->next = dispatcher->held;
    if (dispatcher->held != NULL)
        dispatcher->held->previous = task;
    dispatcher->held = task;
    dispatcher->held_count++;
}

static void unlink_held(struct tq_dispatcher *dispatcher, struct tq_task *task)
{
    if (task->previous != NULL)
        task->previous->next = task->next;
    else
        dispatcher->held = task->next;
    if (task->next != NULL)
        task->next->previous = task->previous;
    dispatcher->held_count--;
}

static void release(struct tq_dispatcher *dispatcher, struct tq_task *task)
{
    unlink_held(dispatcher, task);
    tq_task_free(task);
}

static void count_written(struct tq_dispatcher *dispatcher, const struct tq_task *task)
{
    struct tq_dispatcher_totals *totals = &dispatcher->totals;

    totals->last_us = dispatcher->now_us;
    switch (task->settlement.verdict) {
    case TQ_VERDICT_COMPLETE:
    case TQ_VERDICT_COMPLETE_LOGGED:
        totals->completed++;
        return;
    case TQ_VERDICT_FAIL:
        totals->failed++;
        return;
    case TQ_VERDICT_REQUEUE:
    case TQ_VERDICT_COUNT:
        if (task->settlement.settled.is_handed_back)
            totals->given_back++;
        else
            totals->retried++;
        return;
    }
}

/* What went back to the queue is to be found again: at its old place, which cursors have passed, or
   when it is due, which a claimer that sleeps does not know. */
static void look_for(struct tq_dispatcher *dispatcher, const struct tq_task *task)
{
    const struct tq_settled *settled = &task->settlement.settled;

    if (task->settlement.verdict != TQ_VERDICT_REQUEUE || dispatcher->is_draining)
        return;
    if (settled->delay_us < 0)
        tq_lanes_lower_one(tq_claimer_lanes(dispatcher->config.claimer), task->type,
                           (int16_t)task->priority, tq_pg_time_before(task->scheduled_at_us));
    tq_claimer_look_within(dispatcher->config.claimer,
                           settled->delay_us < 0 ? 0 : settled->delay_us);
}

static void on_settled(struct tq_settlement *settlement, bool is_written)
{
    struct tq_dispatcher *dispatcher = settlement->owner;
    struct tq_task *task = TQ_OWNER(settlement, struct tq_task, settlement);

    if (is_written) {
        count_written(dispatcher, task);
        tq_task_log_end(task, dispatcher->config.is_watched);
        look_for(dispatcher, task);
    } else if (!task->is_fenced) {
        dispatcher->totals.lost++;
        tq_task_log_loss(task);
    }
    unlink_held(dispatcher, task);
    if (!is_written || !tq_events_take(dispatcher->config.events, task))
        tq_task_free(task);
}

/* ---- handing out ---- */

static void add_letter(struct tq_dispatcher *dispatcher, int executor, struct tq_task *task)
{
    task->executor = executor;
    task->letter.kind = TQ_LETTER_TASK;
    tq_letters_add(&dispatcher->letters[executor], &task->letter);
    dispatcher->loads[executor]++;
}

static void post_letters(struct tq_dispatcher *dispatcher)
{
    for (int i = 0; i < dispatcher->config.executor_count; i++)
        tq_executor_give(dispatcher->config.executors[i], &dispatcher->letters[i]);
}

/* Which of two executors is to get a task: one that gets on, then the less loaded for its slots. */
static bool is_better(const struct tq_dispatcher *dispatcher, int a, int b)
{
    const int *loads = dispatcher->loads, *slots = dispatcher->config.slots;

    if (dispatcher->is_held_up[a] != dispatcher->is_held_up[b])
        return dispatcher->is_held_up[b];
    return (int64_t)loads[a] * slots[b] < (int64_t)loads[b] * slots[a];
}

static int best_executor(const struct tq_dispatcher *dispatcher)
{
    int best = 0;

    for (int i = 1; i < dispatcher->config.executor_count; i++) {
        if (is_better(dispatcher, i, best))
            best = i;
    }
    return best;
}

/* Gives a task to the current generation; false when that has no handler for it: there was one when
   the claim was sent. */
static bool bind_to_current(const struct tq_dispatcher *dispatcher, struct tq_task *task)
{
    struct tq_generation *generation = *dispatcher->config.generation;
    const struct tq_handler *handler = tq_script_find(generation->script, task->type);

    if (handler == NULL)
        return false;
    tq_task_bind(task, generation, handler,
                 (size_t)(handler - tq_script_handler(generation->script, 0)));
    return true;
}

void tq_dispatcher_take(struct tq_dispatcher *dispatcher, const struct tq_claimed *const *rows,
                        size_t count, int64_t worker_id)
{
    if (dispatcher->totals.first_us == 0)
        dispatcher->totals.first_us = dispatcher->now_us;
    dispatcher->totals.claimed += (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        struct tq_task *task = tq_task_new(rows[i], worker_id);
        bool has_handler = bind_to_current(dispatcher, task);

        task->settlement.owner = dispatcher;
        task->settlement.on_settled = on_settled;
        hold(dispatcher, task);
        if (dispatcher->is_draining || task->is_exhausted || !has_handler) {
            task->is_unstarted = !task->is_exhausted;
            tq_dispatcher_take_back(dispatcher, task);
        } else {
            add_letter(dispatcher, best_executor(dispatcher), task);
        }
    }
    post_letters(dispatcher);
}

/* ---- taking back ---- */

/* An executor for a task that has not started: any when a reload is why, one with a free slot when
   another one could not start it in time; or -1. */
static int find_place(struct tq_dispatcher *dispatcher, struct tq_task *task)
{
    int best = best_executor(dispatcher);
    bool has_room =
        !dispatcher->is_held_up[best] && dispatcher->loads[best] < dispatcher->config.slots[best];

    if (task->generation != *dispatcher->config.generation)
        return bind_to_current(dispatcher, task) ? best : -1;
    return has_room ? best : -1;
}

void tq_dispatcher_take_back(struct tq_dispatcher *dispatcher, struct tq_task *task)
{
    int room;

    if (task->letter.kind == TQ_LETTER_STARTED) {
        tq_events_started(dispatcher->config.events, task);
        return;
    }
    if (task->letter.kind == TQ_LETTER_HEARD) {
        tq_events_heard(dispatcher->config.events, task);
        return;
    }
    if (task->executor >= 0)
        dispatcher->loads[task->executor]--;
    if (task->is_announced)
        tq_events_count_announced(dispatcher->config.events);
    task->last_executor = task->executor;
    task->executor = -1;
    if (task->is_fenced && !task->is_committed) {
        release(dispatcher, task);
        return;
    }
    if (!task->is_unstarted) {
        tq_pace_add(&dispatcher->pace, dispatcher->now_us, 1);
    } else if (!dispatcher->is_draining && (room = find_place(dispatcher, task)) >= 0) {
        task->is_unstarted = false;
        add_letter(dispatcher, room, task);
        post_letters(dispatcher);
        return;
    } else if (!dispatcher->is_draining) {
        tq_pace_ease(&dispatcher->pace, dispatcher->now_us);
    }
    tq_task_judge(task, next_random(dispatcher),
                  tq_claimer_database_us(dispatcher->config.claimer, dispatcher->now_us));
    if (task->is_committed || task->is_lost)
        on_settled(&task->settlement, task->is_committed); /* by the handler's transaction */
    else
        tq_settler_add(dispatcher->config.settler, &task->settlement);
}

void tq_dispatcher_lose(struct tq_dispatcher *dispatcher, struct tq_task *task, enum tq_stop reason,
                        const char *kind, const char *error)
{
    if (task->hearing != NULL) {
        tq_events_lose(dispatcher->config.events, task);
        return;
    }

    struct tq_task *copy = tq_task_copy(task);

    unlink_held(dispatcher, task);
    hold(dispatcher, copy);
    copy->executor = task->executor;
    copy->is_fenced = task->is_fenced;
    copy->outcome = TQ_OUTCOME_STOPPED;
    copy->stop = reason;
    copy->error_kind = tq_strdup(kind);
    copy->error = tq_strdup(error);
    tq_dispatcher_take_back(dispatcher, copy);
}

void tq_dispatcher_cancel(struct tq_dispatcher *dispatcher, int64_t id, int32_t claims)
{
    const struct tq_task *task = find_held(dispatcher, id, claims);

    if (task != NULL && task->executor >= 0)
        tq_executor_cancel(dispatcher->config.executors[task->executor], id, claims);
}

static void order_all(struct tq_dispatcher *dispatcher, enum tq_letter_kind order)
{
    for (int i = 0; i < dispatcher->config.executor_count; i++)
        tq_executor_order(dispatcher->config.executors[i], order);
}

void tq_dispatcher_drain(struct tq_dispatcher *dispatcher)
{
    dispatcher->is_draining = true;
    order_all(dispatcher, TQ_LETTER_GIVE_BACK);
}

size_t tq_dispatcher_interrupt(struct tq_dispatcher *dispatcher)
{
    order_all(dispatcher, TQ_LETTER_INTERRUPT);
    return dispatcher->held_count;
}

static bool is_fenced(const struct tq_settlement *settlement, void *arg)
{
    const struct tq_dispatcher *dispatcher = arg;
    const struct tq_task *task = TQ_OWNER(settlement, struct tq_task, settlement);

    return settlement->on_settled == on_settled && settlement->owner == dispatcher &&
           task->is_fenced;
}

void tq_dispatcher_fence(struct tq_dispatcher *dispatcher)
{
    for (struct tq_task *task = dispatcher->held; task != NULL; task = task->next)
        task->is_fenced = true;
    tq_settler_drop(dispatcher->config.settler, is_fenced, dispatcher);
    order_all(dispatcher, TQ_LETTER_INTERRUPT);
}
