// SPDX-License-Identifier: MIT
//
// Sending mail. The URL names the server and how to reach it:
//
//     smtp://host[:25]                 STARTTLS when the server offers it
//     smtp://user:password@host:587    STARTTLS, or nothing is sent
//     smtps://user:password@host[:465] TLS from the first byte
//
// and may end in `/NAME`, how we introduce ourselves (EHLO), and a query: `?tls=required|try|never`
// replaces the rule above, `ca=FILE` names the certificates to trust in place of the system's.
// Wherever there is TLS, the server's certificate is verified.
#ifndef TQ_NET_SMTP_H
#define TQ_NET_SMTP_H

#include <stddef.h>
#include <stdint.h>

#include "net/net.h"

struct tq_mail_request {
    const char *url;
    const char *from; /* a bare address, or "" for mail that must not bounce */
    const char *const *recipients;
    size_t recipient_count;
    const char *message; /* RFC 5322, lines end with CRLF */
    size_t message_len;
    int64_t timeout_ms; /* for everything, waiting for a free connection included */
};

/* Sends one message to all recipients or to none. Copies the request. on_done is called once, never
   before this returns, with NULL when the server has taken the message. Else the error's code says
   what to do:

       500-599  the server refuses this message: trying again is useless
       400-499  the server refuses it for the moment
       below    a CURLcode: no connection, no login, no answer in time, a wrong URL or address

   After a timeout the server may have taken the message all the same. */
struct tq_transfer *tq_net_send_mail(struct tq_net *net, const struct tq_mail_request *request,
                                     void (*on_done)(void *arg, const struct tq_err *err),
                                     void *arg);

#endif
