// SPDX-License-Identifier: MIT
//
// Child processes: whatever becomes of them, the loop is clean in the end. What programs see and
// how they are stopped is in spec/worker/spawn_spec.lua and spawn_stop_spec.lua.
#include "loop/child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit/unit.h"

struct scene {
    uv_loop_t loop;
    struct tq_child *child;
    int changes;
    size_t allowed_bytes;
};

static void on_change(void *arg)
{
    ((struct scene *)arg)->changes++;
}

static bool on_bytes(void *arg, size_t bytes)
{
    struct scene *scene = arg;

    if (bytes > scene->allowed_bytes)
        return false;
    scene->allowed_bytes -= bytes;
    return true;
}

static void open_scene(struct scene *scene)
{
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK_INT(uv_loop_init(&scene->loop), 0);
    scene->allowed_bytes = SIZE_MAX;
}

static void close_scene(struct scene *scene)
{
    if (scene->child != NULL)
        tq_child_release(scene->child);
    CHECK_INT(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
    CHECK_INT(uv_loop_close(&scene->loop), 0);
}

static struct tq_child_request request_for(struct scene *scene, const char *const *argv)
{
    return (struct tq_child_request){.argv = argv,
                                     .env = (const char *const *)environ,
                                     .input = TQ_CHILD_INPUT_PIPE,
                                     .output = {TQ_CHILD_OUTPUT_PIPE, TQ_CHILD_OUTPUT_PIPE},
                                     .max_bytes = SIZE_MAX,
                                     .high_bytes = SIZE_MAX,
                                     .on_change = on_change,
                                     .on_bytes = on_bytes,
                                     .arg = scene};
}

static const struct tq_child_state *start(struct scene *scene,
                                          const struct tq_child_request *request)
{
    struct tq_err err;

    scene->child = tq_child_start(&scene->loop, request, &err);
    CHECK_OK(scene->child != NULL, &err);
    return tq_child_state(scene->child);
}

static void run_to_end(struct scene *scene)
{
    while (!tq_child_has_ended(scene->child))
        (void)uv_run(&scene->loop, UV_RUN_ONCE);
}

UNIT_TEST(passes_text_through)
{
    static const char *const cat[] = {"cat", NULL};
    struct scene scene = {0};

    open_scene(&scene);
    struct tq_child_request request = request_for(&scene, cat);
    const struct tq_child_state *state = start(&scene, &request);

    tq_child_write(scene.child, "hello ", 6);
    tq_child_write(scene.child, "world", 5);
    tq_child_close_input(scene.child);
    run_to_end(&scene);

    CHECK_TEXT(state->output[TQ_CHILD_OUT].data, "hello world");
    CHECK_INT(state->unwritten_bytes, 0);
    CHECK_INT(state->code, 0);
    CHECK_INT(state->input_error, 0);
    close_scene(&scene);
}

UNIT_TEST(what_cannot_be_started_leaves_nothing)
{
    static const char *const nothing[] = {"/nowhere/program", NULL};
    struct scene scene = {0};
    struct tq_err err;

    open_scene(&scene);
    struct tq_child_request request = request_for(&scene, nothing);

    CHECK(tq_child_start(&scene.loop, &request, &err) == NULL);
    CHECK_INT(err.code, ENOENT);
    close_scene(&scene);
    CHECK_INT(scene.changes, 0);
}

UNIT_TEST(is_killed_when_it_does_not_listen)
{
    static const char *const deaf[] = {"sh", "-c",
                                       "trap '' TERM; echo x; while :; do sleep 9; done", NULL};
    struct scene scene = {0};

    open_scene(&scene);
    struct tq_child_request request = request_for(&scene, deaf);
    const struct tq_child_state *state = start(&scene, &request);

    while (state->output[TQ_CHILD_OUT].len == 0)
        (void)uv_run(&scene.loop, UV_RUN_ONCE);
    scene.changes = 0;
    int64_t start_us = tq_clock_us();

    close_scene(&scene);
    CHECK_INT(scene.changes, 0);
    CHECK(tq_clock_us() - start_us >= 150 * 1000);
}

UNIT_TEST(a_grandchild_holds_nothing_up)
{
    static const char *const parent[] = {"sh", "-c", "trap '' TERM; sleep 1000 & echo x", NULL};
    struct scene scene = {0};

    open_scene(&scene);
    struct tq_child_request request = request_for(&scene, parent);
    const struct tq_child_state *state = start(&scene, &request);

    while (!state->has_exited)
        (void)uv_run(&scene.loop, UV_RUN_ONCE);
    CHECK(!tq_child_has_ended(scene.child)); /* the grandchild has its output */
    close_scene(&scene);
}

UNIT_TEST(stops_for_each_limit)
{
    static const char *const yes[] = {"yes", NULL};

    for (int i = 0; i < 3; i++) {
        struct scene scene = {0};

        open_scene(&scene);
        struct tq_child_request request = request_for(&scene, yes);

        if (i == 0)
            request.max_bytes = 100;
        else if (i == 1)
            scene.allowed_bytes = 100;
        else
            request.timeout_ms = 50;
        request.high_bytes = 100;
        const struct tq_child_state *state = start(&scene, &request);

        while (state->fault == TQ_CHILD_FINE)
            (void)uv_run(&scene.loop, UV_RUN_ONCE);
        CHECK_INT(state->fault, i == 0   ? TQ_CHILD_TOO_MUCH_OUTPUT
                                : i == 1 ? TQ_CHILD_OUT_OF_MEMORY
                                         : TQ_CHILD_TIMED_OUT);
        close_scene(&scene);
    }
}

UNIT_TEST(pauses_what_nobody_reads)
{
    static const char *const much[] = {"head", "-c", "3000000", "/dev/zero", NULL};
    struct scene scene = {0};
    size_t total = 0;

    open_scene(&scene);
    struct tq_child_request request = request_for(&scene, much);

    request.high_bytes = 1000;
    const struct tq_child_state *state = start(&scene, &request);

    while (!tq_child_has_ended(scene.child)) {
        size_t len = state->output[TQ_CHILD_OUT].len;

        CHECK(len < 1000 + 64 * 1024);
        total += len;
        if (len > 0)
            tq_child_consume(scene.child, TQ_CHILD_OUT, len);
        (void)uv_run(&scene.loop, UV_RUN_ONCE);
    }

    CHECK_INT(total + state->output[TQ_CHILD_OUT].len, 3000000);
    close_scene(&scene);
}

UNIT_TEST(tells_that_nobody_reads_the_input)
{
    static const char *const deaf[] = {"sh", "-c", "exec <&-; echo x; sleep 1000", NULL};
    struct scene scene = {0};

    open_scene(&scene);
    struct tq_child_request request = request_for(&scene, deaf);
    const struct tq_child_state *state = start(&scene, &request);

    while (state->output[TQ_CHILD_OUT].len == 0)
        (void)uv_run(&scene.loop, UV_RUN_ONCE);
    tq_child_write(scene.child, "x", 1);
    while (state->input_error == 0)
        (void)uv_run(&scene.loop, UV_RUN_ONCE);

    CHECK_INT(state->input_error, EPIPE);
    CHECK_INT(state->unwritten_bytes, 0);
    close_scene(&scene);
}
