// SPDX-License-Identifier: MIT
//
// A mail server as an URL names it; see smtp.h for the URLs.
#ifndef TQ_NET_SMTP_SERVER_H
#define TQ_NET_SMTP_SERVER_H

#include <curl/curl.h>

#include "base/error.h"

struct tq_smtp_server {
    char *url;     /* for libcurl: without our query */
    char *name;    /* "mail.example:587", for messages: no password in it */
    char *ca_file; /* or NULL */
    long tls;      /* of enum curl_usessl */
};

TQ_MUST_CHECK bool tq_smtp_server_parse(const char *url, struct tq_smtp_server *server,
                                        struct tq_err *err);
void tq_smtp_server_deinit(struct tq_smtp_server *server);

#endif
