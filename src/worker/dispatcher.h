// SPDX-License-Identifier: MIT
//
// The dispatcher claims batches, hands tasks to the executors, and brings how they ended to the settler.
// It owns every task that this process holds, the lanes and the horizon; it decides when to look:
//
//     AWAKE    looks every 1-2 ms and has promised so (taskq.awake_until): producers need not notify
//     LAPSING  found nothing for a while: no longer renews the promise, looks until it has lapsed, and
//              then after 2, 10, 50 and 250 ms, and as long as a transaction is open that was open at
//              the lapse: its producer may have relied on the promise
//     ASLEEP   waits for NOTIFY, the next due time, or the poll interval
//
// Capacity: the slots, plus what the last 20 ms finished, minus what is held. Held is everything from
// claim to settlement, so outcomes that cannot be written stop the claims. Main thread only.
#ifndef TQ_WORKER_DISPATCHER_H
#define TQ_WORKER_DISPATCHER_H

#include "worker/executor.h"
#include "worker/settler.h"
#include "worker/task.h"

struct tq_dispatcher;
struct tq_lanes;
struct tq_script;

struct tq_dispatcher_config {
    uv_loop_t *loop;
    struct tq_connection *claim; /* the claim connection */
    struct tq_settler *settler;
    const struct tq_script *script; /* the handlers' facts */
    const char *const *types;       /* those it claims */
    size_t type_count;
    struct tq_executor *const *executors;
    const int *slots; /* of each executor */
    int executor_count;
    int concurrency;
    int64_t poll_interval_ms;
    bool is_until_empty, is_until_idle;
    void *owner;
    void (*on_empty)(void *owner);   /* until-empty or until-idle is reached */
    void (*on_drained)(void *owner); /* after tq_dispatcher_drain(): nothing is held any more */
};

struct tq_dispatcher *tq_dispatcher_new(const struct tq_dispatcher_config *config);

/* Frees, by the loop's next turn. Nothing is held and the claim connection is closed. */
void tq_dispatcher_close(struct tq_dispatcher *dispatcher);

/* The lease holds under this worker id: claims may begin. */
void tq_dispatcher_resume(struct tq_dispatcher *dispatcher, int64_t worker_id);

/* The lease is lost: nothing that is held belongs to us any more. Interrupts, and drops outcomes. */
void tq_dispatcher_fence(struct tq_dispatcher *dispatcher);

/* Another server: cursors and transaction ids mean nothing any more. */
void tq_dispatcher_forget(struct tq_dispatcher *dispatcher);

/* Events of the claim connection. */
void tq_dispatcher_connected(struct tq_dispatcher *dispatcher);
void tq_dispatcher_disconnected(struct tq_dispatcher *dispatcher);
void tq_dispatcher_wake(struct tq_dispatcher *dispatcher);

/* The connection broke while a claim was under way: its answer is lost, and tasks may run under our id
   that nobody runs. Claims stop until tq_dispatcher_recovered(). */
bool tq_dispatcher_needs_recovery(const struct tq_dispatcher *dispatcher);
bool tq_dispatcher_holds(const struct tq_dispatcher *dispatcher, int64_t id);
void tq_dispatcher_recovered(struct tq_dispatcher *dispatcher);

/* The sweep found these behind the cursors. Takes as many as it has room for. */
void tq_dispatcher_found(struct tq_dispatcher *dispatcher, const struct tq_tid *places,
                         const int64_t *ids, size_t count);
struct tq_lanes *tq_dispatcher_lanes(struct tq_dispatcher *dispatcher);

/* A task back from an executor. */
void tq_dispatcher_take_back(struct tq_dispatcher *dispatcher, struct tq_task *task);

/* Stops claiming and takes back what has not started; on_drained follows. */
void tq_dispatcher_drain(struct tq_dispatcher *dispatcher);

/* Interrupts what runs, to be given back. */
void tq_dispatcher_interrupt(struct tq_dispatcher *dispatcher);

struct tq_dispatcher_totals {
    int64_t completed, failed, retried, given_back, lost;
    size_t held;
    int64_t first_us, last_us; /* tq_clock_us() of the first claim and the last settlement */
};

void tq_dispatcher_read_totals(const struct tq_dispatcher *dispatcher,
                               struct tq_dispatcher_totals *totals);

#endif
