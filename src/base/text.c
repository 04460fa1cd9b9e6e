// SPDX-License-Identifier: MIT
//
// Escaping.
#include "base/text.h"

#include <string.h>

/* How many bytes the UTF-8 character at text has; 0 when it is none, an overlong one or a
 * surrogate. */
static size_t character_len(const unsigned char *text)
{
    static const struct {
        unsigned char least, most, second_least, second_most;
        size_t len;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    size_t i = 0, at = 2, count = sizeof forms / sizeof *forms;

    while (i < count && (text[0] < forms[i].least || text[0] > forms[i].most))
        i++;
    if (i == count)
        return 0;
    if (forms[i].len > 1 && (text[1] < forms[i].second_least || text[1] > forms[i].second_most))
        return 0;
    while (at < forms[i].len && (text[at] & 0xc0) == 0x80)
        at++;
    return at >= forms[i].len ? forms[i].len : 0;
}

void tq_text_add_escaped(struct tq_buf *out, const char *text, const char *specials)
{
    while (*text != '\0') {
        unsigned char c = (unsigned char)*text;
        size_t len = character_len((const unsigned char *)text);

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
