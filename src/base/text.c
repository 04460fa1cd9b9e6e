// SPDX-License-Identifier: MIT
//
// Escaping.
#include "base/text.h"

#include <string.h>

#include "base/utf8.h"

void tq_text_add_escaped(struct tq_buf *out, const char *text, const char *specials)
{
    const char *end = text + strlen(text);

    while (text < end) {
        unsigned char c = (unsigned char)*text;
        size_t len = tq_utf8_width(text, end);

        if (strchr(specials, c) != NULL)
            tq_buf_addf(out, "\\%c", c);
        else if (c == '\n')
            tq_buf_add_text(out, "\\n");
        else if (c == '\t')
            tq_buf_add_text(out, "\\t");
        else if (c < 0x20 || c == 0x7f)
            tq_buf_addf(out, "\\u%04x", c);
        else if (c == 0xc2 && len == 2 && (unsigned char)text[1] < 0xa0) /* of eight bits */
            tq_buf_addf(out, "\\u%04x", (unsigned char)text[1]);
        else if (len == 0)
            tq_buf_add_text(out, "\xef\xbf\xbd");
        else
            tq_buf_add(out, text, len);
        text += len > 0 ? len : 1;
    }
}

void tq_text_add_json(struct tq_buf *out, const char *text)
{
    tq_buf_add_char(out, '"');
    tq_text_add_escaped(out, text, "\"\\");
    tq_buf_add_char(out, '"');
}
