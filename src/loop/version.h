// SPDX-License-Identifier: MIT
//
// Which libuv the program runs with.
#ifndef TQ_LOOP_VERSION_H
#define TQ_LOOP_VERSION_H

const char *tq_uv_version(void);

#endif
