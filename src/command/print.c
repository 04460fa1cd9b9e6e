// SPDX-License-Identifier: MIT
//
// Texts of unknown content.
#include "command/print.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void print_and_free(FILE *out, struct tq_buf *text)
{
    (void)fwrite(tq_buf_text(text), 1, text->len, out); /* the command asks whether it was */
    tq_buf_deinit(text);
}

void tq_print_text(FILE *out, const char *text)
{
    struct tq_buf escaped = {0};

    tq_text_add_escaped(&escaped, text, "");
    print_and_free(out, &escaped);
}

void tq_print_lines(FILE *out, const char *text, int indent)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\t\n");
        char *part = tq_memdup(text, len);

        tq_print_text(out, part);
        free(part);
        text += len;
        if (*text == '\0')
            return;
        (void)fprintf(out, "%c%*s", *text, *text == '\n' ? indent : 0, "");
        text++;
    }
}

void tq_print_json_string(const char *text)
{
    struct tq_buf json = {0};

    tq_text_add_json(&json, text);
    print_and_free(stdout, &json);
}
