// SPDX-License-Identifier: MIT
//
// Durations: what is read, what is refused, and that printing gives back what was read.
#include "base/duration.h"

#include <stddef.h>

#include "unit/unit.h"

static int64_t parsed(const char *text)
{
    int64_t ms = -1;

    return tq_duration_parse_ms(text, &ms) ? ms : -1;
}

UNIT_TEST(reads_bare_numbers_as_milliseconds)
{
    CHECK_INT(parsed("0"), 0);
    CHECK_INT(parsed("250"), 250);
    CHECK_INT(parsed("300000"), 300000);
    CHECK_INT(parsed("1000000000000000"), 1000000000000000);
}

UNIT_TEST(reads_every_unit)
{
    CHECK_INT(parsed("500ms"), 500);
    CHECK_INT(parsed("30s"), 30000);
    CHECK_INT(parsed("5m"), 300000);
    CHECK_INT(parsed("2h"), 7200000);
    CHECK_INT(parsed("7d"), 604800000);
}

UNIT_TEST(reads_fractions_with_a_unit)
{
    CHECK_INT(parsed("1.5s"), 1500);
    CHECK_INT(parsed("0.1s"), 100);
    CHECK_INT(parsed(".5h"), 1800000);
    CHECK_INT(parsed("0.0005s"), 1);
}

UNIT_TEST(refuses_what_is_no_duration)
{
    static const char *const wrong[] = {
        "",  "s",  "-1", "-5s",  "+5",  " 5",   "5 ",  "5 s", "1.5",   "1.2.3s",
        ".", ".s", "5S", "5sec", "1e5", "0x10", "inf", "nan", "5m30s", "five",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_INT(parsed(wrong[i]), -1);
}

UNIT_TEST(refuses_what_does_not_fit)
{
    CHECK_INT(parsed("1000000000000001"), -1);
    CHECK_INT(parsed("999999999999999999999999"), -1);
    CHECK_INT(parsed("100000000d"), -1);
}

UNIT_TEST(prints_the_largest_exact_unit)
{
    char out[24];

    CHECK_TEXT(tq_duration_format_ms(300000, out), "5m");
    CHECK_TEXT(tq_duration_format_ms(90000, out), "90s");
    CHECK_TEXT(tq_duration_format_ms(1500, out), "1500ms");
    CHECK_TEXT(tq_duration_format_ms(86400000, out), "1d");
    CHECK_TEXT(tq_duration_format_ms(0, out), "0ms");
    CHECK_TEXT(tq_duration_format_ms(INT64_MIN, out), "-9223372036854775808ms");
}

UNIT_TEST(prints_what_it_reads)
{
    char out[24];

    for (int64_t ms = 0; ms < 1000000000000000; ms = ms * 7 + 1)
        CHECK_INT(parsed(tq_duration_format_ms(ms, out)), ms);
}
