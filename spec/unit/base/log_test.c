// SPDX-License-Identifier: MIT
//
// Log lines, read back from a file that stands in for stderr while they are written.
#include "base/log.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/unit.h"

static char line[4096]; /* what the last capture wrote */

static FILE *capture_file;
static int saved_stderr;

static void capture_begin(enum tq_log_format format)
{
    tq_log_configure(TQ_LOG_INFO, format);
    capture_file = tmpfile();
    CHECK(capture_file != NULL);
    saved_stderr = dup(STDERR_FILENO);
    CHECK(saved_stderr >= 0);
    CHECK(dup2(fileno(capture_file), STDERR_FILENO) >= 0);
}

/* The line without its time, which is checked for its form. */
static const char *capture_end(void)
{
    CHECK(dup2(saved_stderr, STDERR_FILENO) >= 0);
    (void)close(saved_stderr);
    rewind(capture_file);
    line[fread(line, 1, sizeof line - 1, capture_file)] = '\0';
    (void)fclose(capture_file);
    return line;
}

static const char *after_time(const char *text, const char *before)
{
    int year, month, day, hour, minute, second, ms, used = 0;
    size_t skip = strlen(before);

    if (*text == '\0')
        return text;
    CHECK_INT(strncmp(text, before, skip), 0);
    CHECK_INT(sscanf(text + skip, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour,
                     &minute, &second, &ms, &used),
              7);
    CHECK_INT(used, 24);
    CHECK(year > 2000);
    return text + skip + used;
}

#define TEXT_LINE(...)                                                                             \
    (capture_begin(TQ_LOG_TEXT), tq_log(__VA_ARGS__), after_time(capture_end(), ""))
#define JSON_LINE(...)                                                                             \
    (capture_begin(TQ_LOG_JSON), tq_log(__VA_ARGS__), after_time(capture_end(), "{\"time\":\""))

UNIT_TEST(a_text_line_has_level_area_message_and_pairs)
{
    CHECK_TEXT(TEXT_LINE(TQ_LOG_WARN, "worker", "lease lost", "worker=%s age_ms=%" PRId64, "w-1",
                         (int64_t)5000000000),
               " warn  worker lease lost worker=w-1 age_ms=5000000000\n");
    CHECK_TEXT(TEXT_LINE(TQ_LOG_ERROR, "db", "gone", ""), " error db gone\n");
}

UNIT_TEST(a_json_line_has_the_same_keys)
{
    CHECK_TEXT(JSON_LINE(TQ_LOG_WARN, "worker", "lease lost", "worker=%s age_ms=%" PRId64, "w-1",
                         (int64_t)5000000000),
               "\",\"level\":\"warn\",\"area\":\"worker\",\"message\":\"lease lost\","
               "\"worker\":\"w-1\",\"age_ms\":5000000000}\n");
    CHECK_TEXT(JSON_LINE(TQ_LOG_INFO, "db", "gone", ""),
               "\",\"level\":\"info\",\"area\":\"db\",\"message\":\"gone\"}\n");
}

UNIT_TEST(values_that_could_be_mistaken_are_quoted)
{
    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "m", "k=%s", "two words"),
               " info  a m k=\"two words\"\n");
    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "m", "k=%s", ""), " info  a m k=\"\"\n");
    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "m", "k=%s", "a=b"), " info  a m k=\"a=b\"\n");
    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "m", "k=%s", "say \"hi\""),
               " info  a m k=\"say \\\"hi\\\"\"\n");
    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "m", "k=%s", "C:\\x"), " info  a m k=\"C:\\\\x\"\n");
    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "m", "k=%s", "email:send"), " info  a m k=email:send\n");
    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "m", "k=%s", "gr\xc3\xbc\xc3\x9f"),
               " info  a m k=gr\xc3\xbc\xc3\x9f\n");
}

UNIT_TEST(nothing_breaks_a_line)
{
    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "one\ntwo\tthree", "k=%s", "x\ny\x01"),
               " info  a one\\ntwo\\tthree k=\"x\\ny\\u0001\"\n");
    CHECK_TEXT(JSON_LINE(TQ_LOG_INFO, "a", "one\ntwo", "k=%s", "x\r\x01"),
               "\",\"level\":\"info\",\"area\":\"a\",\"message\":\"one\\ntwo\","
               "\"k\":\"x\\u000d\\u0001\"}\n");
}

UNIT_TEST(json_is_valid_unicode_whatever_comes)
{
    static const char *const rows[][2] = {
        {"\xff", "\xef\xbf\xbd"},                                 /* no UTF-8 at all */
        {"a\xc3", "a\xef\xbf\xbd"},                               /* cut off */
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* too long a form */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* half a surrogate pair */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},                 /* four bytes */
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[256];

        (void)snprintf(expected, sizeof expected,
                       "\",\"level\":\"info\",\"area\":\"a\",\"message\":\"m\",\"k\":\"%s\"}\n",
                       rows[i][1]);
        CHECK_TEXT(JSON_LINE(TQ_LOG_INFO, "a", "m", "k=%s", rows[i][0]), expected);
    }
}

UNIT_TEST(absent_texts_are_left_out)
{
    const char *absent = getenv("UNIT_ABSENT"); /* NULL, in a way that no compiler can know */

    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "m", "x=%s y=%d", absent, 3), " info  a m y=3\n");
    CHECK_TEXT(JSON_LINE(TQ_LOG_INFO, "a", "m", "x=%s y=%d", absent, 3),
               "\",\"level\":\"info\",\"area\":\"a\",\"message\":\"m\",\"y\":3}\n");
}

UNIT_TEST(every_conversion_takes_its_own_argument)
{
    CHECK_TEXT(TEXT_LINE(TQ_LOG_INFO, "a", "m", "a=%d b=%ld c=%zu d=%.1f e=%c f=%u g=%lld h=%s", -1,
                         -2L, (size_t)3, 4.25, 'x', 5u, -6LL, "end"),
               " info  a m a=-1 b=-2 c=3 d=4.2 e=x f=5 g=-6 h=end\n");
}

UNIT_TEST(json_numbers_are_numbers_or_quoted)
{
    CHECK_TEXT(
        JSON_LINE(TQ_LOG_INFO, "a", "m", "a=%.2f b=%x c=%g d=%c", 0.5, 255u, (double)INFINITY, '"'),
        "\",\"level\":\"info\",\"area\":\"a\",\"message\":\"m\","
        "\"a\":0.50,\"b\":\"ff\",\"c\":\"inf\",\"d\":\"\\\"\"}\n");
}

UNIT_TEST(lines_below_the_level_are_not_written)
{
    CHECK_TEXT(TEXT_LINE(TQ_LOG_DEBUG, "a", "m", ""), "");
    CHECK(!tq_log_enabled(TQ_LOG_DEBUG));
    CHECK(tq_log_enabled(TQ_LOG_INFO));
    tq_log_configure(TQ_LOG_ERROR, TQ_LOG_TEXT);
    CHECK(!tq_log_enabled(TQ_LOG_WARN));
    CHECK(tq_log_enabled(TQ_LOG_ERROR));
}

UNIT_TEST(long_values_are_whole)
{
    char value[3000];

    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';

    const char *text = TEXT_LINE(TQ_LOG_INFO, "a", "m", "k=%s z=%d", value, 1);

    CHECK_INT(strlen(text), strlen(" info  a m k= z=1\n") + sizeof value - 1);
}

UNIT_TEST(levels_and_forms_are_known_by_name)
{
    enum tq_log_level level = TQ_LOG_DEBUG;
    enum tq_log_format format = TQ_LOG_TEXT;

    CHECK(tq_log_level_parse("debug", &level));
    CHECK_INT(level, TQ_LOG_DEBUG);
    CHECK(tq_log_level_parse("error", &level));
    CHECK_INT(level, TQ_LOG_ERROR);
    CHECK(!tq_log_level_parse("loud", &level));
    CHECK(!tq_log_level_parse("", &level));
    CHECK(tq_log_format_parse("json", &format));
    CHECK_INT(format, TQ_LOG_JSON);
    CHECK(tq_log_format_parse("pretty", &format));
    CHECK_INT(format, TQ_LOG_PRETTY);
    CHECK(!tq_log_format_parse("xml", &format));
}
