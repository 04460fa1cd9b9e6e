// SPDX-License-Identifier: MIT
//
// The four clocks, in microseconds. Database time is a fifth one and never compared with these.
#ifndef TQ_BASE_CLOCK_H
#define TQ_BASE_CLOCK_H

#include <stdint.h>

int64_t tq_clock_us(void);      /* CLOCK_MONOTONIC: intervals, deadlines, timers */
int64_t tq_clock_boot_us(void); /* CLOCK_BOOTTIME: leases; it counts while the machine sleeps */
int64_t tq_clock_wall_us(void); /* CLOCK_REALTIME, since the epoch: what people read */

/* CLOCK_THREAD_CPUTIME_ID: what this thread has computed, however busy the machine is. */
int64_t tq_clock_thread_us(void);

#endif
