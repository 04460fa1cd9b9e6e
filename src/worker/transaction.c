// SPDX-License-Identifier: MIT
//
// The steps of a transaction. The story is in transaction.h.
#include "worker/transaction.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "database/query.h"

enum {
    LOCKED_RETRY_MS = 50,
    FATE_RETRY_MS = 50,     /* it is still in progress */
    CONNECT_RETRY_MS = 500, /* nobody can be asked */
    NUMBER_BYTES = 24,
};

enum state { BEGINNING, OPEN, COMPLETING, COMMITTING, ASKING, ROLLING_BACK, OVER };

struct tq_transaction {
    struct tq_transaction_config config;
    enum state state;
    struct tq_transaction_step *step; /* the operation under way */
    struct tq_client_ask ask;
    bool is_asking; /* in the pool's line */
    struct tq_client *client;
    struct tq_statement statement; /* its own, not the handler's */
    uv_timer_t timer;
    bool has_failed; /* and failure says why: it can only be rolled back */
    struct tq_err failure;
    enum tq_transaction_end end; /* of ROLLING_BACK */
    char *result, *notes;
    char pid[NUMBER_BYTES], xid[NUMBER_BYTES]; /* its backend and its id, since COMMITTING */
};

static void on_answered(struct tq_statement *statement, const struct tq_err *err);
static void on_timer(uv_timer_t *timer);

/* ---- its own statements ---- */

static void run_script(struct tq_transaction *transaction, enum state state, const char *sql)
{
    transaction->state = state;
    tq_client_run_script(transaction->client, &transaction->statement, sql);
}

/* A statement about the task: the fence, and what else it takes. */
static void run_fenced(struct tq_transaction *transaction, enum tq_query query, const char *fourth,
                       const char *fifth)
{
    char id[NUMBER_BYTES], claims[NUMBER_BYTES], worker_id[NUMBER_BYTES];
    const char *const texts[] = {id, claims, worker_id, fourth, fifth};
    const struct tq_texts_given given = {.texts = texts, .count = 5};

    (void)snprintf(id, sizeof id, "%" PRId64, transaction->config.id);
    (void)snprintf(claims, sizeof claims, "%" PRId32, transaction->config.claims);
    (void)snprintf(worker_id, sizeof worker_id, "%" PRId64, transaction->config.worker_id);
    tq_client_run(transaction->client, &transaction->statement, tq_query_text(query), &given);
}

static void complete(struct tq_transaction *transaction)
{
    transaction->state = COMPLETING;
    run_fenced(transaction, TQ_QUERY_COMPLETE_ONE, transaction->result, transaction->notes);
}

static void ask_fate(struct tq_transaction *transaction)
{
    run_fenced(transaction, TQ_QUERY_FATE, transaction->pid, transaction->xid);
}

static void give_client_back(struct tq_transaction *transaction)
{
    if (transaction->client != NULL)
        tq_client_pool_give_back(transaction->config.clients, transaction->client, false);
    transaction->client = NULL;
}

static void try_later(struct tq_transaction *transaction, int delay_ms)
{
    (void)uv_timer_start(&transaction->timer, on_timer, (uint64_t)delay_ms, 0); /* not null */
}

static void ask_for_client(struct tq_transaction *transaction)
{
    transaction->is_asking = true;
    tq_client_pool_ask(transaction->config.clients, &transaction->ask);
}

/* ---- ends ---- */

static void report(struct tq_transaction *transaction, enum tq_transaction_end end)
{
    struct tq_transaction_step *step = transaction->step;
    struct tq_err failure = transaction->failure;

    transaction->step = NULL;
    step->on_done(step, end, transaction->has_failed ? &failure : NULL);
}

static void fail(struct tq_transaction *transaction, const struct tq_err *err)
{
    if (!transaction->has_failed)
        transaction->failure = *err;
    transaction->has_failed = true;
}

/* Nothing is under way any more. */
static void finish(struct tq_transaction *transaction, enum tq_transaction_end end)
{
    transaction->state = OVER;
    give_client_back(transaction);
    report(transaction, end);
}

static void roll_back(struct tq_transaction *transaction, enum tq_transaction_end end)
{
    enum tq_client_state state =
        transaction->client != NULL ? tq_client_state(transaction->client) : TQ_CLIENT_UNUSABLE;

    transaction->end = end;
    if (state == TQ_CLIENT_IN_PROGRESS || state == TQ_CLIENT_ABORTED)
        run_script(transaction, ROLLING_BACK, "rollback");
    else
        finish(transaction, end); /* the connection is lost, and with it the transaction */
}

static void lose_task(struct tq_transaction *transaction)
{
    struct tq_err err;

    (void)tq_err_set(&err, TQ_ERR_QUERY, 0,
                     "the task is no longer this worker's: the transaction was rolled back");
    (void)strcpy(err.sqlstate, "TQ003");
    fail(transaction, &err);
    roll_back(transaction, TQ_TRANSACTION_LOST);
}

/* ---- answers ---- */

/* The next cell of the first row, or "". */
static const char *next_cell(const struct tq_table *table, size_t *place)
{
    size_t len;
    const char *text = table->row_count > 0 ? tq_table_read_cell(table, place, &len) : NULL;

    return text != NULL ? text : "";
}

static void keep_cell(const struct tq_table *table, size_t *place, char number[NUMBER_BYTES])
{
    (void)snprintf(number, NUMBER_BYTES, "%s", next_cell(table, place));
}

static void after_completion(struct tq_transaction *transaction)
{
    size_t place = 0;
    const struct tq_table *table = &transaction->statement.table;
    const char *state = next_cell(table, &place);

    if (strcmp(state, "done") == 0) {
        keep_cell(table, &place, transaction->pid);
        keep_cell(table, &place, transaction->xid);
        run_script(transaction, COMMITTING, "commit");
    } else if (strcmp(state, "locked") == 0) {
        try_later(transaction, LOCKED_RETRY_MS);
    } else {
        lose_task(transaction);
    }
}

static void after_commit(struct tq_transaction *transaction, const struct tq_err *err)
{
    if (err == NULL) {
        finish(transaction, TQ_TRANSACTION_COMMITTED);
        return;
    }
    if (tq_client_state(transaction->client) == TQ_CLIENT_FREE) {
        fail(transaction, err); /* the server said no: a deferred constraint, say */
        finish(transaction, TQ_TRANSACTION_ROLLED_BACK);
        return;
    }
    transaction->state = ASKING;
    transaction->failure = *err; /* to be told if it was not committed */
    give_client_back(transaction);
    ask_for_client(transaction);
}

static void after_fate(struct tq_transaction *transaction, const struct tq_err *err)
{
    size_t place = 0;
    const char *fate = err == NULL ? next_cell(&transaction->statement.table, &place) : "";
    bool is_committed = strcmp(fate, "committed") == 0;

    if (is_committed || strcmp(fate, "aborted") == 0) {
        transaction->has_failed = !is_committed;
        finish(transaction, is_committed ? TQ_TRANSACTION_COMMITTED : TQ_TRANSACTION_ROLLED_BACK);
        return;
    }
    give_client_back(transaction);
    try_later(transaction, err == NULL ? FATE_RETRY_MS : CONNECT_RETRY_MS);
}

static void on_answered(struct tq_statement *statement, const struct tq_err *err)
{
    struct tq_transaction *transaction =
        (struct tq_transaction *)((char *)statement - offsetof(struct tq_transaction, statement));
    struct tq_table table = statement->table;

    if (transaction->state == COMMITTING) {
        after_commit(transaction, err);
    } else if (transaction->state == ASKING) {
        after_fate(transaction, err);
    } else if (transaction->state == ROLLING_BACK) {
        finish(transaction, transaction->end); /* one that failed closes the connection */
    } else if (err != NULL) {
        fail(transaction, err);
        roll_back(transaction, TQ_TRANSACTION_ROLLED_BACK);
    } else if (transaction->state == COMPLETING) {
        after_completion(transaction);
    } else {
        transaction->state = OPEN;
        report(transaction, TQ_TRANSACTION_BEGUN);
    }
    tq_table_deinit(&table); /* the transaction may be gone, or run the next statement */
}

static void on_client(struct tq_client_ask *ask, struct tq_client *client, const struct tq_err *err)
{
    struct tq_transaction *transaction =
        (struct tq_transaction *)((char *)ask - offsetof(struct tq_transaction, ask));

    transaction->is_asking = false;
    transaction->client = client;
    if (transaction->state == BEGINNING && client == NULL) {
        fail(transaction, err);
        finish(transaction, TQ_TRANSACTION_ROLLED_BACK);
    } else if (transaction->state == BEGINNING) {
        run_script(transaction, BEGINNING, tq_client_pool_begin_text(transaction->config.clients));
    } else if (client == NULL) {
        try_later(transaction, CONNECT_RETRY_MS);
    } else {
        ask_fate(transaction);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_transaction *transaction = timer->data;

    if (transaction->state == ASKING)
        ask_for_client(transaction);
    else if (tq_transaction_client(transaction) != NULL)
        complete(transaction);
    else
        roll_back(transaction, TQ_TRANSACTION_ROLLED_BACK); /* lost while it waited for the lock */
}

/* ---- operations ---- */

struct tq_transaction *tq_transaction_begin(const struct tq_transaction_config *config,
                                            struct tq_transaction_step *step)
{
    struct tq_transaction *transaction = tq_zalloc(sizeof *transaction);

    transaction->config = *config;
    transaction->step = step;
    transaction->ask.on_client = on_client;
    transaction->statement.on_done = on_answered;
    transaction->statement.timeout_ms = config->answer_timeout_ms;
    (void)uv_timer_init(config->loop, &transaction->timer); /* always 0 */
    transaction->timer.data = transaction;
    ask_for_client(transaction);
    return transaction;
}

void tq_transaction_commit(struct tq_transaction *transaction, struct tq_transaction_step *step,
                           const char *result, const char *notes)
{
    transaction->step = step;
    transaction->result = result != NULL ? tq_strdup(result) : NULL;
    transaction->notes = notes != NULL ? tq_strdup(notes) : NULL;
    if (tq_transaction_client(transaction) == NULL || transaction->has_failed)
        roll_back(transaction, TQ_TRANSACTION_ROLLED_BACK);
    else
        complete(transaction);
}

void tq_transaction_roll_back(struct tq_transaction *transaction, struct tq_transaction_step *step)
{
    transaction->step = step;
    transaction->has_failed = false; /* nothing is to be told: it was asked for */
    roll_back(transaction, TQ_TRANSACTION_ROLLED_BACK);
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void tq_transaction_free(struct tq_transaction *transaction)
{
    if (transaction->is_asking)
        tq_client_pool_withdraw(transaction->config.clients, &transaction->ask);
    give_client_back(transaction);
    free(transaction->result);
    free(transaction->notes);
    uv_close((uv_handle_t *)&transaction->timer, on_timer_closed);
}

bool tq_transaction_is_deciding(const struct tq_transaction *transaction)
{
    return transaction->state == COMMITTING || transaction->state == ASKING;
}

const char *tq_transaction_result(const struct tq_transaction *transaction)
{
    return transaction->result;
}

/* ---- the handler's statements ---- */

struct tq_client *tq_transaction_client(struct tq_transaction *transaction)
{
    struct tq_err err;

    if (transaction->client != NULL &&
        tq_client_state(transaction->client) == TQ_CLIENT_UNUSABLE) { /* while nothing ran on it */
        (void)tq_err_set(&err, TQ_ERR_CONNECT, 0,
                         "the database connection was lost: the transaction was rolled back");
        (void)strcpy(err.sqlstate, "08006"); /* connection_failure */
        fail(transaction, &err);
        give_client_back(transaction);
    }
    return transaction->client;
}

const struct tq_err *tq_transaction_failure(const struct tq_transaction *transaction)
{
    return &transaction->failure;
}

const struct tq_err *tq_transaction_note(struct tq_transaction *transaction,
                                         const struct tq_statement *statement,
                                         const struct tq_err *err)
{
    enum tq_client_state state = tq_client_state(transaction->client);
    struct tq_err ended;

    if (err != NULL) {
        fail(transaction, err);
    } else if (state == TQ_CLIENT_FREE || strcmp(statement->command, "COMMIT") == 0) {
        (void)tq_err_set(&ended, TQ_ERR_QUERY, 0,
                         "a statement of the handler ended the transaction; only the end of the "
                         "function may");
        (void)strcpy(ended.sqlstate, "2D000"); /* invalid_transaction_termination */
        fail(transaction, &ended);
        give_client_back(transaction);
        return &transaction->failure;
    } else if (state == TQ_CLIENT_IN_PROGRESS) {
        transaction->has_failed = false; /* it may have gone back to a savepoint */
    }
    if (state == TQ_CLIENT_UNUSABLE)
        give_client_back(transaction);
    return err;
}

void tq_transaction_spoil(struct tq_transaction *transaction)
{
    struct tq_err err;

    (void)tq_err_set(&err, TQ_ERR_QUERY, 0,
                     "a statement was interrupted: the transaction was rolled back");
    (void)strcpy(err.sqlstate, "57014"); /* query_canceled */
    fail(transaction, &err);
    give_client_back(transaction);
}
