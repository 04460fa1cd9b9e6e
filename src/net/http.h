// SPDX-License-Identifier: MIT
//
// HTTP/1.1 requests. Certificates are always verified; only http:// and https:// are spoken, also
// after redirects. Proxies come from the request, else from http_proxy, https_proxy and no_proxy as
// libcurl reads them. Connections are kept for reuse until the thread has made no request for a
// while.
#ifndef TQ_NET_HTTP_H
#define TQ_NET_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "net/net.h"

/* Of the last server when there were redirects; the caller's, to be deinitialised by him. */
struct tq_http_response {
    int status;
    char *url;             /* without user and password */
    struct tq_buf headers; /* as they came: lines that end with CRLF */
    struct tq_buf body;    /* decoded, if it came compressed */
};

void tq_http_response_deinit(struct tq_http_response *response);

struct tq_http_request {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value", or "Name;" for an empty value; valid ones */
    size_t header_count;
    const char *body; /* or NULL */
    size_t body_len;
    const char *ca_file;               /* trusted in place of the system's certificates, or NULL */
    const char *proxy;                 /* NULL: the environment's; "": none */
    int64_t timeout_ms;                /* for everything */
    int64_t connect_timeout_ms;        /* for each connection */
    int max_redirects;                 /* 0: a redirect is a response like any other */
    size_t max_bytes;                  /* of the body */
    struct tq_http_response *response; /* zeroed; it is filled until on_done has been called */
    /* Before bytes are added to the response; false stops the transfer for want of memory. */
    bool (*on_bytes)(void *arg, size_t bytes);
};

/* Copies the request. on_done is called once, never before this returns, with NULL when the
   response is complete, whatever its status is; else the error's code is a CURLcode.

   A redirect keeps the method, but 303 makes it GET, and so do 301 and 302 of a POST. Another
   origin gets none of the credentials, and of the headers only those that describe content. */
struct tq_transfer *tq_net_fetch(struct tq_net *net, const struct tq_http_request *request,
                                 void (*on_done)(void *arg, const struct tq_err *err), void *arg);

#endif
