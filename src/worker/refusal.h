// SPDX-License-Identifier: MIT
//
// What the server refuses again and again, such as for want of rights, is told once a reason.
#ifndef TQ_WORKER_REFUSAL_H
#define TQ_WORKER_REFUSAL_H

#include <stdbool.h>

#include "base/error.h"

struct tq_connection;

struct tq_refusal {
    char told[256]; /* the beginning of the last message; empty: none */
};

/* Is it to be told? Not a lost connection either, which tells of itself. */
bool tq_refusal_is_news(struct tq_refusal *refusal, const struct tq_connection *connection,
                        const struct tq_err *err);

/* The server has accepted. */
void tq_refusal_forget(struct tq_refusal *refusal);

#endif
