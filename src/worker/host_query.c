// SPDX-License-Identifier: MIT
//
// Statements of handlers: taskq.query, taskq.enqueue and their like. Each takes a client of the
// executor's pool for as long as the statement runs, or joins the transaction that its task has
// open.
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "database/client_pool.h"
#include "database/query.h"
#include "worker/executor_state.h"
#include "worker/transaction.h"

struct query_wait {
    struct tq_query_wait base; /* first */
    struct tq_client_ask ask;
    struct tq_statement statement;
    struct tq_executor *executor;
    struct tq_task *task;
    struct tq_client *client;           /* while it runs */
    struct tq_transaction *transaction; /* that it joined */
    enum tq_statement_kind kind;
    char *sql;
    const char **values; /* into texts */
    int count;
    struct tq_buf texts;
};

static const enum tq_query queries[] = {
    [TQ_STATEMENT_ENQUEUE] = TQ_QUERY_ENQUEUE_TASK,
    [TQ_STATEMENT_ENQUEUE_MANY] = TQ_QUERY_ENQUEUE_TASKS,
    [TQ_STATEMENT_CANCEL] = TQ_QUERY_CANCEL,
    [TQ_STATEMENT_RETRY] = TQ_QUERY_RETRY,
    [TQ_STATEMENT_STATS] = TQ_QUERY_STATS,
};

static struct query_wait *wait_of(struct tq_statement *statement)
{
    return TQ_OWNER(statement, struct query_wait, statement);
}

/* One that is busy has its statement cancelled. */
static void give_client_back(struct query_wait *query)
{
    tq_client_pool_give_back(query->executor->clients, query->client,
                             query->kind != TQ_STATEMENT_OF_HANDLER);
    query->client = NULL;
}

/* Unless the transaction went first. */
static void spoil(struct query_wait *query)
{
    if (query->task->transaction == query->transaction)
        tq_transaction_spoil(query->transaction);
}

static void release_query(struct tq_wait *wait)
{
    struct query_wait *query = (struct query_wait *)wait;

    if (wait->is_done)
        ; /* nothing is under way */
    else if (query->transaction != NULL)
        spoil(query);
    else if (query->client != NULL)
        give_client_back(query);
    else
        tq_client_pool_withdraw(query->executor->clients, &query->ask);
    tq_table_deinit(&query->base.table);
    tq_buf_deinit(&query->texts);
    free(query->values);
    free(query->sql);
    free(query);
}

static void finish(struct query_wait *query, const struct tq_err *err)
{
    query->base.wait.is_done = true;
    query->base.wait.is_ok = err == NULL;
    if (err != NULL)
        query->base.wait.err = *err;
    query->base.table = query->statement.table;
    tq_executor_wake(query->executor, query->task);
}

/* The server has let go of what it held when the handler is told; or the connection was lost, and
   is closed. */
static void on_rolled_back(struct tq_statement *statement, const struct tq_err *err)
{
    struct query_wait *query = wait_of(statement);
    struct tq_err left_open;

    (void)err;
    (void)tq_err_set(&left_open, TQ_ERR_QUERY, 0,
                     "the statement left a transaction open, which was rolled back: "
                     "use context.transaction");
    (void)strcpy(left_open.sqlstate, "25001"); /* active_sql_transaction */
    give_client_back(query);
    finish(query, &left_open);
}

/* One statement is one transaction. */
static bool has_left_open(const struct query_wait *query)
{
    enum tq_client_state state = tq_client_state(query->client);

    return state == TQ_CLIENT_IN_PROGRESS || state == TQ_CLIENT_ABORTED;
}

static void roll_back(struct query_wait *query)
{
    tq_table_deinit(&query->statement.table);
    query->statement.on_done = on_rolled_back;
    query->statement.timeout_ms = query->executor->config.lease_ms;
    tq_client_run_script(query->client, &query->statement, "rollback");
}

static void on_answered(struct tq_statement *statement, const struct tq_err *err)
{
    struct query_wait *query = wait_of(statement);

    if (query->transaction != NULL) {
        err = tq_transaction_note(query->transaction, statement, err);
        finish(query, err);
        return;
    }
    if (has_left_open(query)) {
        roll_back(query);
        return;
    }
    give_client_back(query);
    finish(query, err);
}

static void run_on_client(struct query_wait *query)
{
    const struct tq_texts_given given = {.texts = query->values, .count = query->count};

    query->statement.on_done = on_answered;
    tq_client_run(query->client, &query->statement, query->sql, &given);
}

static void on_client(struct tq_client_ask *ask, struct tq_client *client, const struct tq_err *err)
{
    struct query_wait *query = TQ_OWNER(ask, struct query_wait, ask);

    if (client == NULL) {
        finish(query, err);
        return;
    }
    query->client = client;
    run_on_client(query);
}

/* Texts are copied: the client may have to be waited for. */
static struct query_wait *copy(const struct tq_host_query *given)
{
    struct query_wait *query = tq_zalloc(sizeof *query);
    size_t offset = 0;

    query->kind = given->kind;
    query->sql = tq_strdup(
        given->kind == TQ_STATEMENT_OF_HANDLER ? given->sql : tq_query_text(queries[given->kind]));
    query->count = given->count;
    query->values = tq_zalloc((size_t)given->count * sizeof *query->values + 1);
    for (int i = 0; i < given->count; i++) {
        if (given->values[i] != NULL)
            tq_buf_add(&query->texts, given->values[i], strlen(given->values[i]) + 1);
    }
    for (int i = 0; i < given->count; i++) {
        if (given->values[i] == NULL)
            continue;
        query->values[i] = query->texts.data + offset;
        offset += strlen(query->values[i]) + 1;
    }
    query->statement.max_bytes = given->max_bytes;
    return query;
}

static struct tq_query_wait *host_query(void *owner, struct tq_run *run,
                                        const struct tq_host_query *given)
{
    struct query_wait *query = copy(given);

    query->executor = owner;
    query->task = tq_run_owner(run);
    query->base.wait.release = release_query;
    query->ask.on_client = on_client;
    query->transaction = query->task->transaction;
    if (query->transaction == NULL) {
        tq_client_pool_ask(query->executor->clients, &query->ask);
        return &query->base;
    }
    query->client = tq_transaction_client(query->transaction);
    if (query->client != NULL)
        run_on_client(query);
    else
        finish(query, tq_transaction_failure(query->transaction));
    return &query->base;
}

void tq_host_add_query(struct tq_host *host)
{
    host->query = host_query;
}
