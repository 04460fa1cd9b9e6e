// SPDX-License-Identifier: MIT
//
// libcurl's multi handle on a uv loop: libcurl says which sockets to watch and when to be called,
// each socket gets a uv_poll and the time one uv_timer. A second part delivers what has finished,
// from an idle handle.
//
// Closing, in this order: the transfers, because they use connections; the connections, because
// libcurl has to let go of its sockets before they are closed; the multi handle; our two handles.
// The net frees itself in the last close callback.
#include "net/transfer.h"

#include <stdlib.h>

#include "base/memory.h"

struct tq_net {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;   /* libcurl's */
    uv_idle_t delivery; /* active while something has finished */
    struct tq_smtp *smtp;
    struct tq_transfer *live;
    struct tq_transfer *finished, *finished_last;
    size_t holds;                 /* uv handles that are open or closing */
    void (*on_closed)(void *arg); /* set when closing begins */
    void *arg;
};

struct watch {
    uv_poll_t poll;
    struct tq_net *net;
    curl_socket_t fd;
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
    net->on_closed(net->arg);
    free(net);
}

uv_loop_t *tq_net_loop(struct tq_net *net)
{
    return net->loop;
}

bool tq_net_is_closing(const struct tq_net *net)
{
    return net->on_closed != NULL;
}

struct tq_smtp *tq_net_smtp(struct tq_net *net)
{
    return net->smtp;
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

/* ---- libcurl on the loop ---- */

static void read_messages(struct tq_net *net)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(net->multi, &left)) != NULL) {
        CURLcode code = message->data.result; /* the message goes with its handle */
        struct tq_easy *easy = NULL;

        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &easy); /* was set */
        easy->on_done(easy, code);
    }
}

/* A broken multi handle says so when the next easy handle is added. */
static void run_libcurl(struct tq_net *net, curl_socket_t fd, int events)
{
    int running;

    (void)curl_multi_socket_action(net->multi, fd, events, &running);
    read_messages(net);
}

static void on_timer(uv_timer_t *timer)
{
    run_libcurl(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct tq_net *net = user;

    (void)multi;
    if (timeout_ms < 0) {
        (void)uv_timer_stop(&net->timer); /* always 0 */
        return 0;
    }
    uv_update_time(net->loop); /* slices of Lua may have made the loop's clock old */
    return uv_timer_start(&net->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static void on_watch_closed(uv_handle_t *poll)
{
    struct watch *watch = poll->data;

    tq_net_release(watch->net);
    free(watch);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;

    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    run_libcurl(watch->net, watch->fd, flags);
}

static struct watch *open_watch(struct tq_net *net, curl_socket_t fd)
{
    struct watch *watch = tq_zalloc(sizeof *watch);

    if (uv_poll_init_socket(net->loop, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->net = net;
    watch->fd = fd;
    tq_net_hold(net);
    return watch;
}

/* The watch stops before this returns: libcurl closes the socket next. */
static int watch_socket(CURL *curl, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct tq_net *net = user;
    struct watch *watch = socket_user;
    int events = 0;

    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        if (watch == NULL)
            return 0;
        (void)curl_multi_assign(net->multi, fd, NULL); /* it knows the socket */
        uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        return 0;
    }
    if (watch == NULL && (watch = open_watch(net, fd)) == NULL)
        return -1;
    (void)curl_multi_assign(net->multi, fd, watch); /* likewise */
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    return uv_poll_start(&watch->poll, events, on_socket) == 0 ? 0 : -1;
}

bool tq_easy_add(struct tq_net *net, struct tq_easy *easy, struct tq_err *err)
{
    CURLMcode code;

    if (curl_easy_setopt(easy->curl, CURLOPT_PRIVATE, easy) != CURLE_OK)
        return tq_err_set(err, TQ_ERR_NET, CURLE_FAILED_INIT, "libcurl takes no private pointer");
    code = curl_multi_add_handle(net->multi, easy->curl);
    if (code != CURLM_OK)
        return tq_err_set(err, TQ_ERR_NET, CURLE_FAILED_INIT, "libcurl: %s",
                          curl_multi_strerror(code));
    return true;
}

void tq_easy_remove(struct tq_net *net, struct tq_easy *easy)
{
    (void)curl_multi_remove_handle(net->multi, easy->curl); /* fine also when it was not added */
    curl_easy_cleanup(easy->curl);
    easy->curl = NULL;
}

/* ---- life ---- */

static bool open_multi(struct tq_net *net)
{
    net->multi = curl_multi_init();
    return net->multi != NULL &&
           curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_SOCKETDATA, net) == CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_TIMERDATA, net) == CURLM_OK;
}

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
    if (!open_multi(net)) {
        (void)tq_err_set(err, TQ_ERR_NET, CURLE_FAILED_INIT, "cannot make a multi handle");
        (void)curl_multi_cleanup(net->multi); /* also of none */
        free(net);
        return NULL;
    }
    (void)uv_timer_init(loop, &net->timer); /* both always 0 */
    (void)uv_idle_init(loop, &net->delivery);
    net->timer.data = net->delivery.data = net;
    net->holds = 2;
    net->smtp = tq_smtp_new(net);
    return net;
}

static void on_handle_closed(uv_handle_t *handle)
{
    tq_net_release(handle->data);
}

void tq_net_close(struct tq_net *net, void (*on_closed)(void *arg), void *arg)
{
    net->on_closed = on_closed;
    net->arg = arg;
    while (net->live != NULL)
        tq_transfer_cancel(net->live);
    while (net->finished != NULL)
        tq_transfer_cancel(net->finished);
    tq_smtp_free(net->smtp);
    (void)curl_multi_cleanup(net->multi); /* nothing is on it */
    uv_close((uv_handle_t *)&net->timer, on_handle_closed);
    uv_close((uv_handle_t *)&net->delivery, on_handle_closed);
}
