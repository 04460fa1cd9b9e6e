// SPDX-License-Identifier: MIT
//
// io.popen: a child process that a handler reads from or writes to. It is a part of the run, so it
// is stopped with it, whatever the handler waits for then. The bytes in its buffers are charged to
// the task.
#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "loop/child.h"
#include "script/run.h"
#include "worker/executor_state.h"

enum { BUFFER_BYTES = 64 * 1024 }; /* the command waits while so much is unread */

struct pipe_wait;

struct pipe {
    struct tq_run_part part; /* first */
    int64_t number;
    struct tq_child *child;
    struct tq_executor *executor;
    struct tq_task *task;
    struct tq_run *run;
    struct pipe_wait *wait; /* for it; or NULL */
    size_t charged_bytes;
};

struct pipe_wait {
    struct tq_pipe_wait seen; /* first */
    struct pipe *pipe;        /* NULL: there is none */
    enum tq_pipe_act act;
};

static void release_pipe(struct tq_run_part *part)
{
    struct pipe *pipe = (struct pipe *)part;

    tq_child_release(pipe->child);
    tq_run_discharge(pipe->run, pipe->charged_bytes);
    free(pipe);
}

static bool on_bytes(void *arg, size_t bytes)
{
    struct pipe *pipe = arg;

    if (!tq_run_charge(pipe->run, bytes))
        return false;
    pipe->charged_bytes += bytes;
    return true;
}

/* What has left the buffers is not held any more. */
static void discharge(struct pipe *pipe)
{
    const struct tq_child_state *state = tq_child_state(pipe->child);
    size_t held = state->output[TQ_CHILD_OUT].len + state->unwritten_bytes;

    if (held >= pipe->charged_bytes)
        return;
    tq_run_discharge(pipe->run, pipe->charged_bytes - held);
    pipe->charged_bytes = held;
}

/* ---- waiting ---- */

static bool set_done(struct pipe_wait *wait, int code, const char *reason)
{
    struct tq_wait *base = &wait->seen.wait;

    base->is_done = true;
    base->is_ok = code == 0;
    if (code != 0)
        (void)tq_err_set(&base->err, TQ_ERR_SYSTEM, code, "%s", reason);
    return true;
}

static bool look_at_output(struct pipe_wait *wait, const struct tq_child_state *state)
{
    const struct tq_buf *output = &state->output[TQ_CHILD_OUT];

    if (state->fault != TQ_CHILD_FINE)
        return set_done(wait, ENOMEM, "the output needs more memory than the task may have");
    if (output->len == 0 && !state->is_at_end[TQ_CHILD_OUT])
        return false;
    wait->seen.bytes = output->len > 0 ? output->data : NULL;
    wait->seen.len = output->len;
    return set_done(wait, 0, NULL);
}

static bool look_at_input(struct pipe_wait *wait, const struct tq_child_state *state)
{
    if (state->input_error != 0)
        return set_done(wait, state->input_error, "Broken pipe");
    return state->unwritten_bytes == 0 && set_done(wait, 0, NULL);
}

/* Is the wait over? */
static bool look(struct pipe_wait *wait)
{
    const struct tq_child_state *state = tq_child_state(wait->pipe->child);

    switch (wait->act) {
    case TQ_PIPE_READ:
        return look_at_output(wait, state);
    case TQ_PIPE_WRITE:
        return look_at_input(wait, state);
    case TQ_PIPE_CLOSE:
        wait->seen.code = state->code;
        wait->seen.signal = state->signal;
        return tq_child_has_ended(wait->pipe->child) && set_done(wait, 0, NULL);
    }
    return false;
}

static void on_change(void *arg)
{
    struct pipe *pipe = arg;

    discharge(pipe);
    if (pipe->wait != NULL && !pipe->wait->seen.wait.is_done && look(pipe->wait))
        tq_executor_wake(pipe->executor, pipe->task);
}

static void release_wait(struct tq_wait *base)
{
    struct pipe_wait *wait = (struct pipe_wait *)base;
    struct pipe *pipe = wait->pipe;

    if (pipe != NULL)
        pipe->wait = NULL;
    if (wait->seen.is_taken && wait->seen.len > 0) {
        tq_child_consume(pipe->child, TQ_CHILD_OUT, wait->seen.len);
        discharge(pipe);
    }
    if (pipe != NULL && wait->act == TQ_PIPE_CLOSE && base->is_done) {
        tq_run_remove_part(pipe->run, &pipe->part);
        release_pipe(&pipe->part);
    }
    free(wait);
}

/* ---- what the binding asks for ---- */

static int64_t host_open_pipe(void *owner, struct tq_run *run, const char *command, bool is_written,
                              struct tq_err *err)
{
    struct tq_executor *executor = owner;
    struct pipe *pipe = tq_zalloc(sizeof *pipe);
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    struct tq_child_request request = {
        .argv = argv,
        .input = is_written ? TQ_CHILD_INPUT_PIPE : TQ_CHILD_INPUT_NULL,
        .output = {is_written ? TQ_CHILD_OUTPUT_STDERR : TQ_CHILD_OUTPUT_PIPE,
                   TQ_CHILD_OUTPUT_STDERR},
        .max_bytes = SIZE_MAX,
        .high_bytes = BUFFER_BYTES,
        .max_files = executor->config.files_of_children,
        .minder = executor->config.minder,
        .owner = executor,
        .on_change = on_change,
        .on_bytes = on_bytes,
        .arg = pipe,
    };

    pipe->executor = executor;
    pipe->task = tq_run_owner(run);
    pipe->run = run;
    pipe->child = tq_child_start(&executor->loop, &request, err);
    if (pipe->child == NULL) {
        free(pipe);
        return 0;
    }
    pipe->part.release = release_pipe;
    pipe->number = ++executor->last_pipe;
    tq_run_add_part(run, &pipe->part);
    return pipe->number;
}

static struct pipe *find(struct tq_run *run, int64_t number)
{
    struct tq_run_part *part = tq_run_parts(run);

    while (part != NULL &&
           (part->release != release_pipe || ((struct pipe *)part)->number != number))
        part = part->next;
    return (struct pipe *)part;
}

static bool begin(struct pipe_wait *wait, const char *bytes, size_t len)
{
    struct pipe *pipe = wait->pipe;

    if (wait->act == TQ_PIPE_WRITE) {
        if (!on_bytes(pipe, len))
            return set_done(wait, ENOMEM, "the text needs more memory than the task may have");
        tq_child_write(pipe->child, bytes, len);
        discharge(pipe);
    } else if (wait->act == TQ_PIPE_CLOSE) {
        tq_child_close_input(pipe->child);
        tq_child_close_output(pipe->child);
    }
    return look(wait);
}

static struct tq_wait *host_use_pipe(void *owner, struct tq_run *run, int64_t number,
                                     enum tq_pipe_act act, const char *bytes, size_t len)
{
    struct pipe_wait *wait = tq_zalloc(sizeof *wait);

    (void)owner;
    wait->act = act;
    wait->seen.wait.release = release_wait;
    wait->pipe = find(run, number);
    if (wait->pipe == NULL) {
        (void)set_done(wait, EBADF, "the file belongs to another task");
    } else {
        wait->pipe->wait = wait;
        (void)begin(wait, bytes, len);
    }
    return &wait->seen.wait;
}

void tq_host_add_pipe(struct tq_host *host)
{
    host->open_pipe = host_open_pipe;
    host->use_pipe = host_use_pipe;
}
