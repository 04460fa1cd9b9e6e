// SPDX-License-Identifier: MIT
//
// The child. Its pipes are real ones and not libuv's socket pairs, which programs cannot open again
// as /dev/stdout.
//
// Stopping: the pipes are closed at once, so that a grandchild that keeps the other end holds
// nothing up; the group gets SIGTERM; after PATIENCE_MS, or when the group is gone, it gets
// SIGKILL. A process that made a session of its own has left the group, and is left alone.
#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { PATIENCE_MS = 200, CHUNK_BYTES = 64 * 1024, STDIO = 3, INPUT = 0 };

struct tq_child {
    struct tq_child_state state; /* first */
    struct tq_child_request request;
    uv_loop_t *loop;
    uv_process_t process; /* has_process: initialised, be it in vain */
    bool has_process;
    uv_pipe_t pipes[STDIO]; /* by their numbers in the child */
    bool is_open[STDIO];    /* pipe: initialised, and not closed */
    bool is_paused[STDIO];
    uv_timer_t timer; /* the timeout, then the patience */
    bool is_released, is_stopping, is_closing, is_minded;
    int open_handles;
    char chunk[CHUNK_BYTES]; /* libuv reads into it */
};

struct writing {
    uv_write_t request;
    struct tq_child *child;
    size_t len;
    char bytes[];
};

/* What the child that this thread is about to fork may open; 0: as much as we. There is no other
   way to tell its fork() from others. */
static _Thread_local rlim_t files_of_next_child;

static void notify(struct tq_child *child)
{
    if (!child->is_released)
        child->request.on_change(child->request.arg);
}

/* ---- closing ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct tq_child *child = handle->data;

    if (--child->open_handles > 0)
        return;
    for (int i = 0; i < TQ_CHILD_STREAMS; i++)
        tq_buf_deinit(&child->state.output[i]);
    free(child);
}

static void close_pipe(struct tq_child *child, int number)
{
    if (!child->is_open[number])
        return;
    child->is_open[number] = false;
    if (number != INPUT)
        child->state.is_at_end[number - 1] = true;
    uv_close((uv_handle_t *)&child->pipes[number], on_handle_closed);
}

static void close_pipes(struct tq_child *child)
{
    for (int i = 0; i < STDIO; i++)
        close_pipe(child, i);
}

/* Nothing is left to do but to wait for the handles. */
static void close_all(struct tq_child *child)
{
    if (child->is_closing)
        return;
    child->is_closing = true;
    if (child->is_minded)
        tq_minder_remove(child->request.minder, child->process.pid);
    close_pipes(child);
    uv_close((uv_handle_t *)&child->timer, on_handle_closed);
    if (child->has_process)
        uv_close((uv_handle_t *)&child->process, on_handle_closed);
}

/* ---- stopping ---- */

/* The group's number stays taken while anybody is in it. */
static bool signal_group(const struct tq_child *child, int signal_number)
{
    return kill(-child->process.pid, signal_number) == 0;
}

/* Lets go when it has exited, and its group has had its last signal, if it is to have one. */
static void after_stop(struct tq_child *child)
{
    if (child->is_released && child->state.has_exited &&
        (!child->is_stopping || !uv_is_active((uv_handle_t *)&child->timer)))
        close_all(child);
}

static void on_patience_over(uv_timer_t *timer)
{
    struct tq_child *child = timer->data;

    (void)signal_group(child, SIGKILL); /* fails when it is gone */
    after_stop(child);
}

static void stop(struct tq_child *child)
{
    if (child->is_stopping)
        return;
    child->is_stopping = true;
    close_pipes(child);
    if (signal_group(child, SIGTERM) || !child->state.has_exited) {
        uv_update_time(child->loop);
        (void)uv_timer_start(&child->timer, on_patience_over, PATIENCE_MS, 0); /* not null */
    } else {
        (void)uv_timer_stop(&child->timer); /* always 0 */
    }
}

static void fail(struct tq_child *child, enum tq_child_fault fault)
{
    child->state.fault = fault;
    stop(child);
    notify(child);
}

static void on_timeout(uv_timer_t *timer)
{
    fail(timer->data, TQ_CHILD_TIMED_OUT);
}

static void on_exited(uv_process_t *process, int64_t status, int signal_number)
{
    struct tq_child *child = process->data;

    child->state.has_exited = true;
    child->state.code = (int)status;
    child->state.signal = signal_number;
    close_pipe(child, INPUT);
    if (child->is_stopping && !signal_group(child, 0))
        (void)uv_timer_stop(&child->timer); /* nobody is left to wait for; always 0 */
    notify(child);
    after_stop(child);
}

/* ---- reading and writing ---- */

static void on_alloc(uv_handle_t *pipe, size_t suggested, uv_buf_t *buf)
{
    struct tq_child *child = pipe->data;

    (void)suggested;
    *buf = uv_buf_init(child->chunk, sizeof child->chunk);
}

static void on_read(uv_stream_t *pipe, ssize_t len, const uv_buf_t *buf)
{
    struct tq_child *child = pipe->data;
    int number = (int)((uv_pipe_t *)pipe - child->pipes);
    struct tq_buf *output = &child->state.output[number - 1];

    if (len == 0)
        return;
    if (len < 0) { /* the end; an error of a pipe is no less */
        close_pipe(child, number);
        notify(child);
    } else if (output->len + (size_t)len > child->request.max_bytes) {
        fail(child, TQ_CHILD_TOO_MUCH_OUTPUT);
    } else if (!child->request.on_bytes(child->request.arg, (size_t)len)) {
        fail(child, TQ_CHILD_OUT_OF_MEMORY);
    } else {
        tq_buf_add(output, buf->base, (size_t)len);
        child->is_paused[number] = output->len >= child->request.high_bytes;
        if (child->is_paused[number])
            (void)uv_read_stop(pipe); /* always 0 */
        notify(child);
    }
}

void tq_child_consume(struct tq_child *child, int stream, size_t bytes)
{
    struct tq_buf *output = &child->state.output[stream];
    int number = stream + 1;

    memmove(output->data, output->data + bytes, output->len - bytes + 1);
    output->len -= bytes;
    if (!child->is_open[number] || !child->is_paused[number] ||
        output->len >= child->request.high_bytes)
        return;
    child->is_paused[number] = false;
    (void)uv_read_start((uv_stream_t *)&child->pipes[number], on_alloc, on_read); /* it is open */
}

static void on_written(uv_write_t *request, int status)
{
    struct writing *writing = request->data;
    struct tq_child *child = writing->child;

    child->state.unwritten_bytes -= writing->len;
    if (status < 0 && child->state.input_error == 0 && !child->is_stopping)
        child->state.input_error = status == UV_ECANCELED ? EPIPE : -status; /* it has exited */
    free(writing);
    notify(child);
}

void tq_child_write(struct tq_child *child, const char *bytes, size_t len)
{
    struct writing *writing;
    uv_buf_t buf;

    if (!child->is_open[INPUT]) {
        child->state.input_error = EPIPE;
        return;
    }
    writing = tq_alloc(sizeof *writing + len);
    writing->request.data = writing;
    writing->child = child;
    writing->len = len;
    memcpy(writing->bytes, bytes, len);
    buf = uv_buf_init(writing->bytes, (unsigned)len);
    child->state.unwritten_bytes += len;

    int code =
        uv_write(&writing->request, (uv_stream_t *)&child->pipes[INPUT], &buf, 1, on_written);

    if (code < 0) {
        child->state.unwritten_bytes -= len;
        child->state.input_error = -code;
        free(writing);
    }
}

static void on_shut(uv_shutdown_t *request, int status)
{
    struct tq_child *child = request->data;

    (void)status; /* cancelled when the pipe was closed meanwhile */
    free(request);
    close_pipe(child, INPUT);
}

void tq_child_close_input(struct tq_child *child)
{
    uv_shutdown_t *request;

    if (!child->is_open[INPUT])
        return;
    request = tq_alloc(sizeof *request);
    request->data = child;
    if (uv_shutdown(request, (uv_stream_t *)&child->pipes[INPUT], on_shut) != 0) {
        free(request); /* it is being shut down already, or broken */
        close_pipe(child, INPUT);
    }
}

void tq_child_close_output(struct tq_child *child)
{
    for (int i = 0; i < TQ_CHILD_STREAMS; i++)
        close_pipe(child, i + 1);
}

/* ---- starting ---- */

/* A pipe between the child, whose end is returned in child_fd, and the loop. */
static int open_pipe(struct tq_child *child, int number, int *child_fd)
{
    int fds[2]; /* read, write */
    bool is_input = number == INPUT;
    int code = uv_pipe(fds, is_input ? 0 : UV_NONBLOCK_PIPE, is_input ? UV_NONBLOCK_PIPE : 0);

    if (code != 0)
        return code;
    *child_fd = fds[is_input ? 0 : 1];
    code = uv_pipe_init(child->loop, &child->pipes[number], 0);
    if (code == 0) {
        child->pipes[number].data = child;
        child->is_open[number] = true;
        child->open_handles++;
        code = uv_pipe_open(&child->pipes[number], fds[is_input ? 1 : 0]);
    }
    if (code != 0)
        (void)close(fds[is_input ? 1 : 0]); /* nothing was written */
    return code;
}

static int open_stdio(struct tq_child *child, uv_stdio_container_t *stdio, int *child_fds)
{
    const struct tq_child_request *request = &child->request;
    int code = 0;

    for (int i = 0; i < STDIO && code == 0; i++) {
        bool is_pipe = i == INPUT ? request->input == TQ_CHILD_INPUT_PIPE
                                  : request->output[i - 1] == TQ_CHILD_OUTPUT_PIPE;

        if (is_pipe) {
            code = open_pipe(child, i, &child_fds[i]);
            stdio[i].flags = UV_INHERIT_FD;
            stdio[i].data.fd = child_fds[i];
        } else if (i == INPUT) { /* here: in the child there may be no number left for it */
            child_fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
            code = child_fds[i] < 0 ? -errno : 0;
            stdio[i].flags = UV_INHERIT_FD;
            stdio[i].data.fd = child_fds[i];
        } else {
            stdio[i].flags = UV_INHERIT_FD;
            stdio[i].data.fd = STDERR_FILENO;
            child->state.is_at_end[i - 1] = true;
        }
    }
    return code;
}

/* Libraries open descriptors without close-on-exec; no child of ours is to have any of them. */
static void hide_descriptors(void)
{
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); /* Linux has it since 5.11 */
}

/* In the child, after fork(), which is all that libuv offers; until it has returned here, the
   program may have looked at its limit, and changed it. */
static void limit_files(void)
{
    struct rlimit limit;

    if (files_of_next_child == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = files_of_next_child < limit.rlim_max ? files_of_next_child : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* may be lowered by anybody */
}

static void hook_fork(void)
{
    (void)pthread_atfork(NULL, NULL, limit_files); /* without memory programs get our limit */
}

static int spawn(struct tq_child *child)
{
    static pthread_once_t hook = PTHREAD_ONCE_INIT;
    const struct tq_child_request *request = &child->request;
    uv_stdio_container_t stdio[STDIO] = {0};
    int child_fds[STDIO] = {-1, -1, -1};
    uv_process_options_t options = {
        .exit_cb = on_exited,
        .file = request->argv[0],
        .args = (char **)(uintptr_t)request->argv,
        .env = (char **)(uintptr_t)request->env,
        .cwd = request->cwd,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = STDIO,
        .stdio = stdio,
    };
    int code = open_stdio(child, stdio, child_fds);

    if (code == 0) {
        hide_descriptors();
        child->has_process = true;
        child->open_handles++;
        (void)pthread_once(&hook, hook_fork); /* always 0 */
        files_of_next_child = request->max_files;
        code = uv_spawn(child->loop, &child->process, &options);
        files_of_next_child = 0;
    }
    for (int i = 0; i < STDIO; i++) {
        if (child_fds[i] >= 0)
            (void)close(child_fds[i]); /* the child has it */
    }
    return code;
}

struct tq_child *tq_child_start(uv_loop_t *loop, const struct tq_child_request *request,
                                struct tq_err *err)
{
    struct tq_child *child = tq_zalloc(sizeof *child);
    int code;

    child->request = *request;
    child->loop = loop;
    (void)uv_timer_init(loop, &child->timer); /* always 0 */
    child->timer.data = child->process.data = child;
    child->open_handles = 1;
    tq_minder_start(request->minder);
    code = spawn(child);
    if (code != 0) {
        child->is_released = child->state.has_exited = true;
        (void)tq_err_set(err, TQ_ERR_SYSTEM, -code, "%s", strerror(-code));
        close_all(child);
        return NULL;
    }
    child->is_minded = true;
    tq_minder_add(request->minder, request->owner, child->process.pid);
    for (int i = 1; i < STDIO; i++) {
        if (child->is_open[i])
            (void)uv_read_start((uv_stream_t *)&child->pipes[i], on_alloc, on_read); /* open */
    }
    if (request->timeout_ms > 0) {
        uv_update_time(loop); /* slices of Lua may have made the loop's clock old */
        (void)uv_timer_start(&child->timer, on_timeout, (uint64_t)request->timeout_ms, 0);
    }
    return child;
}

const struct tq_child_state *tq_child_state(const struct tq_child *child)
{
    return &child->state;
}

bool tq_child_has_ended(const struct tq_child *child)
{
    const struct tq_child_state *state = &child->state;

    return state->has_exited && state->is_at_end[TQ_CHILD_OUT] && state->is_at_end[TQ_CHILD_ERR];
}

void tq_child_release(struct tq_child *child)
{
    child->is_released = true;
    if (!tq_child_has_ended(child))
        stop(child);
    else if (!child->is_stopping)
        (void)uv_timer_stop(&child->timer); /* the timeout; always 0 */
    after_stop(child);
}
