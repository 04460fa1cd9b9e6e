// SPDX-License-Identifier: MIT
//
// Type patterns such as `email:*`: `*` stands for any run of characters, everything else for
// itself.
#ifndef TQ_BASE_GLOB_H
#define TQ_BASE_GLOB_H

#include <stdbool.h>

bool tq_glob_matches(const char *pattern, const char *text);

#endif
