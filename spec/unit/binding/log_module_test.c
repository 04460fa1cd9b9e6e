// SPDX-License-Identifier: MIT
//
// taskq.log: what arrives on standard error.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "binding/module.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

/* Runs a handler; the log is in out afterwards. */
static void capture(const char *body, char *out, size_t size)
{
    char name[] = "/tmp/taskq-log-XXXXXX";
    int file = mkstemp(name), original = dup(STDERR_FILENO);
    struct stage stage;

    CHECK(file >= 0 && original >= 0);
    CHECK(unlink(name) == 0);
    stage_open(&stage);
    stage_load_body(&stage, body);
    CHECK(dup2(file, STDERR_FILENO) >= 0);

    struct tq_run *run = stage_start(&stage, "t", "{}");
    const struct tq_outcome *outcome = stage_finish(&stage, run);

    CHECK(dup2(original, STDERR_FILENO) >= 0);
    CHECK_TEXT(outcome->error, NULL);
    tq_run_free(run);
    stage_close(&stage);

    ssize_t len = pread(file, out, size - 1, 0);

    CHECK(len >= 0);
    out[len] = '\0';
    CHECK(close(file) == 0 && close(original) == 0);
}

/* The log, without the times, is this. */
static void check_log(const char *body, const char *expected)
{
    char log[2048];

    capture(body, log, sizeof log);
    CHECK(strlen(log) > 24);
    CHECK_TEXT(log + 24, expected);
}

UNIT_TEST(writes_the_task_on_each_line)
{
    check_log("taskq.log.info('sent')", " info  handler sent task=7 type=t attempt=1\n");
    check_log("taskq.log.warn('slow', { ms = 12 })",
              " warn  handler slow task=7 type=t attempt=1 ms=12\n");
    check_log("taskq.log.error('a b', { to = 'x y' })",
              " error handler a b task=7 type=t attempt=1 to=\"x y\"\n");
    check_log("print('one', 2)", " info  handler one\\t2 task=7 type=t attempt=1\n");
}

UNIT_TEST(escapes_what_a_line_cannot_have)
{
    check_log("print('\\0a\\0', '\\1')",
              " info  handler \\u0000a\\u0000\\t\\u0001 task=7 type=t attempt=1\n");
    check_log("taskq.log.info('a\\0b', { ['k\\0'] = 'c\\0d', t = { 'e\\0' } })",
              " info  handler a\\u0000b task=7 type=t attempt=1 k_u0000=\"c\\\\u0000d\" "
              "t=\"[\\\"e\\\\u0000\\\"]\"\n");
}

UNIT_TEST(writes_values_of_all_types)
{
    check_log("taskq.log.info('m', { v = { 1, 'a' } })",
              " info  handler m task=7 type=t attempt=1 v=\"[1,\\\"a\\\"]\"\n");
    check_log("taskq.log.info('m', { v = 0.1 })",
              " info  handler m task=7 type=t attempt=1 v=0.1\n");
    check_log("taskq.log.info('m', { v = true })",
              " info  handler m task=7 type=t attempt=1 v=true\n");
    check_log("taskq.log.info('m', { ['odd key='] = 'v' })",
              " info  handler m task=7 type=t attempt=1 odd_key_=v\n");
}

UNIT_TEST(writes_fields_in_the_order_of_their_keys)
{
    check_log("taskq.log.info('m', { d = 4, b = 2, a = 1, f = 6, e = 5, c = 3, [1] = 0 })",
              " info  handler m task=7 type=t attempt=1 1=0 a=1 b=2 c=3 d=4 e=5 f=6\n");
}

UNIT_TEST(writes_json)
{
    char log[512];

    tq_log_configure(TQ_LOG_INFO, TQ_LOG_JSON);
    capture("taskq.log.info('m', { n = 5, }) taskq.log.debug('hidden')", log, sizeof log);
    CHECK(strstr(log,
                 "\"area\":\"handler\",\"message\":\"m\",\"task\":7,\"type\":\"t\",\"attempt\":1,"
                 "\"n\":5}\n") != NULL);
    CHECK(strstr(log, "hidden") == NULL);
}

UNIT_TEST(raises_on_misuse)
{
    stage_check_body("return not pcall(taskq.log.info) and not pcall(taskq.log.info, {}) "
                     "and not pcall(taskq.log.info, 'm', 5)",
                     "{}", "true");
}

UNIT_TEST(limits_the_number_of_fields)
{
    char log[4096];

    capture("local f = {} for i = 1, 100 do f['k' .. i] = i end taskq.log.info('m', f)", log,
            sizeof log);
    CHECK(strstr(log, "task=7") != NULL);
}

UNIT_TEST(writes_what_is_no_json_without_failing_the_task)
{
    char out[4096];

    capture("local taskq = require('taskq') "
            "taskq.log.info('odd', { rate = 0 / 0, call = { print }, text = { '\\xff' } }) "
            "return 1",
            out, sizeof out);

    CHECK(strstr(out, "odd") != NULL);
    CHECK(strstr(out, "nan") != NULL);
    CHECK(strstr(out, "call=table:") != NULL || strstr(out, "call=\"table:") != NULL);
}
