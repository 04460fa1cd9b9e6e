// SPDX-License-Identifier: MIT
//
// Keeping the database tidy, step by step: the day partitions, what is too old, counters, rows of
// workers that are gone. A step is one statement and one transaction, and each tells in the same
// way what it did. The tq_chore_* senders answer through the request's on_done; see
// database/connection.h.
#ifndef TQ_DATABASE_CHORE_H
#define TQ_DATABASE_CHORE_H

#include <stdint.h>

#include "database/connection.h"

enum tq_remains {
    TQ_REMAINS_NOTHING,
    TQ_REMAINS_MORE, /* call again */
    TQ_REMAINS_BUSY, /* somebody uses it: call again later */
};

struct tq_step {
    int64_t count; /* of what it is about: tasks removed, partitions made, ... */
    enum tq_remains remains;
};

/* Of any of these statements. */
void tq_chore_read(const struct tq_rows *rows, struct tq_step *step);

void tq_chore_make_days(struct tq_request *request);

/* most: about how many rows the step touches. */
void tq_chore_settle_days(struct tq_request *request, int most);
void tq_chore_compact_counts(struct tq_request *request, int most);

/* Only whole days that are older than age_us. */
void tq_chore_cleanup(struct tq_request *request, const char *status, int64_t age_us, int most);

void tq_chore_forget_workers(struct tq_request *request);

#endif
