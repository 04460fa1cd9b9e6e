// SPDX-License-Identifier: MIT
//
// context.progress: once a second what is new goes to the main thread, as letters.
#include "base/memory.h"
#include "script/run.h"
#include "worker/executor_state.h"
#include "worker/progress.h"

enum { INTERVAL_US = 1000 * 1000 };

static void host_report_progress(void *owner)
{
    struct tq_executor *executor = owner;

    executor->has_progress = true;
    tq_executor_start_tick(executor);
}

static void add_report(struct tq_letters *letters, const struct tq_task *task)
{
    const char *text = tq_run_take_progress(task->run);
    struct tq_progress_report *report;

    if (text == NULL)
        return;
    report = tq_zalloc(sizeof *report);
    report->letter.kind = TQ_LETTER_PROGRESS;
    report->id = task->settlement.settled.id;
    report->claims = task->settlement.settled.claims;
    report->text = tq_strdup(text);
    tq_letters_add(letters, &report->letter);
}

void tq_executor_post_progress(struct tq_executor *executor)
{
    struct tq_letters letters = {0};

    if (!executor->has_progress || executor->is_given_up ||
        executor->now_us < executor->progress_us + INTERVAL_US)
        return;
    executor->has_progress = false;
    executor->progress_us = executor->now_us;
    for (struct tq_task *task = executor->waiting; task != NULL; task = task->waiting_next)
        add_report(&letters, task);
    for (struct tq_task *task = executor->runnable.first; task != NULL; task = task->link)
        add_report(&letters, task);
    for (struct tq_task *task = executor->preempted.first; task != NULL; task = task->link)
        add_report(&letters, task);
    tq_inbox_post_all(executor->config.main_inbox, &letters);
}

void tq_host_add_progress(struct tq_host *host)
{
    host->report_progress = host_report_progress;
}
