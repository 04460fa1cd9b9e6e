// SPDX-License-Identifier: MIT
#include "command/task_line.h"

#include <string.h>

#include "base/buffer.h"
#include "unit/unit.h"

static bool check(const char *line, struct tq_err *err)
{
    struct tq_json_scan scan = {0};
    bool is_fine = tq_task_line_check(&scan, line, strlen(line), err);

    tq_json_scan_deinit(&scan);
    return is_fine;
}

UNIT_TEST(accepts_tasks)
{
    static const char *const lines[] = {
        "{\"type\":\"a\"}",
        " { \"type\" : \"a\" } ",
        "{\"payload\":[1e400],\"type\":\"a\"}",
        "{\"type\":\"a\",\"payload\":null,\"priority\":null,\"max_attempts\":null,\"scheduled_at\":"
        "null}",
        "{\"type\":\"a\",\"priority\":-32768,\"max_attempts\":1}",
        "{\"type\":\"a\",\"priority\":32767,\"max_attempts\":1000}",
        "{\"type\":\"a\",\"scheduled_at\":\"2026-11-24T09:30:00+05:45\"}",
    };
    struct tq_err err;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        CHECK_OK(check(lines[i], &err), &err);
}

UNIT_TEST(says_what_is_wrong)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"{}", "type is missing"},
        {"[]", "a task must be an object, {\"type\": ...}"},
        {"\"a\"", "a task must be an object, {\"type\": ...}"},
        {"oops", "not JSON at byte 1: not a value (a text needs double quotes)"},
        {"{\"type\":\"a\"", "not JSON at byte 12: an object without its closing brace"},
        {"{\"type\":\"a\"} x", "not JSON at byte 14: something follows the value"},
        {"{\"type\" \"a\"}", "not JSON at byte 9: a key and a colon are missing"},
        {"{\"type\":\"a\",\"type\":\"b\"}", "type is there twice"},
        {"{\"type\":\"\"}", "type must be a string of 1 to 200 bytes"},
        {"{\"type\":null}", "type must be a string of 1 to 200 bytes"},
        {"{\"type\":\"a\",\"priority\":1.0}",
         "priority must be a whole number from -32768 to 32767"},
        {"{\"type\":\"a\",\"priority\":\"1\"}",
         "priority must be a whole number from -32768 to 32767"},
        {"{\"type\":\"a\",\"priority\":32768}",
         "priority must be a whole number from -32768 to 32767"},
        {"{\"type\":\"a\",\"priority\":99999999999}",
         "priority must be a whole number from -32768 to 32767"},
        {"{\"type\":\"a\",\"max_attempts\":0}",
         "max_attempts must be a whole number from 1 to 1000"},
        {"{\"type\":\"a\",\"payload\":\"\\u0000\"}",
         "not JSON at byte 30: PostgreSQL's jsonb cannot hold \\u0000"},
        {"{\"type\":\"a\",\"at\":1}", "there is no key \"at\"; a task has type, payload, priority, "
                                      "max_attempts and scheduled_at"},
    };
    struct tq_err err;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(!check(cases[i].line, &err));
        CHECK_TEXT(err.message, cases[i].message);
        CHECK_INT(err.domain, TQ_ERR_USAGE);
    }
}

UNIT_TEST(counts_the_bytes_of_a_type_without_its_escapes)
{
    struct tq_buf line = {0};
    struct tq_err err;

    tq_buf_add_text(&line, "{\"type\":\"");
    for (int i = 0; i < 100; i++)
        tq_buf_add_text(&line, "\\u00e9");
    tq_buf_add_text(&line, "\"}");
    CHECK_OK(check(line.data, &err), &err);
    line.len -= 2;
    tq_buf_add_text(&line, "x\"}");
    CHECK(!check(line.data, &err));
    tq_buf_deinit(&line);
}
