// SPDX-License-Identifier: MIT
//
// Events in the life of a task, and the listeners that a script has for them: what its files below
// listeners/ gave to taskq.on(). A listener runs as a handler does (script/run.h), as the run of a
// task with an event. Listeners belong to their script: a new generation has its own.
#ifndef TQ_SCRIPT_EVENT_H
#define TQ_SCRIPT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_State;
struct tq_handler;
struct tq_script;

enum tq_event_kind {
    TQ_EVENT_CREATED,
    TQ_EVENT_STARTED,
    TQ_EVENT_COMPLETED,
    TQ_EVENT_FAILED,
    TQ_EVENT_COUNT,
};

/* What a listener is told beside the task. Texts must live until tq_run_free(). */
struct tq_event {
    enum tq_event_kind kind;
    int64_t duration_us; /* completed: from the handler's start to its end */
    const char *result;  /* completed: JSON, or NULL for none */
    size_t result_len;
    const char *error, *traceback, *error_kind; /* failed; traceback may be NULL */
    bool will_retry;                            /* failed */
};

const char *tq_event_name(enum tq_event_kind kind); /* "worker-task:completed" */

/* Whether the script has a listener for this; the first tells quickly that there is none. */
bool tq_script_listens(const struct tq_script *script, enum tq_event_kind kind);
size_t tq_script_listener_count(const struct tq_script *script, enum tq_event_kind kind);

/* The n-th listener, in the order of the files and of their calls, for tq_run_start(). Its type is
   the event's name. */
const struct tq_handler *tq_script_listener(const struct tq_script *script, enum tq_event_kind kind,
                                            size_t n);

/* Registers the function at index for the event called name; raises where that is not possible.
   For taskq.on(). [-0, +0, v] */
void tq_listener_add(struct lua_State *L, const char *name, int index);

#endif
