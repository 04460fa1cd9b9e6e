// SPDX-License-Identifier: MIT
//
// Which libpq the program runs with.
#ifndef TQ_DATABASE_VERSION_H
#define TQ_DATABASE_VERSION_H

/* As PQlibVersion() says it: 150018 is 15.18. */
int tq_libpq_version(void);

#endif
