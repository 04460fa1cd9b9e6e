// SPDX-License-Identifier: MIT
//
// What the main thread may do with an executor whose thread is stuck in a slice.
//
// The thread holds the lock at all times but in a slice. So who gets it has the tasks, and the
// thread, when its slice ends, waits for the lock and then sees what became of it. No task can be
// settled by both: one that has started is left to the thread for good, which never posts it, and
// the main thread goes on with a copy; any other one changes hands as it is, for the slice does not
// know it.
#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "database/client_pool.h"
#include "loop/minder.h"
#include "script/run.h"
#include "worker/executor_state.h"
#include "worker/transaction.h"

uint64_t tq_executor_slice(struct tq_executor *executor)
{
    uint64_t slice;

    if (uv_mutex_trylock(&executor->lock) != 0)
        return 0;
    slice = executor->slice;
    uv_mutex_unlock(&executor->lock);
    return slice;
}

bool tq_executor_seize(struct tq_executor *executor, uint64_t slice)
{
    if (uv_mutex_trylock(&executor->lock) != 0)
        return false;
    if (executor->slice == slice)
        return true;
    uv_mutex_unlock(&executor->lock);
    return false;
}

void tq_executor_let_go(struct tq_executor *executor)
{
    uv_mutex_unlock(&executor->lock);
}

/* Of the letters that were not delivered the tasks; the orders are posted again. Orders about these
   tasks mean nothing any more: a cancel is repeated as long as it is wanted. */
static void take_undelivered(struct tq_executor *executor, struct tq_letters *tasks)
{
    struct tq_letter *letter = tq_inbox_seize(&executor->inbox), *next;

    for (; letter != NULL; letter = next) {
        next = letter->next;
        if (letter->kind == TQ_LETTER_TASK) {
            ((struct tq_task *)letter)->is_unstarted = true; /* its first member */
            tq_letters_add(tasks, letter);
        } else if (letter->kind == TQ_LETTER_HEARING) {
            tq_executor_hear(executor, (struct tq_task *)letter); /* its first member */
        } else {
            tq_inbox_post(&executor->inbox, letter, letter);
        }
    }
}

struct tq_letter *tq_executor_take_unstarted(struct tq_executor *executor)
{
    struct tq_letters tasks = {0};

    for (struct tq_task *task = executor->ready.first; task != NULL; task = task->link) {
        task->is_unstarted = true;
        tq_letters_add(&tasks, &task->letter);
    }
    tq_tasks_init(&executor->ready);
    take_undelivered(executor, &tasks);
    return tasks.first;
}

struct tq_letters tq_executor_take_hearings(struct tq_executor *executor)
{
    struct tq_letters letters = {0};

    for (struct tq_task *task = executor->hearings.first; task != NULL; task = task->link) {
        task->letter.kind = TQ_LETTER_HEARING;
        tq_letters_add(&letters, &task->letter);
    }
    tq_tasks_init(&executor->hearings);
    return letters;
}

struct tq_letter *tq_executor_take_finished(struct tq_executor *executor)
{
    struct tq_letter *first = executor->outbox.first;

    executor->outbox = (struct tq_letters){0};
    executor->outbox_count = 0;
    return first;
}

size_t tq_executor_backends(struct tq_executor *executor, int32_t *pids, size_t most)
{
    return tq_client_pool_backends(executor->clients, pids, most);
}

void tq_executor_ask(struct tq_executor *executor, enum tq_stop reason)
{
    tq_run_ask_stop(executor->current->run, reason, executor->thread);
}

static void orphan(struct tq_executor *executor, struct tq_task *task)
{
    task->link = executor->orphans;
    executor->orphans = task;
}

static void orphan_all(struct tq_executor *executor, struct tq_task *first)
{
    while (first != NULL) {
        struct tq_task *next = first->link;

        orphan(executor, first);
        first = next;
    }
}

/* It waits no more, whatever its wait comes to: no list has it. */
static void orphan_waiting(struct tq_executor *executor, struct tq_task *task)
{
    task->is_waiting = false;
    if (tq_host_is_deciding(task)) {
        const char *result = tq_transaction_result(task->transaction);

        task->settlement.is_undecided = true;
        task->result = result != NULL ? tq_strdup(result) : NULL;
        task->settlement.settled.result_len = result != NULL ? strlen(result) : 0;
    }
    orphan(executor, task);
}

void tq_executor_give_up(struct tq_executor *executor,
                         void (*visit)(void *arg, struct tq_task *task, bool is_culprit), void *arg)
{
    orphan_all(executor, executor->runnable.first);
    orphan_all(executor, executor->preempted.first);
    for (struct tq_task *task = executor->waiting; task != NULL; task = task->waiting_next)
        orphan_waiting(executor, task);
    orphan(executor, executor->current); /* it stays current: the slice looks at that */
    for (struct tq_task *task = executor->orphans; task != NULL; task = task->link)
        visit(arg, task, task == executor->current);

    tq_executor_init_lists(executor);
    executor->is_given_up = true;
    tq_minder_stop(executor->config.minder, executor); /* the programs of its tasks */
    atomic_fetch_add(executor->config.lost_threads, 1);
    /* The thread waits for the lock before it ends, so it is there to be told and detached. */
    tq_executor_ask(executor, TQ_STOP_INTERRUPTED);
    (void)pthread_detach(executor->thread); /* fails only for a thread that is none */
}
