// SPDX-License-Identifier: MIT
//
// Times as RFC 3339 writes them, with an offset: 2026-11-24T09:30:00+05:45. A time without an
// offset means something else on every machine, so it is none.
#ifndef TQ_BASE_TIMESTAMP_H
#define TQ_BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tq_buf;

/* Microseconds since 1970, negative before. Between date and time stands T or a space; digits of
   the fraction past the sixth are rounded off. False when text is no such time of the years 1 to
   9999, or its offset is 16 hours or more. */
bool tq_timestamp_parse_us(const char *text, size_t len, int64_t *us)
    __attribute__((warn_unused_result));

/* In UTC: 2026-11-24T03:45:00.123456Z. */
void tq_timestamp_add(struct tq_buf *out, int64_t us);

#endif
