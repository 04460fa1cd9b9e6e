// SPDX-License-Identifier: MIT
//
// A child process on a loop, with pipes to it. It leads a process group of its own, so that what it
// starts can be stopped with it. Everything belongs to the thread of the loop.
//
// The owner looks at the child when on_change() is called, and ends with tq_child_release(), after
// which nobody calls him any more. The child stays on the loop until it is gone from the system.
#ifndef TQ_LOOP_CHILD_H
#define TQ_LOOP_CHILD_H

#include <stdint.h>
#include <sys/resource.h>

#include <uv.h>

#include "base/buffer.h"
#include "loop/minder.h"

enum tq_child_input {
    TQ_CHILD_INPUT_NULL, /* /dev/null */
    TQ_CHILD_INPUT_PIPE,
};

enum tq_child_output {
    TQ_CHILD_OUTPUT_STDERR, /* our own standard error */
    TQ_CHILD_OUTPUT_PIPE,
};

enum { TQ_CHILD_OUT, TQ_CHILD_ERR, TQ_CHILD_STREAMS };

struct tq_child_request {
    const char *const *argv; /* argv[0] is looked for in PATH; ends with NULL */
    const char *const *env;  /* all of it, "NAME=value"; ends with NULL; or NULL: ours */
    const char *cwd;         /* or NULL */
    enum tq_child_input input;
    enum tq_child_output output[TQ_CHILD_STREAMS];
    int64_t timeout_ms;       /* 0: none */
    size_t max_bytes;         /* of each stream; more stops the child */
    size_t high_bytes;        /* reading pauses while so much is in a buffer */
    rlim_t max_files;         /* its soft limit of open files; 0: ours */
    struct tq_minder *minder; /* ends it if we cannot; or NULL */
    const void *owner;        /* for the minder */
    void (*on_change)(void *arg);
    bool (*on_bytes)(void *arg, size_t bytes); /* as in net/http.h */
    void *arg;
};

/* Why a child was stopped, before anybody asked for it. */
enum tq_child_fault {
    TQ_CHILD_FINE,
    TQ_CHILD_TIMED_OUT,
    TQ_CHILD_TOO_MUCH_OUTPUT,
    TQ_CHILD_OUT_OF_MEMORY, /* on_bytes() said so */
};

/* What the owner may look at. */
struct tq_child_state {
    struct tq_buf output[TQ_CHILD_STREAMS]; /* he may take bytes away: tq_child_consume() */
    bool is_at_end[TQ_CHILD_STREAMS];       /* nothing comes any more */
    size_t unwritten_bytes;
    int input_error; /* errno of a write that failed, or 0 */
    bool has_exited;
    int code, signal; /* then; signal 0: it ended by itself */
    enum tq_child_fault fault;
};

struct tq_child;

/* NULL, and err with the errno, when it cannot be started. */
struct tq_child *tq_child_start(uv_loop_t *loop, const struct tq_child_request *request,
                                struct tq_err *err) TQ_MUST_CHECK;

const struct tq_child_state *tq_child_state(const struct tq_child *child);

/* It has exited, and nobody holds the other ends of its output. */
bool tq_child_has_ended(const struct tq_child *child);

/* Copies the bytes; on_change() tells when they are written. */
void tq_child_write(struct tq_child *child, const char *bytes, size_t len);
void tq_child_close_input(struct tq_child *child); /* after what is being written */

/* Takes the first bytes out of a buffer. */
void tq_child_consume(struct tq_child *child, int stream, size_t bytes);

/* Stops reading for good: writers get SIGPIPE. */
void tq_child_close_output(struct tq_child *child);

/* The owner lets go. Unless it has ended, it is stopped, with its whole group: SIGTERM, and SIGKILL
   200 ms later. */
void tq_child_release(struct tq_child *child);

#endif
