// SPDX-License-Identifier: MIT
//
// Runs: results, failures, waits, interruption.
#include "script/run.h"

#include <string.h>

#include "unit/script/stage.h"
#include "unit/unit.h"

UNIT_TEST(gives_the_result_of_a_handler)
{
    stage_check_body("return { success = true, result = { sum = 1 + 1 } }", "{}", "{\"sum\":2}");
}

UNIT_TEST(takes_any_other_value_as_the_result)
{
    stage_check_body("return { to = context.task.payload.to }", "{\"to\":\"a@b\"}",
                     "{\"to\":\"a@b\"}");
}

UNIT_TEST(has_no_result_for_nil)
{
    stage_check_body("", "{}", NULL);
}
