// SPDX-License-Identifier: MIT
//
// What went wrong with a request. Messages name the server, never the URL: there may be a secret in
// it.
#include <stdio.h>
#include <string.h>

#include "net/http_fetch.h"

struct cause {
    CURLcode code;
    const char *text; /* followed by libcurl's own words, unless it ends with a full stop */
};

static const struct cause causes[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "the name is unknown"},
    {CURLE_COULDNT_RESOLVE_PROXY, "the name of the proxy is unknown"},
    {CURLE_PEER_FAILED_VERIFICATION,
     "its certificate is not trusted (ca = FILE names other certificates to trust)"},
    {CURLE_SSL_CONNECT_ERROR, "TLS failed"},
    {CURLE_SSL_CACERT_BADFILE, "the certificates to trust cannot be read"},
    {CURLE_GOT_NOTHING, "it closed the connection without an answer."},
    {CURLE_PARTIAL_FILE, "the connection broke off before the end of the body"},
    {CURLE_RECV_ERROR, "the connection broke off"},
    {CURLE_SEND_ERROR, "the connection broke off while the request was sent"},
    {CURLE_BAD_CONTENT_ENCODING, "the body is not compressed as its header says"},
    {CURLE_WEIRD_SERVER_REPLY, "this is no answer in HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, "this is no answer in HTTP/1"},
    {CURLE_PROXY, "the proxy refuses"},
};

const char *tq_fetch_server(const struct tq_fetch *fetch)
{
    return strstr(fetch->origin, "://") + strlen("://");
}

static const char *find_cause(CURLcode code)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        if (causes[i].code == code)
            return causes[i].text;
    }
    return "the request failed";
}

static bool is_connected(struct tq_fetch *fetch)
{
    return fetch->place.state == TQ_DOOR_INSIDE;
}

/* The last line about a failed connection is in errno alone. */
static bool explain_no_connection(struct tq_fetch *fetch, CURLcode code, struct tq_err *err)
{
    long cause = 0;

    (void)curl_easy_getinfo(fetch->easy.curl, CURLINFO_OS_ERRNO, &cause); /* 0: unknown */
    return tq_err_set(err, TQ_ERR_NET, (int)code, "http: cannot connect to %s: %s",
                      tq_fetch_server(fetch),
                      cause != 0 ? strerror((int)cause) : curl_easy_strerror(code));
}

bool tq_fetch_explain(struct tq_fetch *fetch, CURLcode code, struct tq_err *err)
{
    const char *said = *fetch->problem != '\0' ? fetch->problem : curl_easy_strerror(code);
    const char *cause = find_cause(code);
    size_t len = strlen(cause);

    if (fetch->reason.domain != TQ_ERR_NONE) {
        *err = fetch->reason;
        return false;
    }
    if (code == CURLE_COULDNT_CONNECT)
        return explain_no_connection(fetch, code, err);
    if (code == CURLE_OPERATION_TIMEDOUT) /* the deadline is ours: libcurl has this one only */
        return tq_err_set(err, TQ_ERR_NET, (int)code,
                          "http: cannot connect to %s within %lld ms (connect_timeout)",
                          tq_fetch_server(fetch), (long long)fetch->request.connect_timeout_ms);
    if (cause[len - 1] == '.')
        return tq_err_set(err, TQ_ERR_NET, (int)code, "http: %s: %.*s", tq_fetch_server(fetch),
                          (int)len - 1, cause);
    return tq_err_set(err, TQ_ERR_NET, (int)code, "http: %s: %s: %s", tq_fetch_server(fetch), cause,
                      said);
}

bool tq_fetch_explain_deadline(struct tq_fetch *fetch, struct tq_err *err)
{
    long long limit_ms = (long long)fetch->request.timeout_ms;
    const char *server = tq_fetch_server(fetch);

    if (fetch->place.state == TQ_DOOR_WAITING)
        return tq_err_set(err, TQ_ERR_NET, CURLE_OPERATION_TIMEDOUT,
                          "http: waited %lld ms for one of the connections to %s", limit_ms,
                          server);
    if (!is_connected(fetch))
        return tq_err_set(err, TQ_ERR_NET, CURLE_OPERATION_TIMEDOUT,
                          "http: cannot connect to %s within %lld ms (timeout)", server, limit_ms);
    return tq_err_set(err, TQ_ERR_NET, CURLE_OPERATION_TIMEDOUT,
                      "http: %s did not answer within %lld ms; %zu bytes of the body had come",
                      server, limit_ms, fetch->received);
}
