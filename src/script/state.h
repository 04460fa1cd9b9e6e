// SPDX-License-Identifier: MIT
//
// The inside of a script and of its runs, for the files of script/ only.
//
// One thread owns a script. At most one slice runs at a time: the time between a call into Lua and
// its return, for a run, for loading or for closing what a stopped run left open. `current` is the
// innermost coroutine of the slice; it and `ticks` are what the ticker's signal handler sees.
#ifndef TQ_SCRIPT_STATE_H
#define TQ_SCRIPT_STATE_H

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/buffer.h"
#include "script/event.h"
#include "script/json.h"
#include "script/run.h"
#include "script/script.h"

/* TSan defers signals to the next system call, so in its builds a hook is always on and nothing
 * ticks. */
#if defined(__SANITIZE_THREAD__)
#define TQ_IS_ALWAYS_HOOKED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TQ_IS_ALWAYS_HOOKED 1
#endif
#endif
#ifndef TQ_IS_ALWAYS_HOOKED
#define TQ_IS_ALWAYS_HOOKED 0
#endif

/* What runs in a slice. */
enum tq_phase {
    TQ_PHASE_IDLE,
    TQ_PHASE_LOADING, /* a file's top level; no run, nothing may wait */
    TQ_PHASE_RUNNING, /* a run */
    TQ_PHASE_CLOSING, /* pending <close> variables of a run that failed or was stopped */
};

/* Why a coroutine yielded. All but USER pass through every coroutine below, up to the run. */
enum tq_yield {
    TQ_YIELD_USER,
    TQ_YIELD_WAIT,
    TQ_YIELD_PREEMPTED,
    TQ_YIELD_KILL,  /* never to be resumed */
    TQ_YIELD_DEATH, /* this one coroutine dies of an error that the hook could not raise in it */
};

struct tq_journal;
struct tq_source_file;

/* Of one event; each runs as a handler does. */
struct tq_listeners {
    struct tq_handler *items;
    size_t count, capacity;
};

struct tq_script {
    struct lua_State *L; /* the main thread of the state: it loads, and anchors what runs need */
    struct tq_script_config config;
    struct tq_source *source;
    struct tq_handler *handlers; /* sorted by type when is_sorted */
    size_t handler_count, handler_capacity;
    bool is_sorted; /* all handlers are there */
    struct tq_listeners listeners[TQ_EVENT_COUNT];
    struct tq_json_text json; /* scratch for encoding */

    size_t bytes;          /* held by the state now */
    size_t cap_bytes;      /* the most it may hold */
    size_t baseline_bytes; /* held when loading was over */
    size_t refused_bytes;  /* size of the last request refused, 0 after one that was granted */
    size_t pressed_bytes; /* at this much the largest run is stopped, unless garbage is the cause */

    enum tq_phase phase;
    enum tq_yield yielded;                /* by the coroutine that just yielded */
    struct tq_run *run;                   /* of the slice; NULL unless RUNNING or CLOSING */
    struct tq_run *live_runs;             /* list of all between start and DONE */
    struct tq_run *idle_runs;             /* pool, with their coroutines */
    const struct tq_source_file *loading; /* the file that runs, for messages */
    int64_t computing_until_us;           /* LOADING and CLOSING, by tq_clock_thread_us() */
    int64_t deadline_us;                  /* the same, by tq_clock_us() */
    int64_t slice_us;                     /* when the slice began; only where a hook is always on */
    int blocked;          /* resumes of the slice that began where Lua cannot yield */
    bool is_out_of_files; /* a run has opened all that the process may have */
    bool is_ending;       /* LOADING or CLOSING ran past its deadline, the run must stop */
    struct lua_State *volatile current;
    struct lua_State *volatile armed; /* by the ticker, and its hook has not run yet */
    volatile sig_atomic_t ticks;      /* of the ticker since the slice began */

    lua_CFunction pcall;  /* Lua's own, to be known in a stack */
    int environment_ref;  /* metatable of the files' own globals */
    int loaded_ref;       /* modules by name, for require */
    int files_ref;        /* values of snapshot files that ran, by path */
    int stop_message_ref; /* the text that a forced raise carries at the end */
    int context_meta_ref; /* metatable of contexts */
    int task_meta_ref;    /* metatable of context.task */
    int context_ref;      /* functions that the binding put into contexts */
};

enum { TQ_RUN_MESSAGE_BYTES = 160, TQ_TICKS_A_SLICE = 2 };

struct tq_run {
    struct tq_script *script;
    struct lua_State *T;            /* its coroutine, anchored for good; goes to the pool with it */
    struct tq_run *next, *previous; /* in live_runs; next alone in idle_runs */

    const struct tq_handler *handler;
    struct tq_run_task task; /* type and worker_id are copies in names */
    struct tq_buf names;
    void *owner;

    int64_t started_us;
    enum tq_run_state state;
    bool is_started;   /* Lua code of it ran */
    bool is_exhausted; /* the coroutine could not even be made */
    bool is_shutdown_seen;
    bool is_crowded_out;    /* stopped though within its own limit: the state is full */
    enum tq_stop stop;      /* it must end, for this reason */
    enum tq_stop interrupt; /* it was or will be told, by one catchable error */
    bool is_interrupt_due;  /* not yet raised */
    atomic_int asked;       /* [atomic] enum tq_stop: by another thread; see tq_run_ask() */
    char message[TQ_RUN_MESSAGE_BYTES]; /* of that error */

    int64_t charge_bytes;  /* allocated minus freed in its slices */
    int64_t collect_bytes; /* collect garbage when it is more; INT64_MAX: that is due */
    size_t limit_bytes;

    lua_State **chain; /* coroutines between T and the one that yielded, innermost first */
    size_t chain_count, chain_capacity;

    void *wait; /* of the binding, until release_wait(wait) */
    void (*release_wait)(void *wait);
    int (*finish_wait)(lua_State *L, void *wait);
    struct tq_run_part *parts;

    struct tq_journal *journal; /* NULL: it has said nothing */
    struct tq_outcome outcome;
    struct tq_buf result, error, traceback;
    struct tq_buf rollback; /* why a transaction was rolled back, or empty */
};

/* Flags kept beside the script's address in each coroutine's extra space. */
enum {
    TQ_THREAD_OWNED = 1, /* suspended by the system or a run's own: scripts may not resume it */
    TQ_THREAD_DOOMED =
        2, /* died of a raise in the hook: its <close> variables cannot be run safely */
    TQ_THREAD_FLAGS = 3,
};

static inline uintptr_t *tq_thread_word(lua_State *L)
{
    return lua_getextraspace(L);
}

static inline struct tq_script *tq_script_of(lua_State *L)
{
    return (struct tq_script *)(*tq_thread_word(L) & ~(uintptr_t)TQ_THREAD_FLAGS);
}

/* budget.c: memory and time. */
void *tq_budget_alloc(void *script, void *block, size_t old_size, size_t new_size);
void tq_budget_collect(struct tq_run *run); /* by the hook: if garbage is to be collected */
void tq_budget_relieve(
    struct tq_script *script); /* after a slice: stop the largest run if need be */
void tq_slice_limit(struct tq_script *script, int64_t us); /* for LOADING and CLOSING, before: */
void tq_slice_begin(struct tq_script *script, enum tq_phase phase, lua_State *L);
void tq_slice_end(struct tq_script *script);
void tq_slice_arm(lua_State *L); /* the hook runs at the next instruction; async-signal-safe */
void tq_slice_disarm(lua_State *L);
bool tq_slice_can_yield(const struct tq_script *script, lua_State *L);
bool tq_slice_is_forced_error(lua_State *L, int index); /* was this error raised by the hook? */
void tq_slice_push_forced_error(lua_State *L);          /* [-0, +1, m] */

/* ticker.c */
void tq_ticker_watch(
    struct tq_script *script); /* the slice that this thread's ticks are for, or NULL */

/* coroutine.c: sandboxed versions. */
extern const luaL_Reg tq_coroutine_functions[];
int tq_coroutine_xpcall(lua_State *L);
int tq_coroutine_reset(struct tq_script *script, lua_State *L, lua_State *co);

/* file.c: io on regular files. */
extern const luaL_Reg tq_file_io_functions[];
void tq_file_set_standard(lua_State *L); /* io.stdin etc. of the table on top; [-0, +0, m] */
bool tq_file_push_text(lua_State *L, const char *path); /* false: see errno; [-0, +(0|1), m] */

/* chunk.c: compiling text in an environment of its own. */
void tq_chunk_push_environment(lua_State *L); /* fresh globals; [-0, +1, m] */
int tq_chunk_load(lua_State *L, const char *text, size_t len, const char *name); /* as luaL_load */

/* require.c */
int tq_require(lua_State *L);
void tq_require_run_file(lua_State *L, const struct tq_source_file *file,
                         const char *module); /* its value; [-0, +1, e] */

/* sandbox.c: everything that scripts see; in a protected call. */
void tq_sandbox_open(lua_State *L);
int tq_sandbox_call_late(lua_State *L); /* calls a function of a module that it loads first */

/* view.c: read-only views of tables. */
void tq_view_push(lua_State *L, int index); /* [-0, +1, m] */
bool tq_view_is(lua_State *L, int index);
int tq_view_refuse_write(lua_State *L);

/* loader.c and handler.c; in a protected call. */
int tq_loader_load(lua_State *L);                              /* everything */
int tq_loader_load_file(lua_State *L);                         /* a light userdata: the file */
void tq_handler_add(lua_State *L, const char *file, int item); /* validates the table on top */

/* context.c */
void tq_context_open(lua_State *L);
void tq_context_push(lua_State *L, struct tq_run *run);            /* [-0, +1, m] */
void tq_context_push_task(lua_State *L, struct tq_script *script); /* of its run; [-0, +1, m] */

/* listener.c: what a listener is called with. [-0, +1, e] */
void tq_listener_push_event(lua_State *L, struct tq_run *run);

/* outcome.c */
void tq_outcome_from_values(lua_State *L, int index, struct tq_run *run); /* two; [-0, +0, e] */
void tq_outcome_from_error(lua_State *L, int index, struct tq_run *run);  /* [-0, +0, e] */
void tq_outcome_refused_payload(struct tq_run *run, const char *message);
void tq_outcome_from_failure(struct tq_run *run, int status); /* T failed outside of the handler */
void tq_outcome_stopped(struct tq_run *run);
void tq_outcome_add_text(struct tq_buf *out, const char *text, size_t len); /* what can be stored */
void tq_outcome_describe_stop(const struct tq_run *run, enum tq_stop reason, char *out);

/* journal.c */
void tq_journal_free(struct tq_journal *journal); /* or NULL */

/* traceback.c: of the frames of a coroutine from level on; [-0, +1, m] */
void tq_traceback_push(lua_State *L, lua_State *of, int level);

/* run.c */
void tq_run_release_wait(struct tq_run *run);
enum tq_stop tq_run_overdue(const struct tq_run *run); /* why it is stopped at its hard deadline */
void tq_run_destroy(struct tq_run *run);

#endif
