// SPDX-License-Identifier: MIT
//
// One question about UTF-8. A header alone, as the JSON codec stands on nothing else.
#ifndef TQ_BASE_UTF8_H
#define TQ_BASE_UTF8_H

#include <stddef.h>

/* The length of the well-formed sequence that begins at `at` (which is before end), or 0. Overlong
   forms, surrogates and code points past U+10FFFF are not well-formed. */
static inline size_t tq_utf8_width(const char *at, const char *end)
{
    const unsigned char *byte = (const unsigned char *)at;
    size_t left = (size_t)(end - at), width;
    unsigned char low = 0x80, high = 0xBF; /* range of the second byte */

    if (byte[0] < 0x80)
        return 1;
    if (byte[0] < 0xC2 || byte[0] > 0xF4)
        return 0;
    width = byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
    if (left < width)
        return 0;
    if (byte[0] == 0xE0)
        low = 0xA0;
    if (byte[0] == 0xED)
        high = 0x9F;
    if (byte[0] == 0xF0)
        low = 0x90;
    if (byte[0] == 0xF4)
        high = 0x8F;
    if (byte[1] < low || byte[1] > high)
        return 0;
    for (size_t i = 2; i < width; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
    }
    return width;
}

#endif
