// SPDX-License-Identifier: MIT
#include "command/json_scan.h"

#include <string.h>

#include "base/buffer.h"
#include "unit/unit.h"

static bool is_valid(const char *text)
{
    struct tq_json_scan scan = {0};
    struct tq_json_part part;

    tq_json_scan_begin(&scan, text, strlen(text));

    bool is_fine = tq_json_scan_value(&scan, &part) && tq_json_scan_end(&scan);

    tq_json_scan_deinit(&scan);
    return is_fine;
}

UNIT_TEST(accepts_json)
{
    static const char *const texts[] = {
        "null",
        " true ",
        "false",
        "0",
        "-0",
        "-0.0e+0",
        "12345678901234567890123456789",
        "1e400",
        "1E-5",
        "\"\"",
        "\"\\\" \\\\ \\/ \\b\\f\\n\\r\\t \\u00e9 \\ud83d\\ude00\"",
        "\"\xc3\xa9 \xf0\x9f\x98\x80 \x7f\"",
        "[]",
        "[ 1 , [ ] , { } ]",
        "{}",
        "{\"a\":{\"a\":1},\"b\":[{\"a\":2},{\"a\":3}]}",
        "\t\r\n{ \"a\" : 1 }\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK(is_valid(texts[i]));
}

UNIT_TEST(refuses_what_is_not_json)
{
    static const char *const texts[] = {
        "",          " ",          "nul",       "nulll",      "True",         "01",
        "-",         "+1",         ".5",        "1.",         "1e",           "1e+",
        "0x10",      "NaN",        "'a'",       "\"a",        "\"\\x\"",      "\"\\u12\"",
        "\"\t\"",    "[",          "[1",        "[1,]",       "[,]",          "[1 2]",
        "{",         "{\"a\"}",    "{\"a\":}",  "{\"a\":1,}", "{a:1}",        "{1:1}",
        "{\"a\" 1}", "[1}",        "{\"a\":1]", "1 2",        "[] x",         "\"\\",
        "\"\\u",     "{\"a\":1 b", "\"\xc3\"",  "\"\x80\"",   "\"\xff\xff\"", "\"\xed\xa0\x80\"",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK(!is_valid(texts[i]));
}

UNIT_TEST(refuses_what_jsonb_cannot_hold)
{
    CHECK(!is_valid("\"\\u0000\""));
    CHECK(!is_valid("{\"a\\u0000\": 1}"));
    CHECK(!is_valid("\"\\ud800\""));
    CHECK(!is_valid("\"\\ud800x\""));
    CHECK(!is_valid("\"\\ud800\\u0041\""));
    CHECK(!is_valid("\"\\udc00\""));
    CHECK(!is_valid("{\"a\":1,\"b\":2,\"a\":3}"));
    CHECK(!is_valid("[{\"x\":{\"a\":1,\"a\":1}}]"));
}

UNIT_TEST(finds_a_key_that_is_there_twice_in_another_spelling)
{
    static const char *const twice[] = {
        "{\"type\":1,\"\\u0074ype\":2}", "{\"\\/\":1,\"/\":2}",
        "{\"\\n\":1,\"\\u000A\":2}",     "{\"\u00e9\":1,\"\\u00E9\":2}",
        "{\"\u20ac\":1,\"\\u20aC\":2}",  "{\"\U0001F600\":1,\"\\ud83d\\uDE00\":2}",
        "{\"\\\"\":1,\"\\u0022\":2}",    "{\"a\u07ff!\":1,\"\\u0061\\u07FF!\":2}",
        "{\"\uffff\":1,\"\\uffff\":2}",
    };

    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
        CHECK(!is_valid(twice[i]));
    CHECK(is_valid("{\"u0074\":1,\"\\u0074\":2,\"\\\\u0074\":3,\"t \":4}"));
    CHECK(is_valid("{\"b\":1,\"\\b\":2,\"\\u00e9\":3,\"\\u00c3\\u00a9\":4}"));
}

UNIT_TEST(finds_a_key_that_is_there_twice_among_many)
{
    struct tq_buf text = {0};

    tq_buf_add_char(&text, '{');
    for (int i = 0; i < 1000; i++)
        tq_buf_addf(&text, "\"key%d\":{\"a\":1},", i);
    tq_buf_add_text(&text, "\"last\":1}");
    CHECK(is_valid(text.data));
    text.len -= strlen("last\":1}");
    tq_buf_add_text(&text, "key500\":1}");
    CHECK(!is_valid(text.data));
    tq_buf_deinit(&text);
}

UNIT_TEST(refuses_what_is_nested_too_deeply)
{
    enum { LIMIT = 512 };
    char text[2 * LIMIT + 3] = {0};

    memset(text, '[', LIMIT);
    memset(text + LIMIT, ']', LIMIT);
    CHECK(is_valid(text));
    memset(text, '[', 2 * LIMIT + 2);
    CHECK(!is_valid(text));
}

UNIT_TEST(tells_the_parts)
{
    const char *text = " \"a\\u00e9\\n\\ud83d\\ude00\xc3\xa9\" ";
    struct tq_json_scan scan = {0};
    struct tq_json_part part;

    tq_json_scan_begin(&scan, text, strlen(text));
    CHECK(tq_json_scan_value(&scan, &part));
    CHECK_INT(part.kind, TQ_JSON_STRING);
    CHECK(part.text == text + 2);
    CHECK_INT(part.len, strlen(text) - 4);
    CHECK_INT(part.decoded_len, 1 + 2 + 1 + 4 + 2);
    CHECK(tq_json_scan_end(&scan));
    tq_json_scan_deinit(&scan);
}
