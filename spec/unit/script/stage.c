// SPDX-License-Identifier: MIT
//
// The stage: temporary folders and a host that only pretends.
#include "unit/script/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "unit/unit.h"

struct fake_wait {
    struct tq_wait wait;
    struct stage *stage;
};

static void release_fake(struct tq_wait *wait)
{
    struct stage *stage = ((struct fake_wait *)wait)->stage;

    if (stage->pending == wait)
        stage->pending = NULL;
    stage->live_waits--;
    free(wait);
}

static struct tq_wait *make_wait(struct stage *stage)
{
    struct fake_wait *fake = tq_zalloc(sizeof *fake);

    fake->wait.release = release_fake;
    fake->wait.is_done = fake->wait.is_ok = stage->is_wait_done_at_once;
    fake->stage = stage;
    stage->live_waits++;
    stage->total_waits++;
    stage->pending = &fake->wait;
    return &fake->wait;
}

static struct tq_wait *fake_sleep(void *owner, struct tq_run *run, int64_t ms)
{
    struct stage *stage = owner;

    CHECK(run != NULL);
    stage->slept_ms = ms;
    return make_wait(stage);
}

static struct tq_wait *fake_send_mail(void *owner, struct tq_run *run,
                                      const struct tq_letter_mail *mail)
{
    struct stage *stage = owner;
    int len = snprintf(stage->mail, sizeof stage->mail, "%s\n%s\n", mail->url, mail->from);

    CHECK(run != NULL);
    for (size_t i = 0; i < mail->recipient_count; i++)
        len += snprintf(stage->mail + len, sizeof stage->mail - (size_t)len, "%s\n",
                        mail->recipients[i]);
    (void)snprintf(stage->mail + len, sizeof stage->mail - (size_t)len, "%.*s",
                   (int)mail->message_len, mail->message);
    return make_wait(stage);
}

static void fake_report_progress(void *owner)
{
    ((struct stage *)owner)->reports++;
}

static bool fake_is_shutting_down(void *owner)
{
    return ((struct stage *)owner)->is_shutting_down;
}

void stage_open(struct stage *stage)
{
    struct tq_err err;

    *stage = (struct stage){.soft_ms = STAGE_LONG_MS, .hard_ms = STAGE_LONG_MS};
    (void)snprintf(stage->folder, sizeof stage->folder, "/tmp/taskq-stage-XXXXXX");
    CHECK(mkdtemp(stage->folder) != NULL);
    stage->host = (struct tq_host){.owner = stage,
                                   .worker_id = "fake-worker",
                                   .sleep = fake_sleep,
                                   .send_mail = fake_send_mail,
                                   .is_shutting_down = fake_is_shutting_down,
                                   .report_progress = fake_report_progress};
    CHECK_OK(tq_ticker_start(&err), &err);
}

void stage_write(struct stage *stage, const char *path, const char *text)
{
    char *name = tq_format("%s/%s", stage->folder, path);

    for (char *slash = name + strlen(stage->folder) + 1; (slash = strchr(slash, '/')) != NULL;) {
        *slash = '\0';
        (void)mkdir(name, 0700); /* it may be there */
        *slash++ = '/';
    }

    FILE *file = fopen(name, "w");

    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
    for (size_t i = 0; i < stage->file_count; i++) {
        if (strcmp(stage->files[i], name) == 0) { /* written again */
            free(name);
            return;
        }
    }
    CHECK(stage->file_count < STAGE_FILES);
    stage->files[stage->file_count++] = name;
}

void stage_remove(struct stage *stage)
{
    char *name = stage->files[--stage->file_count];

    CHECK(unlink(name) == 0);
    free(name);
}

bool stage_try_load(struct stage *stage, struct tq_err *err)
{
    struct tq_script_config config = {.open_taskq = luaopen_taskq,
                                      .host = &stage->host,
                                      .memory_cap_bytes = stage->memory_cap_bytes};
    struct tq_source *source;

    if (!tq_source_read(stage->folder, &source, err))
        return false;

    bool is_loaded = tq_script_new(&config, source, &stage->script, err);

    tq_source_unref(source);
    return is_loaded;
}

void stage_load(struct stage *stage)
{
    struct tq_err err;

    CHECK_OK(stage_try_load(stage, &err), &err);
}

void stage_load_body(struct stage *stage, const char *body)
{
    char *text = tq_format("local taskq = require \"taskq\"\n"
                           "return { type = \"t\", handler = function(context)\n%s\nend }\n",
                           body);

    stage_write(stage, "t.lua", text);
    free(text);
    stage_load(stage);
}

struct tq_run *stage_start(struct stage *stage, const char *type, const char *payload)
{
    const struct tq_handler *handler = tq_script_find(stage->script, type);
    int64_t now_us = tq_clock_us();

    CHECK(handler != NULL);

    struct tq_run_task task = {.id = 7,
                               .type = type,
                               .payload = payload,
                               .payload_len = strlen(payload),
                               .priority = 3,
                               .attempt = 1,
                               .max_attempts = 5,
                               .claims = 2,
                               .created_at_us = 1700000000123456,
                               .scheduled_at_us = 1700000001000000,
                               .worker_id = "fake-worker",
                               .soft_deadline_us = now_us + stage->soft_ms * 1000,
                               .hard_deadline_us = now_us + stage->hard_ms * 1000};

    return tq_run_start(stage->script, handler, &task, stage);
}

void stage_end_wait(struct stage *stage)
{
    CHECK(stage->pending != NULL);
    stage->pending->is_done = true;
    stage->pending->is_ok = !stage->is_mail_refused;
    if (stage->is_mail_refused) {
        stage->pending->err.code = 550;
        (void)snprintf(stage->pending->err.message, sizeof stage->pending->err.message,
                       "no such user");
    }
}

enum tq_run_state stage_resume(struct tq_run *run)
{
    enum tq_run_state state;

    while ((state = tq_run_resume(run)) == TQ_RUN_PREEMPTED)
        continue;
    return state;
}

const struct tq_outcome *stage_finish(struct stage *stage, struct tq_run *run)
{
    CHECK(tq_run_owner(run) == stage);
    while (stage_resume(run) != TQ_RUN_DONE)
        stage_end_wait(stage);
    return tq_run_outcome(run);
}

void stage_check_result(struct stage *stage, const char *payload, const char *result)
{
    struct tq_run *run = stage_start(stage, "t", payload);
    const struct tq_outcome *outcome = stage_finish(stage, run);

    CHECK_TEXT(outcome->error, NULL);
    CHECK_INT(outcome->kind, TQ_OUTCOME_SUCCESS);
    CHECK_TEXT(outcome->result, result);
    tq_run_free(run);
}

void stage_check_body(const char *body, const char *payload, const char *result)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, body);
    stage_check_result(&stage, payload, result);
    stage_close(&stage);
}

/* Removes the empty folders above a path, up to the stage's own. */
static void remove_folders(const struct stage *stage, char *name)
{
    for (char *slash; (slash = strrchr(name, '/')) != NULL;) {
        *slash = '\0';
        if (strcmp(name, stage->folder) == 0 || rmdir(name) != 0)
            return;
    }
}

void stage_close(struct stage *stage)
{
    CHECK_INT(stage->live_waits, 0);
    if (stage->script != NULL)
        tq_script_free(stage->script);
    tq_ticker_stop();
    while (stage->file_count > 0) {
        char *name = stage->files[--stage->file_count];

        CHECK(unlink(name) == 0);
        remove_folders(stage, name);
        free(name);
    }
    (void)rmdir(stage->folder); /* a test may have left something in it on purpose */
}
