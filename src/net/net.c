// SPDX-License-Identifier: MIT
//
// The transfers of a net, and its life. What has finished is delivered from an idle handle.
//
// Closing, in this order: the transfers, because they use connections; the protocols with their
// connections; our own handle. The net frees itself in the last close callback.
#include "net/transfer.h"

#include <stdlib.h>

#include <curl/curl.h>

#include "base/memory.h"

struct tq_net {
    uv_loop_t *loop;
    uv_idle_t delivery; /* active while something has finished */
    struct tq_smtp *smtp;
    struct tq_http *http;
    struct tq_transfer *live;
    struct tq_transfer *finished, *finished_last;
    size_t holds; /* uv handles that are open or closing */
    bool is_closing;
    void (*on_closed)(void *arg); /* or NULL */
    void *arg;
};

static CURLcode global_code; /* written under the once guard below, constant afterwards */

static void init_libcurl(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

void tq_net_hold(struct tq_net *net)
{
    net->holds++;
}

void tq_net_release(struct tq_net *net)
{
    if (--net->holds > 0)
        return;
    if (net->on_closed != NULL)
        net->on_closed(net->arg);
    free(net);
}

uv_loop_t *tq_net_loop(struct tq_net *net)
{
    return net->loop;
}

bool tq_net_is_closing(const struct tq_net *net)
{
    return net->is_closing;
}

struct tq_smtp *tq_net_smtp(struct tq_net *net)
{
    return net->smtp;
}

struct tq_http *tq_net_http(struct tq_net *net)
{
    return net->http;
}

/* ---- transfers ---- */

static void unlink_transfer(struct tq_transfer *transfer)
{
    struct tq_net *net = transfer->net;

    if (transfer->next != NULL)
        transfer->next->previous = transfer->previous;
    else if (transfer->is_finished)
        net->finished_last = transfer->previous;
    if (transfer->previous != NULL)
        transfer->previous->next = transfer->next;
    else if (transfer->is_finished)
        net->finished = transfer->next;
    else
        net->live = transfer->next;
    transfer->previous = transfer->next = NULL;
}

void tq_transfer_begin(struct tq_transfer *transfer)
{
    struct tq_net *net = transfer->net;

    transfer->next = net->live;
    if (net->live != NULL)
        net->live->previous = transfer;
    net->live = transfer;
}

static void deliver(struct tq_net *net)
{
    struct tq_transfer *transfer = net->finished;

    unlink_transfer(transfer);
    transfer->on_done(transfer->arg, transfer->is_ok ? NULL : &transfer->err);
    transfer->free(transfer);
}

static void on_delivery(uv_idle_t *idle)
{
    struct tq_net *net = idle->data;

    while (net->finished != NULL)
        deliver(net);
    (void)uv_idle_stop(idle); /* always 0 */
}

void tq_transfer_finish(struct tq_transfer *transfer, const struct tq_err *err)
{
    struct tq_net *net = transfer->net;

    unlink_transfer(transfer);
    transfer->is_finished = true;
    transfer->is_ok = err == NULL;
    if (err != NULL)
        transfer->err = *err;
    transfer->previous = net->finished_last;
    if (net->finished_last != NULL)
        net->finished_last->next = transfer;
    else
        net->finished = transfer;
    net->finished_last = transfer;
    (void)uv_idle_start(&net->delivery, on_delivery); /* not null */
}

void tq_transfer_cancel(struct tq_transfer *transfer)
{
    unlink_transfer(transfer);
    if (!transfer->is_finished)
        transfer->cancel(transfer);
    transfer->free(transfer);
}

/* ---- life ---- */

struct tq_net *tq_net_new(uv_loop_t *loop, struct tq_err *err)
{
    static uv_once_t once = UV_ONCE_INIT; /* curl_global_init need not be thread-safe */
    struct tq_net *net;

    uv_once(&once, init_libcurl);
    if (global_code != CURLE_OK) {
        (void)tq_err_set(err, TQ_ERR_NET, (int)global_code, "cannot start libcurl: %s",
                         curl_easy_strerror(global_code));
        return NULL;
    }
    net = tq_zalloc(sizeof *net);
    net->loop = loop;
    (void)uv_idle_init(loop, &net->delivery); /* always 0 */
    net->delivery.data = net;
    net->holds = 1;
    net->smtp = tq_smtp_new(net);
    net->http = tq_http_new(net);
    return net;
}

static void on_handle_closed(uv_handle_t *handle)
{
    tq_net_release(handle->data);
}

void tq_net_close(struct tq_net *net, void (*on_closed)(void *arg), void *arg)
{
    net->is_closing = true;
    net->on_closed = on_closed;
    net->arg = arg;
    while (net->live != NULL)
        tq_transfer_cancel(net->live);
    while (net->finished != NULL)
        tq_transfer_cancel(net->finished);
    tq_smtp_free(net->smtp);
    tq_http_free(net->http);
    uv_close((uv_handle_t *)&net->delivery, on_handle_closed);
}
