// SPDX-License-Identifier: MIT
//
// The four growth formulas.
#include "base/backoff.h"

#include <stddef.h>
#include <string.h>

const struct tq_backoff tq_backoff_default = {
    .kind = TQ_BACKOFF_POLYNOMIAL,
    .base_ms = 5000,
    .cap_ms = 6 * 3600 * 1000,
    .jitter = 0.1,
};

static const char *const kind_names[] = {
    [TQ_BACKOFF_POLYNOMIAL] = "polynomial",
    [TQ_BACKOFF_EXPONENTIAL] = "exponential",
    [TQ_BACKOFF_LINEAR] = "linear",
    [TQ_BACKOFF_FIXED] = "fixed",
};

bool tq_backoff_kind_parse(const char *name, enum tq_backoff_kind *kind)
{
    for (size_t i = 0; i < sizeof kind_names / sizeof *kind_names; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *kind = (enum tq_backoff_kind)i;
            return true;
        }
    }
    return false;
}

const char *tq_backoff_kind_name(enum tq_backoff_kind kind)
{
    return kind_names[kind];
}

/* In floating point, so that no exponent overflows; the cap brings it back into range. */
static double growth_ms(const struct tq_backoff *policy, int failures)
{
    double base = (double)policy->base_ms, n = failures;

    switch (policy->kind) {
    case TQ_BACKOFF_FIXED:
        return base;
    case TQ_BACKOFF_LINEAR:
        return base * n;
    case TQ_BACKOFF_EXPONENTIAL:
        for (int i = 1; i < failures && base < (double)policy->cap_ms; i++)
            base *= 2;
        return base;
    case TQ_BACKOFF_POLYNOMIAL:
        return base + n * n * n * n * 1000;
    }
    return base;
}

int64_t tq_backoff_delay_ms(const struct tq_backoff *policy, int failures, double unit)
{
    double delay = growth_ms(policy, failures < 1 ? 1 : failures);

    if (delay > (double)policy->cap_ms)
        delay = (double)policy->cap_ms;
    delay *= 1 + policy->jitter * unit;
    return delay < (double)INT64_MAX ? (int64_t)delay : INT64_MAX;
}
