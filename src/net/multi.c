// SPDX-License-Identifier: MIT
//
// The multi handle. Closing, in this order: the connections, because libcurl has to let go of its
// sockets before they are closed; the timer. The multi frees itself in the timer's close callback.
#include "net/multi.h"

#include <stdlib.h>

#include <uv.h>

#include "base/memory.h"
#include "net/transfer.h"

struct tq_multi {
    struct tq_net *net;
    CURLM *curl;
    uv_timer_t timer; /* libcurl's */
};

struct watch {
    uv_poll_t poll;
    struct tq_multi *multi;
    struct tq_net *net; /* a watch may close after its multi */
    curl_socket_t fd;
};

static void read_messages(struct tq_multi *multi)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
        CURLcode code = message->data.result; /* the message goes with its handle */
        struct tq_easy *easy = NULL;

        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &easy); /* was set */
        easy->on_done(easy, code);
    }
}

/* A broken multi handle says so when the next easy handle is added. */
static void run_libcurl(struct tq_multi *multi, curl_socket_t fd, int events)
{
    int running;

    (void)curl_multi_socket_action(multi->curl, fd, events, &running);
    read_messages(multi);
}

static void on_timer(uv_timer_t *timer)
{
    run_libcurl(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *curl, long timeout_ms, void *user)
{
    struct tq_multi *multi = user;

    (void)curl;
    if (timeout_ms < 0) {
        (void)uv_timer_stop(&multi->timer); /* always 0 */
        return 0;
    }
    uv_update_time(tq_net_loop(multi->net)); /* slices of Lua may have made its clock old */
    return uv_timer_start(&multi->timer, on_timer, (uint64_t)timeout_ms, 0);
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
    run_libcurl(watch->multi, watch->fd, flags);
}

static struct watch *open_watch(struct tq_multi *multi, curl_socket_t fd)
{
    struct watch *watch = tq_zalloc(sizeof *watch);

    if (uv_poll_init_socket(tq_net_loop(multi->net), &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->multi = multi;
    watch->net = multi->net;
    watch->fd = fd;
    tq_net_hold(watch->net);
    return watch;
}

/* The watch stops before this returns: libcurl closes the socket next. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct tq_multi *multi = user;
    struct watch *watch = socket_user;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch == NULL)
            return 0;
        (void)curl_multi_assign(multi->curl, fd, NULL); /* it knows the socket */
        uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        return 0;
    }
    if (watch == NULL && (watch = open_watch(multi, fd)) == NULL)
        return -1;
    (void)curl_multi_assign(multi->curl, fd, watch); /* likewise */
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    return uv_poll_start(&watch->poll, events, on_socket) == 0 ? 0 : -1;
}

bool tq_easy_add(struct tq_multi *multi, struct tq_easy *easy, struct tq_err *err)
{
    CURLMcode code;

    if (curl_easy_setopt(easy->curl, CURLOPT_PRIVATE, easy) != CURLE_OK)
        return tq_err_set(err, TQ_ERR_NET, CURLE_FAILED_INIT, "libcurl takes no private pointer");
    code = curl_multi_add_handle(multi->curl, easy->curl);
    if (code != CURLM_OK)
        return tq_err_set(err, TQ_ERR_NET, CURLE_FAILED_INIT, "libcurl: %s",
                          curl_multi_strerror(code));
    easy->multi = multi;
    return true;
}

void tq_easy_remove(struct tq_easy *easy)
{
    if (easy->multi != NULL)
        (void)curl_multi_remove_handle(easy->multi->curl, easy->curl); /* it is on it */
    curl_easy_cleanup(easy->curl);                                     /* also NULL */
    easy->multi = NULL;
    easy->curl = NULL;
}

/* ---- life ---- */

static bool set_callbacks(struct tq_multi *multi)
{
    CURLM *curl = multi->curl;

    return curl != NULL &&
           curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK &&
           curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi) == CURLM_OK &&
           curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK &&
           curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi) == CURLM_OK;
}

struct tq_multi *tq_multi_open(struct tq_net *net, struct tq_err *err)
{
    struct tq_multi *multi = tq_zalloc(sizeof *multi);

    multi->net = net;
    multi->curl = curl_multi_init();
    if (!set_callbacks(multi)) {
        (void)tq_err_set(err, TQ_ERR_NET, CURLE_FAILED_INIT, "cannot make a multi handle");
        (void)curl_multi_cleanup(multi->curl); /* also of none */
        free(multi);
        return NULL;
    }
    (void)uv_timer_init(tq_net_loop(net), &multi->timer); /* always 0 */
    multi->timer.data = multi;
    tq_net_hold(net);
    return multi;
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct tq_multi *multi = timer->data;

    tq_net_release(multi->net);
    free(multi);
}

void tq_multi_close(struct tq_multi *multi)
{
    (void)curl_multi_cleanup(multi->curl); /* nothing is on it */
    uv_close((uv_handle_t *)&multi->timer, on_timer_closed);
}
