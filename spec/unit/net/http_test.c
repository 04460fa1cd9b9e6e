// SPDX-License-Identifier: MIT
//
// Requests to a server that listens and never answers: cancelling and closing leave nothing behind.
// What servers answer is in spec/worker/http_spec.lua.
#include "net/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/unit.h"

enum { MANY = 100, LONG_MS = 60 * 1000, SHORT_MS = 100 };

struct scene {
    uv_loop_t loop;
    struct tq_net *net;
    int listener;
    char url[64];
    size_t bytes;
    int answers, closed;
    struct tq_err err;
};

static void open_scene(struct scene *scene)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    struct tq_err err;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    scene->listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(scene->listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(scene->listener, MANY) == 0);
    CHECK(getsockname(scene->listener, (struct sockaddr *)&address, &len) == 0);
    (void)snprintf(scene->url, sizeof scene->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    CHECK_INT(uv_loop_init(&scene->loop), 0);
    scene->net = tq_net_new(&scene->loop, &err);
    CHECK_OK(scene->net != NULL, &err);
}

static void on_net_closed(void *arg)
{
    ((struct scene *)arg)->closed++;
}

static void close_scene(struct scene *scene)
{
    tq_net_close(scene->net, on_net_closed, scene);
    CHECK_INT(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
    CHECK_INT(scene->closed, 1);
    CHECK_INT(uv_loop_close(&scene->loop), 0);
    CHECK(close(scene->listener) == 0);
}

static void on_answer(void *arg, const struct tq_err *err)
{
    struct scene *scene = arg;

    CHECK(err != NULL);
    scene->err = *err;
    scene->answers++;
}

static bool on_bytes(void *arg, size_t bytes)
{
    ((struct scene *)arg)->bytes += bytes;
    return true;
}

static struct tq_transfer *begin(struct scene *scene, struct tq_http_response *response,
                                 int64_t timeout_ms)
{
    struct tq_http_request request = {.method = "GET",
                                      .url = scene->url,
                                      .proxy = "",
                                      .timeout_ms = timeout_ms,
                                      .connect_timeout_ms = LONG_MS,
                                      .max_bytes = 1000,
                                      .response = response,
                                      .on_bytes = on_bytes};
    struct tq_transfer *transfer = tq_net_fetch(scene->net, &request, on_answer, scene);

    CHECK_INT(scene->answers, 0);
    return transfer;
}

/* Waits until requests have their connections. */
static void accept_some(struct scene *scene, int *fds, int count)
{
    for (int i = 0; i < count; i++) {
        while ((fds[i] = accept4(scene->listener, NULL, NULL, SOCK_NONBLOCK)) < 0)
            (void)uv_run(&scene->loop, UV_RUN_NOWAIT);
        CHECK(fcntl(scene->listener, F_SETFL, O_NONBLOCK) == 0);
    }
}

UNIT_TEST(closing_ends_requests_in_every_state)
{
    struct scene scene = {0};
    struct tq_http_response responses[MANY] = {0};
    int fds[3];

    open_scene(&scene);
    CHECK(fcntl(scene.listener, F_SETFL, O_NONBLOCK) == 0);
    for (int i = 0; i < MANY; i++) /* more than may connect at once */
        (void)begin(&scene, &responses[i], LONG_MS);
    accept_some(&scene, fds, 3);
    CHECK_INT(send(fds[0], "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 43, 0), 43);
    while (scene.bytes == 0)
        (void)uv_run(&scene.loop, UV_RUN_NOWAIT);

    close_scene(&scene);

    CHECK_INT(scene.answers, 0);
    for (int i = 0; i < MANY; i++)
        tq_http_response_deinit(&responses[i]);
    for (int i = 0; i < 3; i++)
        CHECK(close(fds[i]) == 0);
}

UNIT_TEST(a_cancelled_request_closes_its_connection)
{
    struct scene scene = {0};
    struct tq_http_response responses[2] = {0};
    char bytes[4096];
    int fds[1];
    ssize_t len;

    open_scene(&scene);
    CHECK(fcntl(scene.listener, F_SETFL, O_NONBLOCK) == 0);
    struct tq_transfer *first = begin(&scene, &responses[0], LONG_MS);
    accept_some(&scene, fds, 1);
    struct tq_transfer *second = begin(&scene, &responses[1], LONG_MS); /* it has not entered */
    tq_transfer_cancel(second);
    tq_transfer_cancel(first);

    do {
        (void)uv_run(&scene.loop, UV_RUN_NOWAIT);
        len = recv(fds[0], bytes, sizeof bytes, 0);
    } while (len != 0);
    CHECK_INT(scene.answers, 0);
    close_scene(&scene);
    CHECK(close(fds[0]) == 0);
}

UNIT_TEST(the_deadline_counts_the_waiting_at_the_door)
{
    struct scene scene = {0};
    struct tq_http_response responses[MANY] = {0}, late = {0};

    open_scene(&scene);
    for (int i = 0; i < MANY; i++)
        (void)begin(&scene, &responses[i], LONG_MS);
    (void)begin(&scene, &late, SHORT_MS);
    while (scene.answers == 0)
        (void)uv_run(&scene.loop, UV_RUN_ONCE);

    CHECK_INT(scene.err.code, 28);
    CHECK(strstr(scene.err.message, "within 100 ms") != NULL ||
          strstr(scene.err.message, "waited 100 ms") != NULL);
    close_scene(&scene);
}

UNIT_TEST(what_is_no_url_fails_later)
{
    struct scene scene = {0};
    struct tq_http_response response = {0};

    open_scene(&scene);
    (void)snprintf(scene.url, sizeof scene.url, "http://");
    (void)begin(&scene, &response, LONG_MS);
    while (scene.answers == 0)
        (void)uv_run(&scene.loop, UV_RUN_ONCE);

    CHECK_INT(scene.err.code, 3);
    close_scene(&scene);
}
