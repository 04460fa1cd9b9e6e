// SPDX-License-Identifier: MIT
//
// Guesses at misspelt names.
#include "base/hint.h"

#include <stddef.h>
#include "unit/unit.h"

static const char *const known[] = {"timeout", "max_attempts", "type", NULL};

UNIT_TEST(finds_the_nearest_name)
{
    CHECK_TEXT(tq_hint_find("timeuot", known), "timeout");
    CHECK_TEXT(tq_hint_find("Timeout", known), "timeout");
    CHECK_TEXT(tq_hint_find("maxAttempts", known), "max_attempts");
    CHECK_TEXT(tq_hint_find("max_atempt", known), "max_attempts");
    CHECK_TEXT(tq_hint_find("typ", known), "type");
}

UNIT_TEST(finds_none_when_all_are_far)
{
    CHECK_TEXT(tq_hint_find("colour", known), NULL);
    CHECK_TEXT(tq_hint_find("", known), NULL);
    CHECK_TEXT(tq_hint_find("a_name_that_is_very_very_long_and_longer_than_any_field", known),
               NULL);
}
