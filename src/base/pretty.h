// SPDX-License-Identifier: MIT
//
// A log line for people: local time, a sign and a colour for the level, and below it, indented,
// what has several lines or is long: the error, its line of source, the traceback.
#ifndef TQ_BASE_PRETTY_H
#define TQ_BASE_PRETTY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum { TQ_PRETTY_BELOW = 3 };

struct tq_pretty {
    bool is_coloured;
    struct tq_buf text;
    struct tq_buf below[TQ_PRETTY_BELOW]; /* for one key each */
};

/* level as in base/log.h. */
void tq_pretty_begin(struct tq_pretty *line, int level, const char *message);
void tq_pretty_add(struct tq_pretty *line, const char *key, size_t key_len, const char *value);

/* The whole is in text, without a newline at its end; the rest is freed. */
void tq_pretty_end(struct tq_pretty *line);

#endif
