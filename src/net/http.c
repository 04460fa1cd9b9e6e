// SPDX-License-Identifier: MIT
//
// The life of a request: it waits at the door of its origin, gets an easy handle and goes, perhaps
// over some redirects, until the response is complete. It has one deadline for everything.
//
// Connections are kept by libcurl for the next request, also when the server has closed them, so
// the multi handle goes, and they with it, when there has been no request for KEPT_MS.
#include "net/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "net/http_fetch.h"

enum { KEPT_MS = 15 * 1000, MAX_HEADER_BYTES = 256 * 1024 };

struct tq_http {
    struct tq_net *net;
    struct tq_multi *multi; /* NULL while there are neither requests nor connections */
    struct tq_doors doors;
    size_t fetch_count;
    uv_idle_t porter; /* active when somebody may enter a door */
    uv_timer_t kept;  /* active while connections are kept without requests */
};

static struct tq_http *http_of(const struct tq_fetch *fetch)
{
    return tq_net_http(fetch->transfer.net);
}

static void finish(struct tq_fetch *fetch, const struct tq_err *err)
{
    struct tq_http_response *response = fetch->request.response;
    long status = 0;

    if (err == NULL) {
        (void)curl_easy_getinfo(fetch->easy.curl, CURLINFO_RESPONSE_CODE, &status); /* it has one */
        response->status = (int)status;
        response->url = tq_strdup(fetch->url);
    }
    (void)uv_timer_stop(&fetch->deadline); /* always 0 */
    tq_easy_remove(&fetch->easy);
    tq_door_leave(&http_of(fetch)->doors, &fetch->place);
    tq_transfer_finish(&fetch->transfer, err);
}

/* ---- what libcurl calls: nothing may be added to the multi handle from here ---- */

static bool add_bytes(struct tq_fetch *fetch, struct tq_buf *to, const char *bytes, size_t len)
{
    if (!fetch->request.on_bytes(fetch->transfer.arg, len))
        return tq_err_set(&fetch->reason, TQ_ERR_NET, CURLE_OUT_OF_MEMORY,
                          "http: the response of %s needs more memory than the task may have",
                          tq_fetch_server(fetch));
    tq_buf_add(to, bytes, len);
    return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct tq_fetch *fetch = arg;
    size_t len = size * count;

    fetch->received += len;
    if (fetch->received > fetch->request.max_bytes) {
        (void)tq_err_set(&fetch->reason, TQ_ERR_NET, CURLE_FILESIZE_EXCEEDED,
                         "http: the response of %s is larger than %zu bytes (max_bytes)",
                         tq_fetch_server(fetch), fetch->request.max_bytes);
        return CURL_WRITEFUNC_ERROR;
    }
    if (tq_hop_is_redirect(fetch)) /* nobody will read it */
        return len;
    return add_bytes(fetch, &fetch->request.response->body, bytes, len) ? len
                                                                        : CURL_WRITEFUNC_ERROR;
}

/* One line; each response of the transfer (100 Continue is one) begins with its status. */
static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct tq_fetch *fetch = arg;
    struct tq_buf *headers = &fetch->request.response->headers;
    size_t len = size * count;

    if (len > 5 && strncasecmp(bytes, "HTTP/", 5) == 0) {
        tq_buf_clear(headers);
        fetch->has_location = false;
        return len;
    }
    if (headers->len + len > MAX_HEADER_BYTES) {
        (void)tq_err_set(&fetch->reason, TQ_ERR_NET, CURLE_FILESIZE_EXCEEDED,
                         "http: %s sent more than %d bytes of headers", tq_fetch_server(fetch),
                         MAX_HEADER_BYTES);
        return CURL_WRITEFUNC_ERROR;
    }
    if (len > 9 && strncasecmp(bytes, "location:", 9) == 0)
        fetch->has_location = true;
    return add_bytes(fetch, headers, bytes, len) ? len : CURL_WRITEFUNC_ERROR;
}

static void on_porter(uv_idle_t *porter);

static int on_connected(void *arg, char *to_ip, char *from_ip, int to_port, int from_port)
{
    struct tq_fetch *fetch = arg;

    (void)to_ip;
    (void)from_ip;
    (void)to_port;
    (void)from_port;
    tq_door_connected(&fetch->place);
    (void)uv_idle_start(&http_of(fetch)->porter, on_porter); /* not null */
    return CURL_PREREQFUNC_OK;
}

/* ---- going ---- */

static void come(struct tq_fetch *fetch)
{
    struct tq_http *http = http_of(fetch);

    tq_door_come(&http->doors, &fetch->place, fetch->origin);
    (void)uv_idle_start(&http->porter, on_porter); /* not null */
}

/* The response is complete, or it is a redirect to follow. */
static void on_answer(struct tq_easy *easy, CURLcode code)
{
    struct tq_fetch *fetch = easy->owner;
    struct tq_err err;

    if (code != CURLE_OK) {
        (void)tq_fetch_explain(fetch, code, &err);
        finish(fetch, &err);
    } else if (!tq_hop_is_redirect(fetch)) {
        finish(fetch, NULL);
    } else if (!tq_hop_redirect(fetch, &err)) {
        finish(fetch, &err);
    } else {
        tq_easy_remove(easy);
        come(fetch);
    }
    (void)uv_idle_start(&http_of(fetch)->porter, on_porter); /* its place may be free */
}

static bool set_callbacks(struct tq_fetch *fetch)
{
    CURL *curl = fetch->easy.curl;

    return curl != NULL && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, fetch) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_connected) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PREREQDATA, fetch) == CURLE_OK;
}

static bool go(struct tq_http *http, struct tq_fetch *fetch, struct tq_err *err)
{
    fetch->easy = (struct tq_easy){.curl = curl_easy_init(), .on_done = on_answer, .owner = fetch};
    fetch->received = 0;
    if (!set_callbacks(fetch))
        return tq_err_set(err, TQ_ERR_NET, CURLE_FAILED_INIT, "http: libcurl has no handle");
    if (!tq_hop_set_options(fetch, err))
        return false;
    if (http->multi == NULL && (http->multi = tq_multi_open(http->net, err)) == NULL)
        return false;
    return tq_easy_add(http->multi, &fetch->easy, err);
}

/* Lets in whoever may enter. */
static void on_porter(uv_idle_t *porter)
{
    struct tq_http *http = porter->data;
    struct tq_door_place *place;

    while ((place = tq_door_next(&http->doors)) != NULL) {
        struct tq_fetch *fetch = TQ_OWNER(place, struct tq_fetch, place);
        struct tq_err err;

        if (!go(http, fetch, &err))
            finish(fetch, &err);
    }
    (void)uv_idle_stop(porter); /* always 0 */
}

static void withdraw(struct tq_fetch *fetch)
{
    struct tq_http *http = http_of(fetch);

    tq_easy_remove(&fetch->easy);
    tq_door_leave(&http->doors, &fetch->place);
    if (!tq_net_is_closing(http->net))
        (void)uv_idle_start(&http->porter, on_porter); /* not null */
}

static void on_deadline(uv_timer_t *deadline)
{
    struct tq_fetch *fetch = deadline->data;
    struct tq_err err;

    (void)tq_fetch_explain_deadline(fetch, &err);
    withdraw(fetch);
    finish(fetch, &err);
}

static void cancel_fetch(struct tq_transfer *transfer)
{
    withdraw((struct tq_fetch *)transfer); /* its first member */
}

/* ---- one request ---- */

static void on_kept_long(uv_timer_t *kept)
{
    struct tq_http *http = kept->data;

    tq_multi_close(http->multi);
    http->multi = NULL;
}

static void on_fetch_closed(uv_handle_t *deadline)
{
    struct tq_fetch *fetch = deadline->data;

    tq_net_release(fetch->transfer.net);
    tq_hop_deinit(fetch);
    free(fetch->ca_file);
    free(fetch->proxy);
    free(fetch);
}

static void free_fetch(struct tq_transfer *transfer)
{
    struct tq_fetch *fetch = (struct tq_fetch *)transfer; /* its first member */
    struct tq_http *http = http_of(fetch);

    uv_close((uv_handle_t *)&fetch->deadline, on_fetch_closed);
    if (--http->fetch_count > 0 || http->multi == NULL || tq_net_is_closing(http->net))
        return;
    uv_update_time(tq_net_loop(http->net));
    (void)uv_timer_start(&http->kept, on_kept_long, KEPT_MS, 0); /* not null */
}

static char *copy_or_null(const char *text)
{
    return text != NULL ? tq_strdup(text) : NULL;
}

static struct tq_fetch *new_fetch(struct tq_net *net, const struct tq_http_request *request)
{
    struct tq_fetch *fetch = tq_zalloc(sizeof *fetch);

    fetch->request = *request;
    fetch->method = tq_strdup(request->method);
    fetch->ca_file = copy_or_null(request->ca_file);
    fetch->proxy = copy_or_null(request->proxy);
    fetch->headers = tq_zalloc((request->header_count + 1) * sizeof *fetch->headers);
    fetch->header_count = request->header_count;
    for (size_t i = 0; i < request->header_count; i++)
        fetch->headers[i] = tq_strdup(request->headers[i]);
    fetch->has_body = request->body != NULL;
    if (fetch->has_body)
        tq_buf_add(&fetch->body, request->body, request->body_len);
    (void)uv_timer_init(tq_net_loop(net), &fetch->deadline); /* always 0 */
    fetch->deadline.data = fetch;
    tq_net_hold(net);
    return fetch;
}

struct tq_transfer *tq_net_fetch(struct tq_net *net, const struct tq_http_request *request,
                                 void (*on_done)(void *arg, const struct tq_err *err), void *arg)
{
    struct tq_fetch *fetch = new_fetch(net, request);
    struct tq_http *http = tq_net_http(net);
    struct tq_err err;

    fetch->transfer.net = net;
    fetch->transfer.on_done = on_done;
    fetch->transfer.arg = arg;
    fetch->transfer.cancel = cancel_fetch;
    fetch->transfer.free = free_fetch;
    tq_transfer_begin(&fetch->transfer);
    http->fetch_count++;
    (void)uv_timer_stop(&http->kept); /* always 0 */
    if (!tq_hop_set_url(fetch, request->url, &err)) {
        finish(fetch, &err);
        return &fetch->transfer;
    }
    uv_update_time(tq_net_loop(net)); /* slices of Lua may have made the loop's clock old */
    (void)uv_timer_start(&fetch->deadline, on_deadline, (uint64_t)request->timeout_ms, 0);
    come(fetch);
    return &fetch->transfer;
}

void tq_http_response_deinit(struct tq_http_response *response)
{
    free(response->url);
    tq_buf_deinit(&response->headers);
    tq_buf_deinit(&response->body);
    *response = (struct tq_http_response){0};
}

/* ---- life ---- */

struct tq_http *tq_http_new(struct tq_net *net)
{
    struct tq_http *http = tq_zalloc(sizeof *http);

    http->net = net;
    (void)uv_idle_init(tq_net_loop(net), &http->porter); /* both always 0 */
    (void)uv_timer_init(tq_net_loop(net), &http->kept);
    http->porter.data = http->kept.data = http;
    tq_net_hold(net);
    return http;
}

static void on_kept_closed(uv_handle_t *kept)
{
    struct tq_http *http = kept->data;
    struct tq_net *net = http->net;

    free(http);
    tq_net_release(net);
}

static void on_porter_closed(uv_handle_t *porter)
{
    struct tq_http *http = porter->data;

    uv_close((uv_handle_t *)&http->kept, on_kept_closed);
}

void tq_http_free(struct tq_http *http)
{
    if (http->multi != NULL)
        tq_multi_close(http->multi);
    http->multi = NULL;
    (void)uv_timer_stop(&http->kept); /* always 0 */
    uv_close((uv_handle_t *)&http->porter, on_porter_closed);
}
