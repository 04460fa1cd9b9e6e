// SPDX-License-Identifier: MIT
//
// taskq.sleep: a timer on the executor's loop.
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "worker/executor_state.h"

struct sleep_wait {
    struct tq_wait wait; /* first */
    uv_timer_t timer;
    int64_t until_us; /* tq_clock_us() */
    struct tq_executor *executor;
    struct tq_task *task;
};

static void on_sleep_closed(uv_handle_t *timer)
{
    free(timer->data);
}

static void release_sleep(struct tq_wait *wait)
{
    struct sleep_wait *sleep = (struct sleep_wait *)wait;

    uv_close((uv_handle_t *)&sleep->timer, on_sleep_closed);
}

static void on_sleep_over(uv_timer_t *timer)
{
    struct sleep_wait *sleep = timer->data;

    /* Timers count from whole milliseconds. */
    if (tq_clock_us() < sleep->until_us) {
        (void)uv_timer_start(timer, on_sleep_over, 1, 0); /* not null */
        return;
    }
    sleep->wait.is_done = sleep->wait.is_ok = true;
    tq_executor_wake(sleep->executor, sleep->task);
}

static struct tq_wait *host_sleep(void *owner, struct tq_run *run, int64_t ms)
{
    struct sleep_wait *sleep = tq_zalloc(sizeof *sleep);

    sleep->executor = owner;
    sleep->task = tq_run_owner(run);
    sleep->wait.release = release_sleep;
    sleep->timer.data = sleep;
    sleep->until_us = tq_clock_us() + ms * 1000;
    uv_update_time(&sleep->executor->loop); /* slices may have made the loop's clock old */
    (void)uv_timer_init(&sleep->executor->loop, &sleep->timer); /* always 0 */
    (void)uv_timer_start(&sleep->timer, on_sleep_over, (uint64_t)(ms > 0 ? ms : 0), 0);
    return &sleep->wait;
}

void tq_host_add_sleep(struct tq_host *host)
{
    host->sleep = host_sleep;
}
