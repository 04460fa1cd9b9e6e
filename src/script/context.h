// SPDX-License-Identifier: MIT
//
// What the binding layer may know of the script that its functions run in: the host, the task of
// the running handler, and how to wait. For C functions called by Lua, on the thread of the script.
#ifndef TQ_SCRIPT_CONTEXT_H
#define TQ_SCRIPT_CONTEXT_H

#include "base/log.h"
#include "script/json.h"
#include "script/run.h"

struct lua_State;
struct luaL_Reg;

const void *tq_context_host(struct lua_State *L); /* of the script's config */

/* The run whose handler is running, or NULL at a file's top level. */
struct tq_run *tq_context_run(struct lua_State *L);
const struct tq_run_task *tq_context_task(const struct tq_run *run);

size_t tq_context_memory_limit(const struct tq_run *run); /* bytes, of its handler */

/* The handler learnt that the worker shuts down: if it fails now, it was interrupted. */
void tq_context_note_shutdown(struct tq_run *run);

/* Was the handler told to end because somebody cancelled the task? */
bool tq_context_is_cancelled(const struct tq_run *run);

/* What tostring() has of the value, for the log and what is kept: C's texts end at a NUL, and jsonb
   has none. Each becomes \u0000, as the log writes other control characters. [-0, +1, e] */
const char *tq_context_push_text(struct lua_State *L, int index);

/* Keeps a line of the log with the attempt: the last 100 lines, at most 16 KB of them. */
void tq_context_keep_line(struct tq_run *run, enum tq_log_level level, const char *message,
                          const struct tq_log_pair *pairs, size_t count);

/* How far the handler is, 0 to 1; message may be NULL. */
void tq_context_set_progress(struct tq_run *run, double fraction, const char *message);

/* A transaction of the handler was rolled back for this reason: if it now returns nil, it failed.
   NULL: that is settled. */
void tq_context_note_rollback(struct tq_run *run, const char *reason);

/* Pushes "file:line: " of the line that is to blame: of a caller outside the program's own modules,
   or else of the handler's beginning. [-0, +1, m] */
void tq_context_push_place(struct lua_State *L);

/* A lua_CFunction: raises the text at index 1, with that place before it. */
int tq_context_refuse(struct lua_State *L);

/* May tq_context_check_wait() succeed now? */
bool tq_context_can_wait(struct lua_State *L);

/* Whether a payload fits the handler of that type, if this generation has one; see payload.h. */
const char *tq_context_check_payload(struct lua_State *L, const char *type, int index);

/* Scratch for tq_json_encode(); what it holds is valid until the next call into Lua. */
struct tq_json_text *tq_context_json(struct lua_State *L);

/* Makes the table on top a module for require, read-only to scripts. [-1, +0, m] */
void tq_context_add_module(struct lua_State *L, const char *name);

/* Replaces the table on top by a read-only view of it. [-1, +1, m] */
void tq_context_push_view(struct lua_State *L);

/* As require does. [-0, +1, e] */
void tq_context_require(struct lua_State *L, const char *name);

/* Gives every handler's context these functions; they are called without a self. [-0, +0, m] */
void tq_context_add_functions(struct lua_State *L, const struct luaL_Reg *functions);

/* Raises an error that names `what` where Lua cannot wait, or where the handler is to be
   interrupted. To be called before the wait is made. Returns the run. [-0, +0, v] */
struct tq_run *tq_context_check_wait(struct lua_State *L, const char *what);

/* Suspends the handler until the executor resumes its run, then returns what finish(wait) returns
   as a C function's results. release(wait) is called exactly once, however the wait ends. To be
   used as `return tq_context_wait(...)`. */
int tq_context_wait(struct lua_State *L, void *wait, bool is_done,
                    int (*finish)(struct lua_State *L, void *wait), void (*release)(void *wait));

#endif
