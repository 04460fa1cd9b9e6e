// SPDX-License-Identifier: MIT
//
// The parts of the `taskq` module, for binding/ only. Each function pushes or fills a table.
#ifndef TQ_BINDING_MODULE_H
#define TQ_BINDING_MODULE_H

#include <lua.h>

#include "binding/host.h"

/* Waits for wait, which `what` names in errors; finish is as in tq_context_wait(). */
int tq_binding_wait(lua_State *L, struct tq_wait *wait, int (*finish)(lua_State *L, void *wait));

const struct tq_host *tq_binding_host(lua_State *L);

/* Replaces the values from index `first` to the top by texts that can be parameters, and pushes an
   array of them, which is valid while they are there. [-0, +1, e] */
const char **tq_binding_check_parameters(lua_State *L, int first, int *count);

/* Runs a query, whose max_bytes is filled in, and waits for it; see tq_binding_wait(). */
int tq_binding_run_query(lua_State *L, const char *what, const struct tq_host_query *query,
                         int (*finish)(lua_State *L, void *wait));

/* NULL: nil. [-0, +1, e] */
void tq_binding_push_cell(lua_State *L, const struct tq_column *column, const char *text,
                          size_t len);

int tq_binding_push_failure(lua_State *L, const struct tq_err *err); /* nil, message, sqlstate */
int tq_binding_push_error(lua_State *L, const struct tq_err *err);   /* nil, message, code */

/* Fields of the table at index 1; what they give stays on the stack. A text may be missing: NULL. A
   list is one of strings, with a NULL at its end; too_many is what is raised when they are. */
const char *tq_binding_get_text(lua_State *L, const char *field, size_t *len);
int64_t tq_binding_get_integer(lua_State *L, const char *field);
const char **tq_binding_get_list(lua_State *L, const char *field, const char *too_many,
                                 size_t *count);

void tq_binding_push_json(lua_State *L); /* taskq.json; [-0, +1, m] */
void tq_binding_push_log(lua_State *L);  /* taskq.log; [-0, +1, m] */
void tq_binding_add_cjson(lua_State *L); /* the modules cjson and cjson.safe; [-0, +0, m] */

int tq_binding_begin(lua_State *L); /* lua_CFunctions of taskq.core */
int tq_binding_commit(lua_State *L);
int tq_binding_fetch(lua_State *L);
int tq_binding_make_folder(lua_State *L);
int tq_binding_random_name(lua_State *L);
int tq_binding_refuse(lua_State *L);
int tq_binding_hint(lua_State *L);
int tq_binding_pipe_close(lua_State *L);
int tq_binding_pipe_open(lua_State *L);
int tq_binding_pipe_read(lua_State *L);
int tq_binding_pipe_write(lua_State *L);
int tq_binding_send_mail(lua_State *L);
int tq_binding_spawn(lua_State *L);

int tq_binding_query(lua_State *L); /* lua_CFunctions of taskq */
int tq_binding_on(lua_State *L);
int tq_binding_enqueue(lua_State *L);
int tq_binding_enqueue_many(lua_State *L);
int tq_binding_cancel(lua_State *L);
int tq_binding_retry(lua_State *L);
int tq_binding_stats(lua_State *L);

int tq_binding_progress(lua_State *L);    /* lua_CFunctions of contexts */
int tq_binding_transaction(lua_State *L); /* of a handler's context */
void tq_binding_open_transaction(lua_State *L);

int tq_binding_db_query(lua_State *L); /* of a transaction */
int tq_binding_db_enqueue(lua_State *L);

/* Raises unless the run has a transaction open. */
void tq_binding_check_open(lua_State *L, const char *what);

#endif
