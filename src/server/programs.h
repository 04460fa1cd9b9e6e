// SPDX-License-Identifier: MIT
//
// Where PostgreSQL's programs are. TASKQ_PG_BIN names their folder; else they are looked for in
// PATH, then where distributions put them, which is rarely in PATH.
#ifndef TQ_SERVER_PROGRAMS_H
#define TQ_SERVER_PROGRAMS_H

#include "base/error.h"

struct tq_programs {
    char *folder;
    int major; /* their version: 15, 16, ... */
};

/* Those of the given major version, or the newest when it is 0 (PATH goes first). */
TQ_MUST_CHECK bool tq_programs_find(int major, struct tq_programs *programs, struct tq_err *err);
void tq_programs_free(struct tq_programs *programs);

#endif
