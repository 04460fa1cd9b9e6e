// SPDX-License-Identifier: MIT
//
// taskq.spawn: a child process on the executor's loop, with its output collected. What it writes
// and what it is to read is charged to the task until the wait is released.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "loop/child.h"
#include "script/run.h"
#include "worker/executor_state.h"

struct spawn_wait {
    struct tq_spawn_wait seen; /* first */
    struct tq_child *child;    /* NULL: it could not be started */
    struct tq_executor *executor;
    struct tq_task *task;
    struct tq_run *run;
    char *program; /* for messages */
    int64_t timeout_ms;
    size_t max_bytes;
    size_t charged_bytes;
};

static void release_spawn(struct tq_wait *wait)
{
    struct spawn_wait *spawn = (struct spawn_wait *)wait;

    if (spawn->child != NULL)
        tq_child_release(spawn->child);
    tq_run_discharge(spawn->run, spawn->charged_bytes);
    free(spawn->program);
    free(spawn);
}

static bool on_bytes(void *arg, size_t bytes)
{
    struct spawn_wait *spawn = arg;

    if (!tq_run_charge(spawn->run, bytes))
        return false;
    spawn->charged_bytes += bytes;
    return true;
}

static bool explain(struct spawn_wait *spawn, enum tq_child_fault fault, struct tq_err *err)
{
    switch (fault) {
    case TQ_CHILD_TIMED_OUT:
        return tq_err_set(err, TQ_ERR_SYSTEM, ETIMEDOUT, "%s ran longer than %lld ms",
                          spawn->program, (long long)spawn->timeout_ms);
    case TQ_CHILD_TOO_MUCH_OUTPUT:
        return tq_err_set(err, TQ_ERR_SYSTEM, EFBIG, "%s wrote more than %zu bytes (max_output)",
                          spawn->program, spawn->max_bytes);
    case TQ_CHILD_OUT_OF_MEMORY:
        return tq_err_set(err, TQ_ERR_SYSTEM, ENOMEM,
                          "the output of %s needs more memory than the task may have",
                          spawn->program);
    case TQ_CHILD_FINE:
        break;
    }
    return true;
}

static void on_change(void *arg)
{
    struct spawn_wait *spawn = arg;
    struct tq_spawn_wait *seen = &spawn->seen;
    const struct tq_child_state *state = tq_child_state(spawn->child);
    const struct tq_buf *out = &state->output[TQ_CHILD_OUT], *err = &state->output[TQ_CHILD_ERR];

    if (seen->wait.is_done || (!tq_child_has_ended(spawn->child) && state->fault == TQ_CHILD_FINE))
        return;
    seen->wait.is_done = true;
    seen->wait.is_ok = explain(spawn, state->fault, &seen->wait.err);
    seen->code = state->code;
    seen->signal = state->signal;
    seen->out = tq_buf_text(out);
    seen->out_len = out->len;
    seen->err = tq_buf_text(err);
    seen->err_len = err->len;
    tq_executor_wake(spawn->executor, spawn->task);
}

/* ---- the environment ---- */

static bool is_changed(const char *entry, const char *const *changes)
{
    size_t len = strcspn(entry, "=") + 1;

    while (*changes != NULL && strncmp(entry, *changes, len) != 0)
        changes++;
    return *changes != NULL;
}

/* A list for free(); its texts are those of environ and changes. */
static const char **make_environment(const char *const *changes)
{
    size_t count = 1, used = 0;

    for (char **entry = environ; *entry != NULL; entry++)
        count++;
    for (const char *const *change = changes; *change != NULL; change++)
        count++;

    const char **list = tq_zalloc(count * sizeof *list);

    for (char **entry = environ; *entry != NULL; entry++) {
        if (!is_changed(*entry, changes))
            list[used++] = *entry;
    }
    for (; *changes != NULL; changes++)
        list[used++] = *changes;
    return list;
}

/* ---- starting ---- */

/* The system says the same of a missing program and of a missing folder. */
static bool explain_start(const struct tq_spawn_call *call, struct tq_err *err)
{
    char *reason = tq_strdup(err->message);
    struct stat info;

    if (call->cwd != NULL && (stat(call->cwd, &info) != 0 || !S_ISDIR(info.st_mode)))
        (void)tq_err_set(err, TQ_ERR_SYSTEM, err->code, "cannot start %s in the folder %s: %s",
                         call->argv[0], call->cwd, reason);
    else
        (void)tq_err_set(err, TQ_ERR_SYSTEM, err->code, "cannot start %s: %s", call->argv[0],
                         reason);
    free(reason);
    return false;
}

static bool start(struct spawn_wait *spawn, const struct tq_spawn_call *call, struct tq_err *err)
{
    enum tq_child_output output =
        call->is_output_kept ? TQ_CHILD_OUTPUT_PIPE : TQ_CHILD_OUTPUT_STDERR;
    const char **env;
    struct tq_child_request request = {
        .argv = call->argv,
        .cwd = call->cwd,
        .input = call->input != NULL ? TQ_CHILD_INPUT_PIPE : TQ_CHILD_INPUT_NULL,
        .output = {output, output},
        .timeout_ms = call->timeout_ms,
        .max_bytes = call->max_bytes,
        .high_bytes = SIZE_MAX,
        .max_files = spawn->executor->config.files_of_children,
        .minder = spawn->executor->config.minder,
        .owner = spawn->executor,
        .on_change = on_change,
        .on_bytes = on_bytes,
        .arg = spawn,
    };

    if (!on_bytes(spawn, call->input_len))
        return tq_err_set(err, TQ_ERR_SYSTEM, ENOMEM,
                          "stdin needs more memory than the task may have");
    env = make_environment(call->changes);
    request.env = env;
    spawn->child = tq_child_start(&spawn->executor->loop, &request, err);
    free(env);
    if (spawn->child == NULL)
        return explain_start(call, err);
    if (call->input != NULL) {
        tq_child_write(spawn->child, call->input, call->input_len);
        tq_child_close_input(spawn->child);
    }
    return true;
}

static struct tq_wait *host_spawn(void *owner, struct tq_run *run, const struct tq_spawn_call *call)
{
    struct spawn_wait *spawn = tq_zalloc(sizeof *spawn);
    struct tq_wait *wait = &spawn->seen.wait;

    spawn->executor = owner;
    spawn->task = tq_run_owner(run);
    spawn->run = run;
    spawn->program = tq_strdup(call->argv[0]);
    spawn->timeout_ms = call->timeout_ms;
    spawn->max_bytes = call->max_bytes;
    wait->release = release_spawn;
    wait->is_done = !start(spawn, call, &wait->err);
    return wait;
}

void tq_host_add_spawn(struct tq_host *host)
{
    host->spawn = host_spawn;
}
