// SPDX-License-Identifier: MIT
//
// Times on the command line: RFC 3339, with an offset.
#ifndef TQ_COMMAND_MOMENT_H
#define TQ_COMMAND_MOMENT_H

#include <stdint.h>

#include "base/error.h"

/* The value of --option, as the database counts: microseconds since 2000-01-01 UTC. */
TQ_MUST_CHECK bool tq_moment_parse(const char *option, const char *text, int64_t *at,
                                   struct tq_err *err);

#endif
