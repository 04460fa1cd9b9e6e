// SPDX-License-Identifier: MIT
//
// Follows the events of the whole fleet, for `taskq events`: asks for them every few seconds, and
// hands each to its owner, until SIGINT, SIGTERM, or the end of who reads the output. An outage is
// told, and what happens during it is not heard. Blocks the calling thread, which runs a loop of
// its own.
//
// What workers tell comes as lines of text (worker/event_line.h); new tasks come as their ids,
// which are looked up. That a task was created is told before what became of it.
#ifndef TQ_DATABASE_FOLLOWER_H
#define TQ_DATABASE_FOLLOWER_H

#include "base/error.h"

struct tq_followed {
    const char *event; /* "created", "started", "completed", "failed", "dropped" */
    const char *at;    /* RFC 3339 */
    const char *id;
    const char *type;     /* empty for dropped */
    const char *summary;  /* for people */
    const char *document; /* a JSON object */
};

struct tq_follower_config {
    const char *conninfo;
    int output; /* whose reader may go away */
    void *owner;
    void (*on_event)(void *owner, const struct tq_followed *followed);
    /* After some of them; false: nothing more can be written. */
    bool (*on_flush)(void *owner);
    void (*on_heard)(void *owner); /* whoever has events tells them from now on; again and again */
    void (*on_lost)(void *owner, const char *message); /* also when connecting again fails */
};

/* False when the database refuses, with err. */
TQ_MUST_CHECK bool tq_follower_run(const struct tq_follower_config *config, struct tq_err *err);

#endif
