// SPDX-License-Identifier: MIT
//
// How a task goes on, row by row of the table in src/worker/task.c.
#include "worker/task.h"

#include <string.h>

#include "base/memory.h"
#include "script/script.h"
#include "unit/unit.h"
#include "worker/generation.h"

static const struct tq_handler handler = {
    .type = "a:b",
    .max_attempts = 5,
    .backoff = {.kind = TQ_BACKOFF_FIXED, .base_ms = 300, .cap_ms = 1000},
};

enum { AGE_US = 1800000000 }; /* of the task */

static struct tq_generation generation = {.references = 1};

/* The second attempt of up to max_attempts (0: what the handler says), ended as outcome says. */
static struct tq_task *task_with(int max_attempts, enum tq_outcome_kind outcome)
{
    const struct tq_claimed row = {
        .id = 7,
        .tid = {.block = 3, .offset = 4},
        .type = "a:b",
        .priority = -5,
        .claims = 9,
        .attempts = 2,
        .max_attempts = max_attempts,
        .payload = "{\"a\": 1}",
        .payload_len = 8,
    };
    struct tq_task *task = tq_task_new(&row, 42);

    tq_task_bind(task, &generation, &handler, 0);

    task->outcome = outcome;
    task->delay_ms = -1;
    if (outcome == TQ_OUTCOME_FAILURE || outcome == TQ_OUTCOME_STOPPED) {
        task->error = tq_strdup("broken");
        task->traceback = tq_strdup("stack traceback: ...");
        task->error_kind = tq_strdup("error");
    }
    return task;
}

static const struct tq_settled *judge(struct tq_task *task)
{
    tq_task_judge(task, 0, TQ_PG_EPOCH_US + AGE_US);
    return &task->settlement.settled;
}

/* Nothing of the attempt is recorded, and it does not count. */
static void check_given_back(struct tq_task *task)
{
    const struct tq_settled *settled = judge(task);

    CHECK_INT(task->settlement.verdict, TQ_VERDICT_REQUEUE);
    CHECK(settled->is_handed_back);
    CHECK_INT(settled->delay_us, -1);
    CHECK_TEXT(settled->kind, NULL);
    CHECK_TEXT(settled->error, NULL);
    tq_task_free(task);
}

UNIT_TEST(takes_its_facts_from_the_row)
{
    struct tq_task *task = task_with(0, TQ_OUTCOME_SUCCESS);
    const struct tq_settled *settled = &task->settlement.settled;

    CHECK_INT(settled->id, 7);
    CHECK_INT(settled->claims, 9);
    CHECK_INT(settled->worker_id, 42);
    CHECK_INT(settled->tid.block, 3);
    CHECK_INT(settled->tid.offset, 4);
    CHECK_INT(task->priority, -5);
    CHECK_INT(task->attempts, 2);
    CHECK_INT(task->created_at_us, TQ_PG_EPOCH_US);
    CHECK_TEXT(task->payload, "{\"a\": 1}");
    tq_task_free(task);
}

UNIT_TEST(takes_max_attempts_from_the_row_then_the_handler_then_3)
{
    static const struct tq_handler silent = {.type = "a:b"};
    const struct tq_claimed row = {.type = "a:b", .payload = "", .attempts = 1};
    struct tq_task *own = task_with(2, TQ_OUTCOME_SUCCESS);
    struct tq_task *of_handler = task_with(0, TQ_OUTCOME_SUCCESS);
    struct tq_task *otherwise = tq_task_new(&row, 42);

    tq_task_bind(otherwise, &generation, &silent, 0);

    CHECK_INT(own->max_attempts, 2);
    CHECK_INT(of_handler->max_attempts, 5);
    CHECK_INT(otherwise->max_attempts, 3);
    tq_task_free(own);
    tq_task_free(of_handler);
    tq_task_free(otherwise);
}

UNIT_TEST(goes_over_to_a_newer_generation)
{
    static const struct tq_handler stricter = {.type = "a:b", .max_attempts = 1};
    static struct tq_generation newer = {.references = 1};
    struct tq_task *task = task_with(0, TQ_OUTCOME_SUCCESS);

    tq_task_bind(task, &newer, &stricter, 3);

    CHECK(task->generation == &newer);
    CHECK_INT(task->handler_index, 3);
    CHECK_INT(task->max_attempts, 1);
    CHECK(!task->is_exhausted); /* its attempts were not used up by workers that are gone */
    CHECK_INT(generation.references, 1);
    CHECK_INT(newer.references, 2);
    tq_task_free(task);
    CHECK_INT(newer.references, 1);
}

UNIT_TEST(knows_its_type_without_a_handler)
{
    const struct tq_claimed row = {.type = "gone", .payload = "{}", .payload_len = 2};
    struct tq_task *task = tq_task_new(&row, 42);

    task->is_unstarted = true;

    CHECK_TEXT(task->type, "gone");
    check_given_back(task);
}

UNIT_TEST(completes_a_success_with_its_result)
{
    struct tq_task *task = task_with(0, TQ_OUTCOME_SUCCESS);

    task->result = tq_strdup("[1]");

    CHECK_TEXT(judge(task)->result, "[1]");
    CHECK_INT(task->settlement.verdict, TQ_VERDICT_COMPLETE);
    tq_task_free(task);
}

UNIT_TEST(retries_a_failure_after_the_backoff)
{
    struct tq_task *task = task_with(3, TQ_OUTCOME_FAILURE);
    const struct tq_settled *settled = judge(task);

    CHECK_INT(task->settlement.verdict, TQ_VERDICT_REQUEUE);
    CHECK_INT(settled->delay_us, 300000);
    CHECK(!settled->is_handed_back);
    CHECK_TEXT(settled->kind, "error");
    CHECK_TEXT(settled->error, "broken");
    CHECK_TEXT(settled->traceback, "stack traceback: ...");
    tq_task_free(task);
}

UNIT_TEST(retries_a_failure_when_the_handler_says)
{
    struct tq_task *task = task_with(3, TQ_OUTCOME_FAILURE);

    task->delay_ms = 0;

    CHECK_INT(judge(task)->delay_us, 0);
    CHECK_INT(task->settlement.verdict, TQ_VERDICT_REQUEUE);
    tq_task_free(task);
}

UNIT_TEST(fails_when_no_attempt_is_left)
{
    struct tq_task *task = task_with(2, TQ_OUTCOME_FAILURE);
    const struct tq_settled *settled = judge(task);

    CHECK_INT(task->settlement.verdict, TQ_VERDICT_FAIL);
    CHECK_TEXT(settled->status, "failed");
    CHECK_TEXT(settled->kind, "error");
    CHECK_TEXT(settled->error, "broken");
    CHECK_INT(settled->max_attempts, 2);
    tq_task_free(task);
}

UNIT_TEST(fails_when_attempts_exceed_the_maximum)
{
    struct tq_task *task = task_with(1, TQ_OUTCOME_FAILURE);

    CHECK_TEXT(judge(task)->status, "failed");
    tq_task_free(task);
}

UNIT_TEST(fails_a_discarded_one_with_attempts_left)
{
    struct tq_task *task = task_with(3, TQ_OUTCOME_FAILURE);

    task->is_discarded = true;

    CHECK_TEXT(judge(task)->status, "failed");
    CHECK_INT(task->settlement.verdict, TQ_VERDICT_FAIL);
    CHECK_INT(task->settlement.settled.max_attempts, 0);
    tq_task_free(task);
}

/* A failure whose next attempt is due after delay_ms, of a handler with this max_age. */
static struct tq_task *old_failure(struct tq_handler *aging, int64_t max_age_ms, int64_t delay_ms)
{
    struct tq_task *task = task_with(3, TQ_OUTCOME_FAILURE);

    *aging = handler;
    aging->max_age_ms = max_age_ms;
    tq_task_bind(task, &generation, aging, 0);
    task->delay_ms = delay_ms;
    return task;
}

UNIT_TEST(retries_until_the_maximal_age)
{
    struct tq_handler aging;
    struct tq_task *in_time = old_failure(&aging, AGE_US / 1000 + 1000, 1000);
    struct tq_task *late = old_failure(&aging, AGE_US / 1000 + 1000, 1001);

    CHECK_INT(judge(in_time)->delay_us, 1000000);
    CHECK_INT(in_time->settlement.verdict, TQ_VERDICT_REQUEUE);
    CHECK_INT(judge(late)->max_attempts, 0);
    CHECK_INT(late->settlement.verdict, TQ_VERDICT_FAIL);
    tq_task_free(in_time);
    tq_task_free(late);
}

UNIT_TEST(knows_an_age_of_a_task_from_before_or_after_all_times)
{
    const struct tq_claimed rows[] = {
        {.type = "a:b", .payload = "", .attempts = 1, .created_at = INT64_MIN},
        {.type = "a:b", .payload = "", .attempts = 1, .created_at = INT64_MAX},
    };
    const enum tq_verdict verdicts[] = {TQ_VERDICT_FAIL, TQ_VERDICT_REQUEUE};

    for (size_t i = 0; i < 2; i++) {
        struct tq_handler aging = handler;
        struct tq_task *task = tq_task_new(&rows[i], 42);

        aging.max_age_ms = 60000;
        tq_task_bind(task, &generation, &aging, 0);
        task->outcome = TQ_OUTCOME_FAILURE;
        task->error = tq_strdup("broken");
        task->error_kind = tq_strdup("error");
        (void)judge(task); /* the verdict is looked at */
        CHECK_INT(task->settlement.verdict, verdicts[i]);
        tq_task_free(task);
    }
}

UNIT_TEST(keeps_the_error_of_one_that_is_too_old)
{
    struct tq_handler aging;
    struct tq_task *task = old_failure(&aging, 60000, 0);
    const struct tq_settled *settled = judge(task);

    CHECK_TEXT(settled->status, "failed");
    CHECK_TEXT(settled->kind, "max age");
    CHECK_TEXT(settled->error, "broken; not retried: the next attempt would begin more than 1m "
                               "after the task was created (max_age)");
    CHECK_TEXT(settled->traceback, "stack traceback: ...");
    tq_task_free(task);
}

UNIT_TEST(asks_for_the_age_only_of_what_would_be_retried)
{
    struct tq_handler aging;
    struct tq_task *discarded = old_failure(&aging, 1, 0);
    struct tq_task *snoozed = old_failure(&aging, 1, 0);

    discarded->is_discarded = true;
    snoozed->outcome = TQ_OUTCOME_SNOOZE;

    CHECK_TEXT(judge(discarded)->kind, "error");
    CHECK_TEXT(judge(snoozed)->kind, NULL);
    CHECK_INT(snoozed->settlement.verdict, TQ_VERDICT_REQUEUE);
    tq_task_free(discarded);
    tq_task_free(snoozed);
}

UNIT_TEST(snoozes_without_using_up_an_attempt)
{
    struct tq_task *task = task_with(2, TQ_OUTCOME_SNOOZE);

    task->delay_ms = 1500;

    CHECK_INT(judge(task)->delay_us, 1500000);
    CHECK_INT(task->settlement.verdict, TQ_VERDICT_REQUEUE);
    CHECK(task->settlement.settled.is_handed_back);
    CHECK_TEXT(task->settlement.settled.kind, NULL);
    tq_task_free(task);
}

UNIT_TEST(treats_a_timeout_as_a_failure)
{
    struct tq_task *retried = task_with(3, TQ_OUTCOME_STOPPED);
    struct tq_task *failed = task_with(2, TQ_OUTCOME_STOPPED);

    retried->stop = failed->stop = TQ_STOP_TIMEOUT;

    CHECK_INT(judge(retried)->delay_us, 300000);
    CHECK_INT(retried->settlement.verdict, TQ_VERDICT_REQUEUE);
    CHECK(!retried->settlement.settled.is_handed_back);
    CHECK_TEXT(judge(failed)->status, "failed");
    tq_task_free(retried);
    tq_task_free(failed);
}

UNIT_TEST(treats_too_much_memory_as_a_failure)
{
    struct tq_task *task = task_with(3, TQ_OUTCOME_STOPPED);

    task->stop = TQ_STOP_MEMORY;

    CHECK_INT(judge(task)->delay_us, 300000);
    tq_task_free(task);
}

UNIT_TEST(ends_a_cancelled_one_as_cancelled)
{
    struct tq_task *task = task_with(3, TQ_OUTCOME_STOPPED);

    task->stop = TQ_STOP_CANCELLED;

    CHECK_TEXT(judge(task)->status, "cancelled");
    CHECK_INT(task->settlement.verdict, TQ_VERDICT_FAIL);
    tq_task_free(task);
}

UNIT_TEST(gives_back_an_interrupted_one)
{
    struct tq_task *task = task_with(2, TQ_OUTCOME_STOPPED);

    task->stop = TQ_STOP_INTERRUPTED;
    check_given_back(task);
}

UNIT_TEST(gives_back_what_never_started)
{
    struct tq_task *task = task_with(2, TQ_OUTCOME_SUCCESS);

    task->is_unstarted = true;
    check_given_back(task);
}

UNIT_TEST(gives_back_a_failure_that_saw_the_shutdown)
{
    struct tq_task *task = task_with(2, TQ_OUTCOME_FAILURE);

    task->has_seen_shutdown = true;
    check_given_back(task);
}

UNIT_TEST(completes_a_success_that_saw_the_shutdown)
{
    struct tq_task *task = task_with(2, TQ_OUTCOME_SUCCESS);

    task->has_seen_shutdown = true;
    (void)judge(task);

    CHECK_INT(task->settlement.verdict, TQ_VERDICT_COMPLETE);
    tq_task_free(task);
}
