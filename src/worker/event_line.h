// SPDX-License-Identifier: MIT
//
// An event as a line of text, for those who follow the fleet. Fields between tabs:
//
//     completed  2026-11-24T09:30:00.123456Z  7  email:send  12 ms  {"event":"completed",...}
//
// that is, the event, its time, the task's id and type, a summary for people, and a JSON document.
// A line fits a notification: payload, result and traceback are left out, and the error's message
// is cut, where they are too long; "cut" in the document names them.
#ifndef TQ_WORKER_EVENT_LINE_H
#define TQ_WORKER_EVENT_LINE_H

#include "base/buffer.h"
#include "script/event.h"
#include "worker/task.h"

enum { TQ_EVENT_LINE_MOST = 7900 }; /* PostgreSQL refuses 8000 */

/* Without an end of line. worker is the name; now_us is since the epoch. */
void tq_event_line_add(struct tq_buf *out, const struct tq_task *task, const struct tq_event *event,
                       const char *worker, int64_t now_us);

/* "dropped", and how many. */
void tq_event_line_add_dropped(struct tq_buf *out, int64_t count, const char *worker,
                               int64_t now_us);

#endif
