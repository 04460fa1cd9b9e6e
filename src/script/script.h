// SPDX-License-Identifier: MIT
//
// A script: one Lua state with one generation of handler files loaded. Each executor thread makes
// its own from the same source, a snapshot of the files that was read once. A script belongs to one
// thread at a time: the one that made it, or the one that it was handed to.
#ifndef TQ_SCRIPT_SCRIPT_H
#define TQ_SCRIPT_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/error.h"

struct lua_State;
struct tq_script;
struct tq_source;
struct tq_texts;

/* What a handler file says of one type; owned by its script (or by the source's check). */
struct tq_handler {
    const char *type;
    int64_t timeout_ms; /* 0: the worker's default */
    int max_attempts;   /* 0: the default */
    int64_t max_age_ms; /* since the task was created; 0: none */
    struct tq_backoff backoff;
    size_t memory_limit_bytes;
    const char *file; /* "handlers/email_send.lua", for messages */
    int payload_ref;  /* of its payload schema, see payload.h; LUA_NOREF: none */
    int function_ref; /* luaL_ref of the handler function in its script's registry */
};

struct tq_script_config {
    int (*open_taskq)(struct lua_State *); /* luaopen_taskq, from the binding layer, or a fake */
    const void *host;        /* struct tq_host of binding/host.h; script never looks */
    size_t memory_cap_bytes; /* of the whole state; 0: 256 MB */
    /* When set: what is wrong is told here, and the rest is loaded all the same; modules that no
       handler requires are compiled. It must not call into the script. */
    void (*on_problem)(void *owner, const char *message);
    void *owner;
};

/* Reads every *.lua under folder (and its subfolders) into memory, in order of path. The main
   thread calls it once a generation; the result is immutable and reference counted (atomically). */
TQ_MUST_CHECK bool tq_source_read(const char *folder, struct tq_source **source,
                                  struct tq_err *err);
struct tq_source *tq_source_new_empty(void); /* no file */

/* Before it is loaded: the modules written in C that its files may require, which outlive it. NULL:
   none. */
void tq_source_allow(struct tq_source *source, const struct tq_texts *c_modules);
const struct tq_texts *tq_source_allowed(const struct tq_source *source);

void tq_source_ref(struct tq_source *source);
void tq_source_unref(struct tq_source *source);

/* Whether the file at this path below the folder is part of a source. */
bool tq_source_takes(const char *path);

/* What is not the same in another reading, for people: "a.lua, new: b.lua, gone: c.lua"; NULL when
   they are equal, byte for byte. To be freed. */
char *tq_source_describe_change(const struct tq_source *before, const struct tq_source *after);

/* What a message such as "handlers/a.lua:12: reason" is about. */
struct tq_source_place {
    const char *file;   /* its name; belongs to the source */
    long line;          /* 0: unknown */
    const char *reason; /* the rest of the message, or all of it when it begins otherwise */
};

/* False: it names no file of the source. A message that names a handler's field and no line gets
   the one line where that field is set. */
TQ_MUST_CHECK bool tq_source_locate(const struct tq_source *source, const char *message,
                                    struct tq_source_place *place);

/* The line of source that a message is about, trimmed; NULL: it names none, or an empty one. To be
   freed. */
char *tq_source_quote(const struct tq_source *source, const char *message);

/* Makes a state and loads the source into it: handlers, then listeners. On failure err names file,
   line and reason (domain TQ_ERR_HANDLERS). */
TQ_MUST_CHECK bool tq_script_new(const struct tq_script_config *config, struct tq_source *source,
                                 struct tq_script **script, struct tq_err *err);
void tq_script_free(struct tq_script *script); /* every run of it has been freed */

/* Replaces the config's host; no run has started. */
void tq_script_set_host(struct tq_script *script, const void *host);

size_t tq_script_handler_count(const struct tq_script *script);
const struct tq_handler *tq_script_handler(const struct tq_script *script,
                                           size_t index); /* by type */
const struct tq_handler *tq_script_find(const struct tq_script *script, const char *type);

/* Bytes that the state holds now. */
size_t tq_script_memory_bytes(const struct tq_script *script);

/* Once a thread, before it resumes a run, and when it ends: the ticker that preempts long slices.
 */
TQ_MUST_CHECK bool tq_ticker_start(struct tq_err *err);
void tq_ticker_stop(void);

#endif
