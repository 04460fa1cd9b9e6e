// SPDX-License-Identifier: MIT
//
// Payload schemas: what they refuse at load, before a handler runs, and where a task is enqueued.
#include <stdio.h>
#include <string.h>

#include "unit/script/stage.h"
#include "unit/unit.h"

#define SCHEMA                                                                                     \
    "{ to = 'string', count = 'integer?', size = 'number?', is_new = 'boolean?', tags = "          \
    "'array?', "                                                                                   \
    "meta = 'object?', extra = 'any?', user = { name = 'string' } }"

static void load(struct stage *stage, const char *schema)
{
    char text[1024];

    (void)snprintf(
        text, sizeof text,
        "local taskq = require 'taskq' return {"
        "{ type = 't', payload = %s, handler = function() return 'ran' end },"
        "{ type = 'enqueue', handler = function(context) "
        "  return (select(2, pcall(function() "
        "    taskq.enqueue { type = 't', payload = context.task.payload } end))) end } }",
        schema);
    stage_open(stage);
    stage_write(stage, "t.lua", text);
}

static void check(const char *payload, const char *message)
{
    struct stage stage;
    struct tq_run *run;
    const struct tq_outcome *outcome;

    load(&stage, SCHEMA);
    stage_load(&stage);
    run = stage_start(&stage, "t", payload);
    outcome = stage_finish(&stage, run);
    CHECK_TEXT(outcome->error, message);
    CHECK_TEXT(outcome->result, message == NULL ? "\"ran\"" : NULL);
    if (message != NULL) {
        CHECK(outcome->is_discarded);
        CHECK_TEXT(outcome->error_kind, "payload");
    }
    tq_run_free(run);
    stage_close(&stage);
}

static void check_load(const char *schema, const char *reason)
{
    struct stage stage;
    struct tq_err err;

    load(&stage, schema);
    CHECK(!stage_try_load(&stage, &err));
    if (strstr(err.message, reason) == NULL)
        CHECK_TEXT(err.message, reason);
    stage_close(&stage);
}

UNIT_TEST(lets_payloads_through_that_fit)
{
    check("{\"to\": \"a\", \"user\": {\"name\": \"b\"}}", NULL);
    check(
        "{\"to\": \"a\", \"user\": {\"name\": \"b\", \"more\": 1}, \"unknown\": [1], \"count\": 1, "
        "\"size\": 1.5, \"is_new\": false, \"tags\": [], \"meta\": {}, \"extra\": [null]}",
        NULL);
    check("{\"to\": \"a\", \"user\": {\"name\": \"b\"}, \"count\": null, \"size\": 2, "
          "\"tags\": null, \"meta\": null, \"extra\": null}",
          NULL);
}

UNIT_TEST(fails_tasks_for_good_whose_payload_does_not_fit)
{
    check("{}", "payload.to: is missing, must be a string");
    check("[]", "payload: must be an object, not an array");
    check("null", "payload: must be an object, not null");
    check("{\"to\": 5}", "payload.to: must be a string, not an integer");
    check("{\"to\": null}", "payload.to: must be a string, not null");
    check("{\"to\": \"a\"}", "payload.user: is missing, must be an object");
    check("{\"to\": \"a\", \"user\": {\"name\": []}}",
          "payload.user.name: must be a string, not an array");
    check("{\"to\": \"a\", \"count\": 1.5}", "payload.count: must be an integer, not a number");
    check("{\"to\": \"a\", \"tags\": {}}", "payload.tags: must be an array, not an object");
    check("{\"to\": \"a\", \"meta\": [1]}", "payload.meta: must be an object, not an array");
    check("{\"to\": \"a\", \"is_new\": \"yes\"}",
          "payload.is_new: must be a boolean, not a string");
}

UNIT_TEST(names_what_is_wrong_with_a_schema)
{
    check_load("5",
               "t.lua: handler 1: payload: must be a table such as { to = \"string\" }, not 5");
    check_load("{ to = 'sting' }",
               "t.lua: handler 1: payload.to: unknown type \"sting\" (did you mean \"string\"?)");
    check_load("{ to = { name = 7 } }",
               "payload.to.name: must be string, number, integer, boolean");
    check_load("{ 'string' }", "payload: the names of fields must be texts, not number");
    check_load("(function() local t = {} t.t = t return t end)()", "nested too deep");
}

UNIT_TEST(refuses_to_enqueue_what_a_known_handler_would_refuse)
{
    struct stage stage;
    struct tq_run *run;

    load(&stage, SCHEMA);
    stage_load(&stage);
    run = stage_start(&stage, "enqueue", "{\"to\": 5}");
    CHECK(strstr(stage_finish(&stage, run)->result,
                 "t.lua:1: taskq.enqueue: payload.to: must be a string, not an integer") != NULL);
    tq_run_free(run);
    stage_close(&stage);
}
