// SPDX-License-Identifier: MIT
//
// The network of one executor thread: libcurl's multi handle on the thread's uv loop, and the
// transfers on it. Everything here, callbacks included, belongs to the thread of the loop.
#ifndef TQ_NET_NET_H
#define TQ_NET_NET_H

#include <uv.h>

#include "base/error.h"

struct tq_net;
struct tq_transfer;

/* NULL and err when the loop or libcurl refuses. */
struct tq_net *tq_net_new(uv_loop_t *loop, struct tq_err *err) TQ_MUST_CHECK;

/* Ends every transfer that is left, without its callback, and closes all connections; waits for no
   server. on_closed, if it is not NULL, is called by the loop when no handle is left on it, and the
   net is gone then. */
void tq_net_close(struct tq_net *net, void (*on_closed)(void *arg), void *arg);

/* Ends a transfer that is under way; its callback is not called. Not for one whose callback has
   been called: that one is gone. */
void tq_transfer_cancel(struct tq_transfer *transfer);

#endif
