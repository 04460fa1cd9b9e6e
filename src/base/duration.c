// SPDX-License-Identifier: MIT
//
// Parsing and printing durations by one table of units.
#include "base/duration.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

enum { UNIT_COUNT = sizeof units / sizeof *units };

bool tq_duration_parse_ms(const char *text, int64_t *ms)
{
    size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits;
    char *end;

    if (digits == 0 || digits > 18)
        return false;

    double value = strtod(text, &end);

    if (end != unit || value > 1e15)
        return false;
    if (*unit == '\0') {
        *ms = (int64_t)value;
        return strchr(text, '.') == NULL;
    }
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strcmp(unit, units[i].name) == 0 && value * (double)units[i].ms < 1e15) {
            *ms = (int64_t)(value * (double)units[i].ms + 0.5);
            return true;
        }
    }
    return false;
}

const char *tq_duration_format_ms(int64_t ms, char out[24])
{
    size_t i = 0;

    while (i < UNIT_COUNT - 1 && (ms == 0 || ms % units[i].ms != 0))
        i++;
    (void)snprintf(out, 24, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
    return out;
}
