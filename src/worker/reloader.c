// SPDX-License-Identifier: MIT
//
// When to read, and what to do with what came of it.
#include "worker/reloader.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "script/script.h"
#include "worker/generation.h"
#include "worker/reading.h"
#include "worker/watcher.h"

enum {
    QUIET_MS = 50,              /* an editor, or a deployment, writes several times */
    MOST_UNSETTLED_US = 500000, /* what changes all the time is taken as it is */
    MOST_QUIET_MS = 150,        /* in all, when the writing does not end */
    LOOK_EVERY_MS = 2000,       /* for changes that nobody tells of */
    STUCK_US = 5000000, /* a step of a reading that takes longer is in a call without return */
};

struct tq_reloader {
    struct tq_reloader_config config;
    struct tq_watcher *watcher;
    uv_timer_t quiet, look;
    uv_work_t work;
    struct tq_reading reading;
    bool is_reading, is_stopped, is_closing;
    bool is_stuck;                  /* said of the reading that is under way */
    bool wants_quiet, wants_forced; /* of the next reading */
    int64_t event_us;               /* of the first event since the last reading began; 0: none */
    int64_t unsettled_us; /* of the first event since the last reading that counted; 0: none */
    int64_t begun_us;
    char *error; /* logged last, and still true; NULL: none */
    int open_timers;
};

static void begin(struct tq_reloader *reloader);
static void tell_error(struct tq_reloader *reloader, const char *message, const char *quote);

/* Until the reading is stuck: Lua code is stopped at its time limit, a call into C is not. One that
   waits for a thread has not begun, and is never stuck. */
static int64_t left_us(const struct tq_reloader *reloader)
{
    int64_t step_us = atomic_load(&reloader->reading.step_us);

    return step_us == 0 ? STUCK_US : step_us + STUCK_US - tq_clock_us();
}

static void look_at_reading(struct tq_reloader *reloader)
{
    if (!reloader->is_reading || reloader->is_stuck || left_us(reloader) > 0)
        return;
    reloader->is_stuck = true;
    tell_error(reloader,
               "the top level of a file is in a call into C that does not return; nothing is "
               "loaded any more unless it does, or the worker is started again",
               NULL);
}

static void on_quiet(uv_timer_t *timer)
{
    struct tq_reloader *reloader = timer->data;

    reloader->event_us = 0;
    reloader->wants_quiet = true;
    begin(reloader);
}

static void on_look(uv_timer_t *timer)
{
    struct tq_reloader *reloader = timer->data;

    look_at_reading(reloader);
    if (reloader->event_us == 0)
        begin(reloader);
}

static void on_event(void *owner)
{
    struct tq_reloader *reloader = owner;
    int64_t now_us = tq_clock_us(), left_ms;

    if (reloader->event_us == 0)
        reloader->event_us = now_us;
    if (reloader->unsettled_us == 0)
        reloader->unsettled_us = now_us;
    left_ms = MOST_QUIET_MS - (now_us - reloader->event_us) / 1000;
    if (left_ms > QUIET_MS)
        left_ms = QUIET_MS;
    if (!reloader->is_stopped)
        (void)uv_timer_start(&reloader->quiet, on_quiet, (uint64_t)(left_ms > 0 ? left_ms : 0),
                             0); /* not null */
}

struct tq_reloader *tq_reloader_new(const struct tq_reloader_config *config)
{
    struct tq_reloader *reloader = tq_zalloc(sizeof *reloader);

    reloader->config = *config;
    reloader->reading.folder = config->folder;
    reloader->reading.wanted = config->wanted;
    reloader->reading.script_count = config->script_count;
    (void)uv_timer_init(config->loop, &reloader->quiet); /* both always 0 */
    (void)uv_timer_init(config->loop, &reloader->look);
    reloader->quiet.data = reloader->look.data = reloader->work.data = reloader;
    reloader->open_timers = 2;
    if (!config->is_watching)
        return reloader;
    reloader->watcher = tq_watcher_new(config->loop, config->folder, on_event, reloader);
    (void)uv_timer_start(&reloader->look, on_look, 0, LOOK_EVERY_MS); /* not null */
    return reloader;
}

void tq_reloader_ask(struct tq_reloader *reloader)
{
    reloader->wants_forced = true;
    begin(reloader);
}

/* ---- reading ---- */

static void on_timer_closed(uv_handle_t *timer)
{
    struct tq_reloader *reloader = timer->data;

    if (--reloader->open_timers > 0)
        return;
    tq_reading_deinit(&reloader->reading);
    free(reloader->error);
    free(reloader);
}

static void close_timers(struct tq_reloader *reloader)
{
    uv_close((uv_handle_t *)&reloader->quiet, on_timer_closed);
    uv_close((uv_handle_t *)&reloader->look, on_timer_closed);
}

static void tell_error(struct tq_reloader *reloader, const char *message, const char *quote)
{
    const struct tq_generation *generation = *reloader->config.generation;

    if (reloader->error != NULL && strcmp(reloader->error, message) == 0)
        return;
    free(reloader->error);
    reloader->error = tq_strdup(message);
    tq_log(TQ_LOG_ERROR, "reload",
           generation->type_count > 0 ? "handlers not reloaded: the ones before stay"
                                      : "handlers not loaded: there are none yet",
           "generation=%d error=%s source=%s", generation->number, message,
           reloader->config.shows_source ? quote : NULL);
    reloader->config.on_error(reloader->config.owner, message);
}

static void clear_error(struct tq_reloader *reloader)
{
    if (reloader->error == NULL)
        return;
    free(reloader->error);
    reloader->error = NULL;
    reloader->config.on_error(reloader->config.owner, NULL);
}

static void hand_over(struct tq_reloader *reloader)
{
    struct tq_reading *reading = &reloader->reading;
    struct tq_generation *generation = reading->generation;
    struct tq_script **scripts = reading->scripts;
    double ms = (double)(tq_clock_us() - reloader->begun_us) / 1000;

    reading->generation = NULL;
    reading->scripts = NULL;
    clear_error(reloader);
    tq_log(TQ_LOG_INFO, "reload", "handlers reloaded",
           "generation=%d types=%zu changed=%s load_ms=%.1f", generation->number,
           generation->type_count, reading->change, ms);
    reloader->config.on_loaded(reloader->config.owner, generation, scripts);
    free(scripts);
}

static void on_work(uv_work_t *work)
{
    struct tq_reloader *reloader = work->data;

    tq_reading_run(&reloader->reading);
}

/* What happened in a new folder before it was watched was not told. */
static void watch(struct tq_reloader *reloader)
{
    if (reloader->watcher != NULL &&
        tq_watcher_watch(reloader->watcher, &reloader->reading.folders))
        reloader->wants_quiet = true;
}

static void take(struct tq_reloader *reloader)
{
    struct tq_reading *reading = &reloader->reading;

    reloader->unsettled_us = reloader->event_us;
    switch (reading->outcome) {
    case TQ_READING_UNCHANGED:
        break;
    case TQ_READING_STIRRED:
        on_event(reloader);
        break;
    case TQ_READING_SAME:
        if (reloader->error != NULL)
            tq_log(TQ_LOG_INFO, "reload", "handlers are again as they are loaded", "generation=%d",
                   (*reloader->config.generation)->number);
        clear_error(reloader);
        break;
    case TQ_READING_FAILED:
        tell_error(reloader, reading->err.message, reading->quote);
        break;
    case TQ_READING_LOADED:
        hand_over(reloader);
        break;
    }
}

/* What changed while it was read will be read again: then only the last reading counts. */
static bool is_overtaken(const struct tq_reloader *reloader)
{
    return reloader->event_us != 0 && tq_clock_us() - reloader->unsettled_us < MOST_UNSETTLED_US;
}

static void on_read(uv_work_t *work, int status)
{
    struct tq_reloader *reloader = work->data;

    (void)status; /* cancelled: nothing came of it, and nothing is wanted any more */
    reloader->is_reading = reloader->is_stuck = false;
    if (!reloader->is_stopped) {
        if (is_overtaken(reloader))
            reloader->wants_forced |= reloader->reading.is_forced;
        else
            take(reloader);
        watch(reloader);
    }
    tq_reading_clear(&reloader->reading);
    tq_generation_unref(reloader->reading.current);
    if (reloader->event_us == 0 && (reloader->wants_quiet || reloader->wants_forced))
        begin(reloader);
    if (reloader->is_closing)
        close_timers(reloader);
}

/* Nothing while one is under way: what is wanted by then follows it. */
static void begin(struct tq_reloader *reloader)
{
    struct tq_reading *reading = &reloader->reading;

    if (reloader->is_reading || reloader->is_stopped)
        return;
    reading->current = *reloader->config.generation;
    tq_generation_ref(reading->current);
    reading->is_quiet = reloader->wants_quiet;
    reading->is_forced = reloader->wants_forced;
    reloader->wants_quiet = reloader->wants_forced = false;
    reloader->is_reading = true;
    reloader->begun_us = tq_clock_us();
    if (uv_queue_work(reloader->config.loop, &reloader->work, on_work, on_read) != 0)
        abort(); /* fails only without a function */
}

/* ---- the end ---- */

void tq_reloader_stop(struct tq_reloader *reloader)
{
    reloader->is_stopped = true;
    atomic_store(&reloader->reading.is_unwanted, true);
    (void)uv_timer_stop(&reloader->quiet); /* both always 0 */
    (void)uv_timer_stop(&reloader->look);
}

static void on_overdue(uv_timer_t *timer);

static void await_reading(struct tq_reloader *reloader)
{
    int64_t us = left_us(reloader);

    (void)uv_timer_start(&reloader->quiet, on_overdue, us > 0 ? (uint64_t)us / 1000 + 1 : 0,
                         0); /* not null */
}

static void on_overdue(uv_timer_t *timer)
{
    struct tq_reloader *reloader = timer->data;

    if (left_us(reloader) > 0)
        await_reading(reloader); /* its next step */
    else
        reloader->config.on_stuck(reloader->config.owner);
}

void tq_reloader_close(struct tq_reloader *reloader)
{
    reloader->is_closing = true;
    tq_reloader_stop(reloader);
    if (reloader->watcher != NULL)
        tq_watcher_close(reloader->watcher);
    if (!reloader->is_reading) {
        close_timers(reloader);
        return;
    }
    (void)uv_cancel((uv_req_t *)&reloader->work); /* refused once it has begun */
    await_reading(reloader);
}
