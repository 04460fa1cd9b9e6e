// SPDX-License-Identifier: MIT
//
// A run: one attempt at one task, as a coroutine of a script's Lua state. The executor thread that
// owns the state owns its runs and is the only one that may call these functions.
//
//     start -> resume -> WAITING   -> (the wait ends: the executor resumes again)
//                     -> PREEMPTED -> (others had their turn: the executor resumes again)
//                     -> DONE      -> outcome -> free
//
// At any moment between two resumes the executor may interrupt (an error that the handler can catch
// once, to clean up) or stop (the coroutine never runs again, whatever it does).
#ifndef TQ_SCRIPT_RUN_H
#define TQ_SCRIPT_RUN_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct tq_event;
struct tq_handler;
struct tq_script;
struct tq_run;

/* What a handler sees of its task. Texts need not outlive tq_run_start(), except payload, which is
   decoded when the handler first touches it: it must live until tq_run_free(). */
struct tq_run_task {
    int64_t id;
    const char *type;
    const char *payload; /* JSON text */
    size_t payload_len;
    int priority;
    int attempt;           /* 1 for the first */
    int max_attempts;      /* the effective one */
    int32_t claims;        /* the fence: grows with each claim, never falls */
    int64_t created_at_us; /* since the epoch */
    int64_t scheduled_at_us;
    const char *worker_id; /* what context.worker_id shows */
    /* tq_clock_us() times: at the soft one the handler gets an error that it can catch, at the hard
       one it is stopped */
    int64_t soft_deadline_us;
    int64_t hard_deadline_us;
    const struct tq_event *event; /* what a listener is told of the task; NULL: a handler runs it */
};

enum tq_run_state { TQ_RUN_WAITING, TQ_RUN_PREEMPTED, TQ_RUN_DONE };

/* Why a run was interrupted or stopped; also the `kind` of the stored error. */
enum tq_stop {
    TQ_STOP_NONE,
    TQ_STOP_TIMEOUT,
    TQ_STOP_CANCELLED,
    TQ_STOP_MEMORY,
    TQ_STOP_INTERRUPTED, /* the worker shuts down or lost its lease */
    TQ_STOP_STUCK,       /* it held its thread for too long where Lua cannot suspend it */
};

enum tq_outcome_kind {
    TQ_OUTCOME_SUCCESS,
    TQ_OUTCOME_FAILURE, /* retried if attempts are left, unless discard */
    TQ_OUTCOME_SNOOZE,  /* again after delay_ms, no attempt used */
    TQ_OUTCOME_STOPPED, /* see stop */
};

struct tq_outcome {
    enum tq_outcome_kind kind;
    enum tq_stop stop;
    const char *result; /* JSON text, or NULL for none */
    size_t result_len;
    const char *error;      /* message of a failure, else NULL */
    const char *traceback;  /* or NULL */
    const char *error_kind; /* "error", "failure" (returned), "result" (not JSON), "timeout", ... */
    int64_t delay_ms;       /* retry_after or snooze; -1: the handler's backoff decides */
    bool is_discarded;      /* fail for good */
    const char *notes; /* JSON: {"log": [...], "log_dropped": n, "progress": {...}}; NULL: none */
};

/* Makes the coroutine of `handler` for this task. owner is what tq_run_owner() returns. Never
   fails: what goes wrong (memory, say) becomes the outcome of the first resume. */
struct tq_run *tq_run_start(struct tq_script *script, const struct tq_handler *handler,
                            const struct tq_run_task *task, void *owner);

/* When it returns DONE, no wait of the run is pending. */
enum tq_run_state tq_run_resume(struct tq_run *run);

/* The next resume raises a catchable error in the handler (in place of the result of its wait,
   which the caller has cancelled); what still runs at hard_deadline_us is stopped. False: it has
   had its one error already. */
bool tq_run_interrupt(struct tq_run *run, enum tq_stop reason, int64_t hard_deadline_us);

/* Has it stopped when it would be resumed the next time, however that comes about: as
   tq_run_stop(), while it waits for something that must not be given up. */
void tq_run_condemn(struct tq_run *run, enum tq_stop reason);

/* Does it have to end, at its next resume at the latest? The tasks of a state may be too large
   together while it waits. */
bool tq_run_is_condemned(const struct tq_run *run);

/* Ends it for good: no Lua code of it runs after this call (pending <close> variables run in it,
   within their own short budget). The run is then DONE with a STOPPED outcome, for that reason
   unless there was one already. */
void tq_run_stop(struct tq_run *run, enum tq_stop reason);

/* Asks it to stop, from another thread, while `thread` is in a slice of the run and stays there
   until this returns. It does as soon as Lua code of it runs: a C call that holds the slice has to
   return first, or to call back. */
void tq_run_ask_stop(struct tq_run *run, enum tq_stop reason, pthread_t thread);

/* JSON, {"fraction", "message"}, if the handler has told its progress since the last call; else
   NULL. */
const char *tq_run_take_progress(struct tq_run *run);

/* What the handler has said until now, as tq_outcome has it; until the next call. */
const char *tq_run_notes(const struct tq_run *run);

/* After DONE; texts live until tq_run_free(). */
const struct tq_outcome *tq_run_outcome(const struct tq_run *run);

/* Memory outside of the Lua state that is held for the run, between start and DONE: charges its
   account, or returns false when there is no room, even without garbage. What was charged is to be
   discharged before the run is DONE. */
TQ_MUST_CHECK bool tq_run_charge(struct tq_run *run, size_t bytes);
void tq_run_discharge(struct tq_run *run, size_t bytes);

/* Something outside of the Lua state that belongs to a run, and goes with it at the latest: when
   the run is DONE, its parts are released, the wait that may use them before them. */
struct tq_run_part {
    void (*release)(struct tq_run_part *part);
    struct tq_run_part *previous, *next;
};

void tq_run_add_part(struct tq_run *run, struct tq_run_part *part);
void tq_run_remove_part(struct tq_run *run, struct tq_run_part *part);
struct tq_run_part *tq_run_parts(struct tq_run *run); /* the first one, or NULL */

void *tq_run_owner(const struct tq_run *run);

void tq_run_free(struct tq_run *run);

#endif
