// SPDX-License-Identifier: MIT
//
// require "taskq": sleep, now, and sending mail through the host.
#include "binding/module.h"

#include <stdio.h>
#include <string.h>

#include "unit/script/stage.h"
#include "unit/unit.h"

static void check_true(const char *body)
{
    stage_check_body(body, "{}", "true");
}

UNIT_TEST(tells_the_time_in_milliseconds)
{
    check_true(
        "local before, now, after = os.time(), taskq.now(), os.time() "
        "return math.type(now) == 'float' and now / 1000 >= before and now / 1000 < after + 2 "
        "and type(taskq.version) == 'string'");
}

UNIT_TEST(refuses_what_is_no_time_to_sleep)
{
    check_true("for _, ms in ipairs({ -1, 0/0, 1/0, 'soon', {} }) do "
               "  local ok, err = pcall(taskq.sleep, ms) "
               "  if ok or not err:find('#1', 1, true) then return err end end "
               "return not pcall(taskq.sleep)");
}

UNIT_TEST(has_no_field_but_its_own)
{
    check_true("return taskq.nothing == nil and taskq[1] == nil and taskq.null ~= nil");
}

#define SEND                                                                                       \
    "local ok, err, code = require('taskq.core').send_mail { url = 'smtp://host', from = 'a@b', "  \
    "recipients = { 'c@d', 'e@f' }, message = 'Hello\\r\\n', timeout = 1000 } "                    \
    "return { ok or taskq.null, err, code }"

UNIT_TEST(sends_mail_through_the_host)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, SEND);
    stage_check_result(&stage, "{}", "[true]");
    CHECK_TEXT(stage.mail, "smtp://host\na@b\nc@d\ne@f\nHello\r\n");
    CHECK_INT(stage.total_waits, 1);
    stage_close(&stage);
}

UNIT_TEST(returns_why_mail_was_not_sent)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, SEND);
    stage.is_mail_refused = true;
    stage_check_result(&stage, "{}", "[null,\"no such user\",550]");
    stage_close(&stage);
}

UNIT_TEST(names_the_field_of_a_letter_that_is_wrong)
{
    check_true(
        "local send = require('taskq.core').send_mail "
        "local function check(letter, reason) local ok, err = pcall(send, letter) "
        "  assert(not ok and err:find(reason, 1, true), err) end "
        "check({}, 'url must be a string, not nil') "
        "check({ url = 'u', from = 5 }, 'from must be a string, not number') "
        "check({ url = 'u', from = 'f' }, 'message must be a string, not nil') "
        "check({ url = 'u', from = 'f', message = 'm' }, 'recipients must be a list') "
        "check({ url = 'u', from = 'f', message = 'm', recipients = {} }, 'not empty') "
        "check({ url = 'u', from = 'f', message = 'm', recipients = { 'a', {} } }, "
        "  'recipients[2] must be a string, not table') "
        "check({ url = 'u', from = 'f', message = 'm', recipients = { 'a' }, timeout = 'x' }, "
        "  'timeout must be a number of milliseconds') "
        "check(5, 'table expected') return true");
}

UNIT_TEST(stops_a_handler_that_sends_mail)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, SEND);

    struct tq_run *run = stage_start(&stage, "t", "{}");

    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    tq_run_stop(run, TQ_STOP_TIMEOUT);
    CHECK_INT(stage.live_waits, 0);
    CHECK_TEXT(tq_run_outcome(run)->error_kind, "timeout");
    CHECK(strstr(tq_run_outcome(run)->traceback, "send_mail") != NULL ||
          strstr(tq_run_outcome(run)->traceback, "[C]: in") != NULL);
    tq_run_free(run);
    stage_close(&stage);
}
