// SPDX-License-Identifier: MIT
//
// Type patterns.
#include "base/glob.h"

#include <string.h>

#include "base/clock.h"
#include "unit/unit.h"

UNIT_TEST(matches_itself_only_without_a_star)
{
    CHECK(tq_glob_matches("email:send", "email:send"));
    CHECK(!tq_glob_matches("email:send", "email:sender"));
    CHECK(!tq_glob_matches("email:send", "email:sen"));
    CHECK(!tq_glob_matches("email:send", ""));
    CHECK(!tq_glob_matches("", "email:send"));
    CHECK(tq_glob_matches("", ""));
}

UNIT_TEST(a_star_stands_for_any_run)
{
    CHECK(tq_glob_matches("email:*", "email:send"));
    CHECK(tq_glob_matches("email:*", "email:"));
    CHECK(!tq_glob_matches("email:*", "report:send"));
    CHECK(tq_glob_matches("*:send", "email:send"));
    CHECK(!tq_glob_matches("*:send", "email:sent"));
    CHECK(tq_glob_matches("*", ""));
    CHECK(tq_glob_matches("*", "anything"));
    CHECK(tq_glob_matches("**", "anything"));
}

UNIT_TEST(a_star_goes_back_for_a_later_match)
{
    CHECK(tq_glob_matches("a*bc", "abbc"));
    CHECK(tq_glob_matches("a*b*c", "a-b-b-c-c"));
    CHECK(tq_glob_matches("*ab", "aab"));
    CHECK(!tq_glob_matches("a*b*c", "a-c-b"));
}

UNIT_TEST(other_signs_stand_for_themselves)
{
    CHECK(!tq_glob_matches("a?c", "abc"));
    CHECK(tq_glob_matches("a?c", "a?c"));
    CHECK(!tq_glob_matches("[ab]", "a"));
    CHECK(tq_glob_matches("\\*", "\\x"));
}

UNIT_TEST(many_stars_stay_fast)
{
    char text[2001];
    int64_t start_us = tq_clock_us();

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';

    CHECK(!tq_glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
    CHECK(tq_clock_us() - start_us < 1000000);
}
