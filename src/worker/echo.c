// SPDX-License-Identifier: MIT
//
// Calling, and waiting for the echo.
#include "worker/echo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "worker/claimer.h"

enum {
    MARK = '?',          /* what payloads of echoes begin with */
    MOST_DOUBLINGS = 12, /* more than an hour of the shortest lease */
    LONGEST_MS = 3600 * 1000,
    READ_MS = 100, /* for an echo that came while the loop was held up: timers go before reads */
    LOOKS = 8,     /* for a moment of sleep, in the time between two calls */
};

struct tq_echo {
    struct tq_echo_config config;
    uv_timer_t timer;
    struct tq_request request;
    bool is_waiting, is_overdue;
    int resets; /* in a row */
    char payload[24];
};

static void on_timer(uv_timer_t *timer);

static void arm(struct tq_echo *echo, int64_t ms)
{
    (void)uv_timer_start(&echo->timer, on_timer, (uint64_t)ms, 0); /* not null */
}

static int64_t interval_ms(const struct tq_echo *echo)
{
    int64_t ms = echo->config.lease_ms << echo->resets;

    return ms < LONGEST_MS ? ms : LONGEST_MS;
}

struct tq_echo *tq_echo_new(const struct tq_echo_config *config)
{
    struct tq_echo *echo = tq_zalloc(sizeof *echo);

    (void)snprintf(echo->payload, sizeof echo->payload, "%c%" PRIx64, MARK, tq_random());
    echo->config = *config;
    echo->request.connection = config->caller;
    (void)uv_timer_init(config->loop, &echo->timer); /* always 0 */
    echo->timer.data = echo;
    if (config->listener != NULL)
        arm(echo, interval_ms(echo));
    return echo;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void tq_echo_close(struct tq_echo *echo)
{
    uv_close((uv_handle_t *)&echo->timer, on_closed);
}

void tq_echo_forget(struct tq_echo *echo)
{
    echo->is_waiting = false;
}

bool tq_echo_hear(struct tq_echo *echo, const char *payload)
{
    if (*payload != MARK)
        return false;
    if (strcmp(payload, echo->payload) == 0) {
        echo->is_waiting = false;
        echo->resets = 0;
        if (!echo->request.is_pending)
            arm(echo, interval_ms(echo));
    }
    return true;
}

/* The call is on its way; only now the wait begins. */
static void on_called(struct tq_request *request, const struct tq_rows *rows,
                      const struct tq_err *err)
{
    struct tq_echo *echo = TQ_OWNER(request, struct tq_echo, request);

    (void)rows;                      /* one row without a value */
    echo->is_waiting &= err == NULL; /* the control connection has troubles of its own */
    arm(echo, echo->is_waiting ? echo->config.lease_ms / 2 : interval_ms(echo));
}

static void call(struct tq_echo *echo)
{
    echo->is_waiting = true;
    echo->is_overdue = false;
    echo->request.on_done = on_called;
    tq_repository_echo(&echo->request, echo->payload);
}

static void give_up(struct tq_echo *echo)
{
    struct tq_err err;

    echo->is_waiting = false;
    if (echo->resets < MOST_DOUBLINGS)
        echo->resets++;
    arm(echo, interval_ms(echo));
    (void)tq_err_set(&err, TQ_ERR_CONNECT, 0,
                     "notifications do not arrive (does a pooler in transaction mode, or a proxy, "
                     "stand in between?)");
    tq_connection_reset(echo->config.listener, &err);
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_echo *echo = timer->data;
    const struct tq_echo_config *config = &echo->config;

    if (echo->request.is_pending)
        return; /* on_called goes on */
    if (!tq_connection_is_ready(config->listener) || !tq_connection_is_ready(config->caller)) {
        echo->is_waiting = false;
        arm(echo, interval_ms(echo));
    } else if (echo->is_waiting && !echo->is_overdue) {
        echo->is_overdue = true;
        arm(echo, READ_MS);
    } else if (echo->is_waiting) {
        give_up(echo);
    } else if (tq_claimer_is_asleep(config->claimer)) {
        call(echo);
    } else {
        arm(echo, interval_ms(echo) / LOOKS + 1);
    }
}
