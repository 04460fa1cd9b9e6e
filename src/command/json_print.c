// SPDX-License-Identifier: MIT
//
// Strings of JSON.
#include "command/json_print.h"

#include <stdio.h>

#include "base/text.h"

void tq_json_print_text(const char *text)
{
    struct tq_buf out = {0};

    tq_text_add_json(&out, text);
    (void)fwrite(out.data, 1, out.len, stdout);
    tq_buf_deinit(&out);
}
