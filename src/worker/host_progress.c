// SPDX-License-Identifier: MIT
//
// context.progress: once a second what is new goes to the main thread, as letters.
#include "base/memory.h"
#include "script/run.h"
#include "worker/executor_state.h"
#include "worker/progress.h"

enum { INTERVAL_US = 1000 * 1000 };

struct chain {
    struct tq_letter *first, **last;
};

static void host_report_progress(void *owner)
{
    struct tq_executor *executor = owner;

    executor->has_progress = true;
    tq_executor_start_tick(executor);
}

static void add_report(struct chain *chain, const struct tq_task *task)
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
    *chain->last = &report->letter;
    chain->last = &report->letter.next;
}

void tq_executor_post_progress(struct tq_executor *executor)
{
    struct chain chain = {NULL, &chain.first};

    if (!executor->has_progress || executor->is_given_up ||
        executor->now_us < executor->progress_us + INTERVAL_US)
        return;
    executor->has_progress = false;
    executor->progress_us = executor->now_us;
    for (struct tq_task *task = executor->waiting; task != NULL; task = task->waiting_next)
        add_report(&chain, task);
    for (struct tq_task *task = executor->runnable; task != NULL; task = task->link)
        add_report(&chain, task);
    for (struct tq_task *task = executor->preempted; task != NULL; task = task->link)
        add_report(&chain, task);
    if (chain.first != NULL)
        tq_inbox_post(executor->config.main_inbox, chain.first,
                      TQ_OWNER(chain.last, struct tq_letter, next));
}

void tq_host_add_progress(struct tq_host *host)
{
    host->report_progress = host_report_progress;
}
