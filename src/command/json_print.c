// SPDX-License-Identifier: MIT
//
// Strings of JSON.
#include "command/json_print.h"

#include <stdio.h>
#include <string.h>

#include "script/utf8.h"

void tq_json_print_text(const char *text)
{
    const char *end = text + strlen(text);

    (void)putchar('"');
    while (text < end) {
        size_t width = tq_utf8_width(text, end);

        if (width == 0)
            (void)fputs("\xef\xbf\xbd", stdout);
        else if ((unsigned char)*text < ' ')
            (void)printf("\\u%04x", (unsigned)*text);
        else if (*text == '"' || *text == '\\')
            (void)printf("\\%c", *text);
        else
            (void)fwrite(text, 1, width, stdout);
        text += width > 0 ? width : 1;
    }
    (void)putchar('"');
}
