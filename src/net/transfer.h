// SPDX-License-Identifier: MIT
//
// The inside of a net, for the files of net/: transfers, which callers see. A protocol embeds them
// in structures of its own.
//
// A transfer is live from tq_transfer_begin() to tq_transfer_finish(), then waits for its delivery,
// which the loop makes: nobody is called back from inside of his own call. After that it is freed.
#ifndef TQ_NET_TRANSFER_H
#define TQ_NET_TRANSFER_H

#include <uv.h>

#include "net/net.h"

struct tq_http;
struct tq_smtp;

struct tq_transfer {
    struct tq_net *net;
    void (*on_done)(void *arg, const struct tq_err *err);
    void *arg;
    void (*cancel)(struct tq_transfer *transfer); /* stops the work of a live one */
    void (*free)(struct tq_transfer *transfer);
    bool is_finished;
    bool is_ok;
    struct tq_err err;
    struct tq_transfer *previous, *next; /* in the net's list of live or finished ones */
};

/* The fields up to free are set by the caller. */
void tq_transfer_begin(struct tq_transfer *transfer);

/* Ends a live transfer; err is NULL when it succeeded. */
void tq_transfer_finish(struct tq_transfer *transfer, const struct tq_err *err);

/* Whoever opens a uv handle for the net holds the net until the handle has closed. */
void tq_net_hold(struct tq_net *net);
void tq_net_release(struct tq_net *net);

uv_loop_t *tq_net_loop(struct tq_net *net);
bool tq_net_is_closing(const struct tq_net *net);
struct tq_smtp *tq_net_smtp(struct tq_net *net);
struct tq_http *tq_net_http(struct tq_net *net);

/* The parts of a net, a protocol each; smtp.c and http.c. No transfer is left when one is freed; it
   closes its connections. */
struct tq_smtp *tq_smtp_new(struct tq_net *net);
void tq_smtp_free(struct tq_smtp *smtp);
struct tq_http *tq_http_new(struct tq_net *net);
void tq_http_free(struct tq_http *http);

#endif
