// SPDX-License-Identifier: MIT
//
// taskq.query and context.transaction over a host that only writes down what it is asked.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

static struct {
    char asked[512]; /* one line a call */
    enum tq_transaction_state state;
    bool is_refusing;
} fake;

static void note(const char *format, const char *text)
{
    size_t len = strlen(fake.asked);

    (void)snprintf(fake.asked + len, sizeof fake.asked - len, format, text);
}

static void release(struct tq_wait *wait)
{
    free(wait);
}

static void release_query(struct tq_wait *wait)
{
    tq_table_deinit(&((struct tq_query_wait *)wait)->table);
    free(wait);
}

static void end_at_once(struct tq_wait *wait, void (*releasing)(struct tq_wait *wait))
{
    wait->release = releasing;
    wait->is_done = true;
    wait->is_ok = !fake.is_refusing;
    if (fake.is_refusing) {
        (void)tq_err_set(&wait->err, TQ_ERR_QUERY, 0, "refused");
        (void)strcpy(wait->err.sqlstate, "XX000");
    }
}

static struct tq_query_wait *fake_query(void *owner, struct tq_run *run,
                                        const struct tq_host_query *query)
{
    struct tq_query_wait *wait = tq_zalloc(sizeof *wait);

    (void)owner;
    CHECK(run != NULL);
    CHECK_INT(query->max_bytes, 64 * 1024 * 1024);
    note("%s", query->sql);
    for (int i = 0; i < query->count; i++)
        note("|%s", query->values[i] != NULL ? query->values[i] : "null");
    note("%s", "\n");
    tq_table_add_column(&wait->table, "n", TQ_CELL_INTEGER);
    tq_table_add_column(&wait->table, "gone", TQ_CELL_TEXT);
    tq_table_add_cell(&wait->table, "7", 1);
    tq_table_add_cell(&wait->table, NULL, 0);
    tq_table_end_row(&wait->table);
    wait->table.affected = 1;
    end_at_once(&wait->wait, release_query);
    return wait;
}

static struct tq_wait *step(const char *name, enum tq_transaction_state next)
{
    struct tq_wait *wait = tq_zalloc(sizeof *wait);

    note("%s\n", name);
    end_at_once(wait, release);
    fake.state = wait->is_ok ? next : TQ_TRANSACTION_NONE;
    return wait;
}

static struct tq_wait *fake_begin(void *owner, struct tq_run *run)
{
    (void)owner;
    (void)run;
    return step("begin", TQ_TRANSACTION_OPEN);
}

static struct tq_wait *fake_commit(void *owner, struct tq_run *run, const char *result)
{
    (void)owner;
    (void)run;
    note("%s ", result != NULL ? result : "nothing");
    return step("commit", TQ_TRANSACTION_DONE);
}

static struct tq_wait *fake_roll_back(void *owner, struct tq_run *run)
{
    (void)owner;
    (void)run;
    return step("rollback", TQ_TRANSACTION_NONE);
}

static void fake_abandon(void *owner, struct tq_run *run)
{
    (void)owner;
    (void)run;
    note("%s\n", "abandon");
    fake.state = TQ_TRANSACTION_NONE;
}

static enum tq_transaction_state fake_state(void *owner, struct tq_run *run)
{
    (void)owner;
    (void)run;
    return fake.state;
}

static void open_stage(struct stage *stage, const char *body)
{
    memset(&fake, 0, sizeof fake);
    stage_open(stage);
    stage->host.query = fake_query;
    stage->host.begin = fake_begin;
    stage->host.commit = fake_commit;
    stage->host.roll_back = fake_roll_back;
    stage->host.abandon = fake_abandon;
    stage->host.transaction_state = fake_state;
    stage_load_body(stage, body);
}

static void check(const char *body, const char *result, const char *asked)
{
    struct stage stage;

    open_stage(&stage, body);
    stage_check_result(&stage, "{}", result);
    CHECK_TEXT(fake.asked, asked);
    stage_close(&stage);
}

UNIT_TEST(sends_parameters_as_texts_and_returns_rows)
{
    check("local rows = taskq.query('q', 'a', 1, 0.1, 1e300, true, nil, taskq.null, { 1 }, nil) "
          "return { rows[1].n, rows.affected, rows[1].gone == nil, #rows }",
          "[7,1,true,1]", "q|a|1|0.1|1e+300|true|null|null|[1]|null\n");
}

UNIT_TEST(commits_what_the_function_returns)
{
    check("return context.transaction(function(db) return { n = db.query('q')[1].n } end)",
          "{\"n\":7}", "begin\nq\n{\"n\":7} commit\n");
}

UNIT_TEST(rolls_back_before_the_error_goes_on)
{
    check("local _, err = pcall(context.transaction, function() error('no', 0) end) "
          "taskq.query('after') return err",
          "\"no\"", "begin\nrollback\nafter\n");
}

UNIT_TEST(abandons_a_transaction_whose_handler_is_stopped)
{
    struct stage stage;
    struct tq_run *run;

    open_stage(&stage, "context.transaction(function() taskq.sleep(1000) end)");
    run = stage_start(&stage, "t", "{}");
    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    tq_run_stop(run, TQ_STOP_TIMEOUT);
    CHECK_TEXT(fake.asked, "begin\nabandon\n");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(fails_a_handler_that_returns_nil_after_a_rollback)
{
    struct stage stage;
    struct tq_run *run;
    const struct tq_outcome *outcome;

    open_stage(&stage, "return context.transaction(print)");
    fake.is_refusing = true;
    run = stage_start(&stage, "t", "{}");
    outcome = stage_finish(&stage, run);
    CHECK_INT(outcome->kind, TQ_OUTCOME_FAILURE);
    CHECK_TEXT(outcome->error, "refused");
    CHECK_TEXT(outcome->error_kind, "transaction");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(lets_a_handler_deal_with_a_rollback)
{
    struct stage stage;

    open_stage(&stage, "local _, message, code = context.transaction(print) "
                       "return { message, code }");
    fake.is_refusing = true;
    stage_check_result(&stage, "{}", "[\"refused\",\"XX000\"]");
    stage_close(&stage);
}
