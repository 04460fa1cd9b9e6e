// SPDX-License-Identifier: MIT
//
// The log: `TIME level area message key=value ...`, or JSON with the same keys, to stderr, one
// write(2) a line, so that lines of several threads never mix. Any thread may log. The third form
// is for people: local time, colours, and errors with their source on lines of their own.
//
// Fields are given as one printf format of space-separated key=conversion pairs; each value is
// quoted or escaped as the line's form needs it:
//
//     tq_log(TQ_LOG_WARN, "worker", "lease lost", "worker=%s age_ms=%" PRId64, name, age_ms);
//
// Keys are [a-z_]+; a value is one conversion (%s may be NULL: the pair is left out).
#ifndef TQ_BASE_LOG_H
#define TQ_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum tq_log_level { TQ_LOG_DEBUG, TQ_LOG_INFO, TQ_LOG_WARN, TQ_LOG_ERROR };
enum tq_log_format { TQ_LOG_TEXT, TQ_LOG_JSON, TQ_LOG_PRETTY };

/* Set once by main before any thread starts; both have defaults (info, text). */
void tq_log_configure(enum tq_log_level least, enum tq_log_format format);

/* Likewise: whether the pretty form has colours. Not unless it is said. */
void tq_log_set_coloured(bool is_coloured);

/* Parse the values of --log-level and --log-format. */
TQ_MUST_CHECK bool tq_log_level_parse(const char *text, enum tq_log_level *level);
TQ_MUST_CHECK bool tq_log_format_parse(const char *text, enum tq_log_format *format);

bool tq_log_enabled(enum tq_log_level level);

void tq_log(enum tq_log_level level, const char *area, const char *message, const char *fields, ...)
    TQ_PRINTF(4, 5);

/* A pair whose key is known only at run time: what scripts log. A bare value is written as it is in
   JSON (a number, true, false), any other one as a string. */
struct tq_log_pair {
    const char *key;
    const char *value;
    bool is_bare;
};

/* As tq_log(), with the pairs in an array. */
void tq_log_pairs(enum tq_log_level level, const char *area, const char *message,
                  const struct tq_log_pair *pairs, size_t count);

struct tq_buf;

/* Not into the log: the line that --log-format json would write, without its area, at the end of
   out. */
void tq_log_add_json(struct tq_buf *out, enum tq_log_level level, const char *message,
                     const struct tq_log_pair *pairs, size_t count);

#endif
