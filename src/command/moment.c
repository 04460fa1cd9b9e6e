// SPDX-License-Identifier: MIT
//
// Reading times.
#include "command/moment.h"

#include <string.h>

#include "base/timestamp.h"
#include "database/params.h"

bool tq_moment_parse(const char *option, const char *text, int64_t *at, struct tq_err *err)
{
    int64_t us;

    if (!tq_timestamp_parse_us(text, strlen(text), &us))
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "--%s: \"%.64s\" is not a time with its offset, such as "
                          "2026-11-24T09:30:00Z or 2026-11-24T09:30:00+05:45",
                          option, text);
    *at = us - TQ_PG_EPOCH_US;
    return true;
}
