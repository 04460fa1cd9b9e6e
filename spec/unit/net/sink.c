// SPDX-License-Identifier: MIT
//
// The sink: poll(2) over its connections. Its checks end the test's process.
#include "unit/net/sink.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/unit.h"

static const struct sink_rule usual_rules[] = {
    {"", "220 sink"},          {"EHLO", "250 sink"}, {"MAIL", "250 sender"},
    {"RCPT", "250 recipient"}, {"DATA", "354 go"},   {".", "250 taken"},
    {"RSET", "250 reset"},     {"QUIT", "221 bye"},  {NULL, NULL},
};

static const struct sink_rule *find_rule(const struct sink_rule *rules, const char *line)
{
    for (; rules != NULL && rules->command != NULL; rules++) {
        size_t len = strlen(rules->command);

        if (len == 0 ? *line == '\0' : strncmp(rules->command, line, len) == 0)
            return rules;
    }
    return NULL;
}

static void hang_up(struct sink_peer *peer)
{
    (void)close(peer->fd);
    peer->fd = -1;
    tq_buf_deinit(&peer->in);
}

static void answer(struct sink *sink, struct sink_peer *peer, const char *line)
{
    const struct sink_rule *rule = find_rule(sink->rules, line);
    static const struct sink_rule impatience = {"MAIL", "421 too late"};
    char text[1024];

    if (rule == NULL)
        rule = find_rule(usual_rules, line);
    if (sink->has_short_patience && peer->letters > 0 && strncmp(line, "MAIL", 4) == 0)
        rule = &impatience;
    CHECK(rule != NULL);
    if (rule->reply == NULL)
        return;
    (void)snprintf(text, sizeof text, "%s\r\n", rule->reply);
    if (*rule->reply != '\0')
        (void)send(peer->fd, text, strlen(text), MSG_NOSIGNAL); /* it may have left */
    if (*rule->reply == '\0' || strncmp(rule->reply, "221", 3) == 0)
        hang_up(peer);
    peer->is_in_message = strncmp(rule->reply, "354", 3) == 0;
}

static void hear(struct sink *sink, struct sink_peer *peer, const char *line)
{
    bool is_end = strcmp(line, ".") == 0;

    tq_buf_addf(&sink->heard, "%s\n", line);
    if (!peer->is_in_message || is_end) {
        peer->is_in_message = false;
        answer(sink, peer, line);
        peer->letters += is_end;
    }
    atomic_fetch_add(&sink->lines, 1);
}

static void read_from(struct sink *sink, struct sink_peer *peer)
{
    char bytes[4096], *end;
    ssize_t len = recv(peer->fd, bytes, sizeof bytes, 0);

    if (len <= 0) {
        hang_up(peer);
        return;
    }
    tq_buf_add(&peer->in, bytes, (size_t)len);
    while (peer->fd >= 0 && (end = strstr(peer->in.data, "\r\n")) != NULL) {
        size_t taken = (size_t)(end - peer->in.data) + 2;

        *end = '\0';
        hear(sink, peer, peer->in.data);
        if (peer->fd < 0)
            return;
        memmove(peer->in.data, peer->in.data + taken, peer->in.len - taken + 1);
        peer->in.len -= taken;
    }
}

static void take_peer(struct sink *sink)
{
    struct sink_peer *peer = sink->peers;

    while (peer->fd >= 0)
        peer++;
    CHECK(peer < sink->peers + SINK_PEERS);
    *peer = (struct sink_peer){.fd = accept(sink->listener, NULL, NULL)};
    CHECK(peer->fd >= 0);
    atomic_fetch_add(&sink->connections, 1);
    answer(sink, peer, "");
}

static bool has_peer(const struct sink *sink)
{
    for (int i = 0; i < SINK_PEERS; i++) {
        if (sink->peers[i].fd >= 0)
            return true;
    }
    return false;
}

static void run(void *arg)
{
    struct sink *sink = arg;
    struct pollfd fds[SINK_PEERS + 2] = {{.fd = sink->listener, .events = POLLIN},
                                         {.fd = sink->stop[0], .events = POLLIN}};

    while (fds[1].fd >= 0 || has_peer(sink)) {
        for (int i = 0; i < SINK_PEERS; i++)
            fds[i + 2] = (struct pollfd){.fd = sink->peers[i].fd, .events = POLLIN};
        CHECK(poll(fds, SINK_PEERS + 2, -1) > 0);
        for (int i = 0; i < SINK_PEERS; i++) {
            if (fds[i + 2].revents != 0)
                read_from(sink, &sink->peers[i]);
        }
        if (fds[0].revents != 0)
            take_peer(sink);
        if (fds[1].revents != 0)
            fds[1].fd = -1; /* from now on only what was said is heard */
    }
}

void sink_start(struct sink *sink)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    for (int i = 0; i < SINK_PEERS; i++)
        sink->peers[i].fd = -1;
    sink->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(sink->listener >= 0);
    CHECK_INT(bind(sink->listener, (struct sockaddr *)&address, len), 0);
    CHECK_INT(listen(sink->listener, 64), 0);
    CHECK_INT(getsockname(sink->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(sink->url, sizeof sink->url, "smtp://127.0.0.1:%d", ntohs(address.sin_port));
    CHECK_INT(pipe(sink->stop), 0);
    CHECK_INT(uv_thread_create(&sink->thread, run, sink), 0);
}

void sink_stop(struct sink *sink)
{
    CHECK_INT(write(sink->stop[1], "", 1), 1);
    CHECK_INT(uv_thread_join(&sink->thread), 0);
    (void)close(sink->listener);
    (void)close(sink->stop[0]);
    (void)close(sink->stop[1]);
}

void sink_free(struct sink *sink)
{
    tq_buf_deinit(&sink->heard);
}
