// SPDX-License-Identifier: MIT
//
// context.transaction: the steps of a transaction as waits of its task. A wait that is given up
// (the handler is interrupted or stopped) ends the transaction.
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "worker/executor_state.h"
#include "worker/transaction.h"

struct transaction_wait {
    struct tq_wait wait;             /* first */
    struct tq_transaction_step step; /* the operation that is waited for */
    struct tq_executor *executor;
    struct tq_task *task;
    char *result; /* of a commit: the task's, once it is committed */
};

void tq_host_end_transaction(struct tq_task *task)
{
    if (task->transaction != NULL)
        tq_transaction_free(task->transaction);
    task->transaction = NULL;
}

bool tq_host_is_deciding(const struct tq_task *task)
{
    return task->transaction != NULL && tq_transaction_is_deciding(task->transaction);
}

static void release_step(struct tq_wait *wait)
{
    struct transaction_wait *waiting = (struct transaction_wait *)wait;

    if (!wait->is_done)
        tq_host_end_transaction(waiting->task);
    free(waiting->result);
    free(waiting);
}

static void keep_result(struct transaction_wait *waiting)
{
    struct tq_task *task = waiting->task;

    task->is_committed = true;
    task->result = waiting->result;
    task->settlement.settled.result_len = task->result != NULL ? strlen(task->result) : 0;
    waiting->result = NULL;
}

static void on_step_done(struct tq_transaction_step *step, enum tq_transaction_end end,
                         const struct tq_err *err)
{
    struct transaction_wait *waiting = TQ_OWNER(step, struct transaction_wait, step);

    waiting->wait.is_done = true;
    waiting->wait.is_ok = err == NULL;
    if (err != NULL)
        waiting->wait.err = *err;
    if (end == TQ_TRANSACTION_COMMITTED)
        keep_result(waiting);
    waiting->task->is_lost = end == TQ_TRANSACTION_LOST;
    if (end != TQ_TRANSACTION_BEGUN)
        tq_host_end_transaction(waiting->task);
    tq_executor_wake(waiting->executor, waiting->task);
}

static struct transaction_wait *make_wait(struct tq_executor *executor, struct tq_run *run)
{
    struct transaction_wait *waiting = tq_zalloc(sizeof *waiting);

    waiting->wait.release = release_step;
    waiting->step.on_done = on_step_done;
    waiting->executor = executor;
    waiting->task = tq_run_owner(run);
    return waiting;
}

static enum tq_transaction_state host_transaction_state(void *owner, struct tq_run *run)
{
    const struct tq_task *task = tq_run_owner(run);

    (void)owner;
    if (task->is_committed || task->is_lost)
        return TQ_TRANSACTION_DONE;
    return task->transaction != NULL ? TQ_TRANSACTION_OPEN : TQ_TRANSACTION_NONE;
}

static struct tq_wait *host_begin(void *owner, struct tq_run *run)
{
    struct tq_executor *executor = owner;
    struct transaction_wait *waiting = make_wait(executor, run);
    const struct tq_settled *fence = &waiting->task->settlement.settled;
    const struct tq_transaction_config config = {
        .loop = &executor->loop,
        .clients = executor->clients,
        .answer_timeout_ms = executor->config.lease_ms,
        .id = fence->id,
        .claims = fence->claims,
        .worker_id = fence->worker_id,
    };

    waiting->task->transaction = tq_transaction_begin(&config, &waiting->step);
    return &waiting->wait;
}

static struct tq_wait *host_commit(void *owner, struct tq_run *run, const char *result)
{
    struct transaction_wait *waiting = make_wait(owner, run);

    waiting->result = result != NULL ? tq_strdup(result) : NULL;
    tq_transaction_commit(waiting->task->transaction, &waiting->step, result, tq_run_notes(run));
    return &waiting->wait;
}

static struct tq_wait *host_roll_back(void *owner, struct tq_run *run)
{
    struct transaction_wait *waiting = make_wait(owner, run);

    tq_transaction_roll_back(waiting->task->transaction, &waiting->step);
    return &waiting->wait;
}

static void host_abandon(void *owner, struct tq_run *run)
{
    (void)owner;
    tq_host_end_transaction(tq_run_owner(run));
}

void tq_host_add_transaction(struct tq_host *host)
{
    host->transaction_state = host_transaction_state;
    host->begin = host_begin;
    host->commit = host_commit;
    host->roll_back = host_roll_back;
    host->abandon = host_abandon;
}
