// SPDX-License-Identifier: MIT
//
// 64 bits at a time.
#include "base/random.h"

#include <stdlib.h>
#include <sys/random.h>

uint64_t tq_random(void)
{
    uint64_t number;

    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        abort(); /* 8 bytes are always given at once */
    return number;
}
