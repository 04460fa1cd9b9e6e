// SPDX-License-Identifier: MIT
//
// One request under way, for the files of HTTP only: http.c (its life), http_hop.c (where it goes
// next, and libcurl's options for that), http_error.c (what to say when it fails).
#ifndef TQ_NET_HTTP_FETCH_H
#define TQ_NET_HTTP_FETCH_H

#include "net/http.h"
#include "net/http_door.h"
#include "net/multi.h"
#include "net/transfer.h"

struct tq_fetch {
    struct tq_transfer transfer; /* first */
    struct tq_door_place place;
    struct tq_easy easy;
    uv_timer_t deadline;

    struct tq_http_request request; /* its texts are not used: see below */
    char *ca_file, *proxy;          /* or NULL */

    /* The hop: where it goes now, and with what. */
    char *method, *url; /* the URL without user and password */
    char *origin;       /* "https://host:port" */
    char *user, *password;
    char **headers;
    size_t header_count;
    struct curl_slist *list; /* the same for libcurl */
    struct tq_buf body;
    bool has_body;
    int hops; /* redirects that were followed */

    bool has_location;    /* the response says where to go */
    size_t received;      /* bytes of its body */
    struct tq_err reason; /* why a callback stopped the transfer, if one did */
    char problem[CURL_ERROR_SIZE];
};

/* Reads a URL: origin, user and password of the hop. */
TQ_MUST_CHECK bool tq_hop_set_url(struct tq_fetch *fetch, const char *url, struct tq_err *err);

/* Makes the easy handle for the hop; its callbacks are set already. */
TQ_MUST_CHECK bool tq_hop_set_options(struct tq_fetch *fetch, struct tq_err *err);

/* Is what came a redirect that is to be followed? */
bool tq_hop_is_redirect(const struct tq_fetch *fetch);

/* Changes method, URL, headers and body to what the redirect asks for. */
TQ_MUST_CHECK bool tq_hop_redirect(struct tq_fetch *fetch, struct tq_err *err);

void tq_hop_deinit(struct tq_fetch *fetch);

/* "host:port", as messages name the server. */
const char *tq_fetch_server(const struct tq_fetch *fetch);

/* What a CURLcode other than CURLE_OK means, in plain words; returns false. */
bool tq_fetch_explain(struct tq_fetch *fetch, CURLcode code, struct tq_err *err);

/* The same for the deadline. */
bool tq_fetch_explain_deadline(struct tq_fetch *fetch, struct tq_err *err);

#endif
