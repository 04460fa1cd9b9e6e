// SPDX-License-Identifier: MIT
//
// Durations as people write them: a whole number of milliseconds, or a number with a unit
// (500ms, 30s, 5m, 2h, 7d; fractions such as 1.5s are allowed with a unit).
#ifndef TQ_BASE_DURATION_H
#define TQ_BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* False when text is no duration, is negative, or does not fit. */
bool tq_duration_parse_ms(const char *text, int64_t *ms) __attribute__((warn_unused_result));

/* The shortest exact text, such as "5m" for 300000; out has room for 24 bytes. */
const char *tq_duration_format_ms(int64_t ms, char out[24]);

#endif
