// SPDX-License-Identifier: MIT
//
// A mail server for tests, on a thread of its own: it takes everything, unless a rule says
// otherwise, and writes down what it hears.
#ifndef TQ_SPEC_SINK_H
#define TQ_SPEC_SINK_H

#include <stdatomic.h>
#include <stdbool.h>

#include <uv.h>

#include "base/buffer.h"

/* The first rule whose command begins the line gives the answer, before the rules that every sink
   has. "" is the connection itself, "." the end of a message. */
struct sink_rule {
    const char *command;
    const char *reply; /* NULL: it says nothing; "": it hangs up */
};

enum { SINK_PEERS = 32 };

struct sink_peer {
    int fd; /* -1: none */
    bool is_in_message;
    int letters;
    struct tq_buf in;
};

struct sink {
    char url[64];                  /* smtp://127.0.0.1:PORT */
    const struct sink_rule *rules; /* the last one has no command; or NULL */
    bool has_short_patience;       /* answers 421 to the second MAIL of a connection */
    atomic_int connections;        /* ever made */
    atomic_int lines;              /* heard, the ends of messages included */
    struct tq_buf heard;           /* all lines; to be read when the sink has stopped */
    struct sink_peer peers[SINK_PEERS];
    int listener, stop[2];
    uv_thread_t thread;
};

/* The sink's other fields are zero. */
void sink_start(struct sink *sink);

/* Waits until all connections were closed from the other side and all that came over them was
   heard; then heard can be read. */
void sink_stop(struct sink *sink);
void sink_free(struct sink *sink);

#endif
