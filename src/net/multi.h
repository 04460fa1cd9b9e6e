// SPDX-License-Identifier: MIT
//
// libcurl's multi handle on the loop of a net, for the files of net/: libcurl says which sockets to
// watch and when to be called, each socket gets a uv_poll and the time one uv_timer. A protocol has
// a multi of its own, since the connections that libcurl keeps for reuse go with their multi.
#ifndef TQ_NET_MULTI_H
#define TQ_NET_MULTI_H

#include <curl/curl.h>

#include "base/error.h"

struct tq_net;
struct tq_multi;

/* An easy handle on a multi, which must stay there while it is used. */
struct tq_easy {
    CURL *curl;
    struct tq_multi *multi;                               /* set while it is on one */
    void (*on_done)(struct tq_easy *easy, CURLcode code); /* called by the loop; it may remove it */
    void *owner;
};

/* NULL and err when libcurl refuses. It holds the net. */
struct tq_multi *tq_multi_open(struct tq_net *net, struct tq_err *err) TQ_MUST_CHECK;

/* No easy handle is left on it. Closes the connections that are kept for reuse. */
void tq_multi_close(struct tq_multi *multi);

TQ_MUST_CHECK bool tq_easy_add(struct tq_multi *multi, struct tq_easy *easy, struct tq_err *err);

/* Takes it off its multi, if it is on one, and cleans it up. Closes what it has open, but for a
   connection that libcurl keeps for reuse. */
void tq_easy_remove(struct tq_easy *easy);

#endif
