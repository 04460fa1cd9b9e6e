// SPDX-License-Identifier: MIT
//
// A web server that answers each request after DELAY ms, for bench/run: one thread, epoll, a queue
// of answers in the order of their time. Prints its port.
//
//   http_server DELAY
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FDS = 65536, EVENTS = 256, BACKLOG = 4096 };

static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static struct {
    int fd;
    int64_t due_ms;
} queue[MAX_FDS]; /* a ring: a client has one request at a time */
static size_t first, last;

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* it exists */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        err(1, "cannot listen");
    (void)printf("%d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void accept_all(int listener, int loop)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) != 0)
            err(1, "cannot watch a client");
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        err(1, "cannot accept a client");
}

/* A request comes in one piece on loopback, and has no body. */
static void read_request(int fd, int delay_ms)
{
    char bytes[4096];
    ssize_t len = read(fd, bytes, sizeof bytes);

    if (len <= 0) {
        (void)close(fd);
        return;
    }
    queue[last % MAX_FDS].fd = fd;
    queue[last % MAX_FDS].due_ms = now_ms() + delay_ms;
    last++;
}

static int answer_due(void)
{
    while (first < last) {
        int64_t left_ms = queue[first % MAX_FDS].due_ms - now_ms();

        if (left_ms > 0)
            return (int)left_ms;
        (void)send(queue[first % MAX_FDS].fd, response, sizeof response - 1, MSG_NOSIGNAL);
        first++;
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    int delay_ms = argc == 2 ? atoi(argv[1]) : 500, listener, loop = epoll_create1(0);

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* accept says when there are too few */
    }
    event.data.fd = listener = listen_somewhere();
    if (epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event) != 0)
        err(1, "cannot watch for clients");
    for (;;) {
        int count = epoll_wait(loop, events, EVENTS, answer_due());

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener, loop);
            else
                read_request(events[i].data.fd, delay_ms);
        }
    }
}
