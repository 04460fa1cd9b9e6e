// SPDX-License-Identifier: MIT
//
// How long to wait after the n-th failure. The default is the polynomial that River uses for its
// jobs, n^4 seconds, shifted by 5 s so that the first retry is not immediate, capped at 6 h:
//
//     fixed        base                      exponential  base * 2^(n-1)
//     linear       base * n                  polynomial   base + n^4 s
//
// The result is min(cap, that) * (1 + U(0, jitter)).
#ifndef TQ_BASE_BACKOFF_H
#define TQ_BASE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

enum tq_backoff_kind {
    TQ_BACKOFF_POLYNOMIAL,
    TQ_BACKOFF_EXPONENTIAL,
    TQ_BACKOFF_LINEAR,
    TQ_BACKOFF_FIXED,
};

struct tq_backoff {
    enum tq_backoff_kind kind;
    int64_t base_ms; /* > 0 */
    int64_t cap_ms;  /* >= base_ms */
    double jitter;   /* 0 to 1 */
};

extern const struct tq_backoff tq_backoff_default;

/* kind by its name in handlers ("polynomial", ...); false when there is no such kind. */
bool tq_backoff_kind_parse(const char *name, enum tq_backoff_kind *kind)
    __attribute__((warn_unused_result));

const char *tq_backoff_kind_name(enum tq_backoff_kind kind);

/* The delay after the failures-th failure (1 or more). unit is a random number in [0, 1). */
int64_t tq_backoff_delay_ms(const struct tq_backoff *policy, int failures, double unit);

#endif
