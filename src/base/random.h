// SPDX-License-Identifier: MIT
//
// The system's random numbers, for names that nobody has had before.
#ifndef TQ_BASE_RANDOM_H
#define TQ_BASE_RANDOM_H

#include <stdint.h>

uint64_t tq_random(void);

#endif
