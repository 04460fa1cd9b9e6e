// SPDX-License-Identifier: MIT
//
// Log lines for people.
#include "base/pretty.h"

#include <stdlib.h>
#include <string.h>

#include "unit/unit.h"

enum { WARN = 2, ERROR = 3, TIME_LEN = 12 };

static void add(struct tq_pretty *line, const char *key, const char *value)
{
    tq_pretty_add(line, key, strlen(key), value);
}

/* What follows the time "21:33:31.533". */
static void check(struct tq_pretty *line, const char *expected)
{
    tq_pretty_end(line);
    CHECK(line->text.len > TIME_LEN);
    CHECK(line->text.data[2] == ':' && line->text.data[8] == '.');
    CHECK_TEXT(line->text.data + TIME_LEN, expected);
    tq_buf_deinit(&line->text);
}

UNIT_TEST(shows_values_as_they_are)
{
    struct tq_pretty line = {0};

    tq_pretty_begin(&line, WARN, "it happened");
    add(&line, "result", "{\"a\": 1}");
    add(&line, "empty", "");
    add(&line, "wild", "\033[2J\nx\xff");
    check(&line, "  !  it happened  result={\"a\": 1}  empty=\"\"  "
                 "wild=\\u001b[2J\\nx\xef\xbf\xbd");
}

UNIT_TEST(puts_the_error_and_its_source_below_in_their_order)
{
    struct tq_pretty line = {0};

    tq_pretty_begin(&line, ERROR, "no");
    add(&line, "source", "a = = b");
    add(&line, "error", "one\ntwo\x07");
    add(&line, "task", "7");
    check(&line, "  X  no  task=7"
                 "\n                 one"
                 "\n                 two\\u0007"
                 "\n                   | a = = b");
}

UNIT_TEST(colours_what_is_not_ordinary)
{
    struct tq_pretty line = {.is_coloured = true};

    tq_pretty_begin(&line, ERROR, "no");
    add(&line, "task", "7");
    tq_pretty_end(&line);

    CHECK(strncmp(line.text.data, "\033[2m", 4) == 0);
    CHECK_TEXT(strchr(line.text.data, ':') + 10, "\033[0m\033[31m  X  \033[0m\033[31mno\033[0m"
                                                 "\033[2m  task=\033[0m7");
    tq_buf_deinit(&line.text);
}
