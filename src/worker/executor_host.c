// SPDX-License-Identifier: MIT
//
// What waits in an executor's handlers: timers and transfers, each a struct tq_wait on its loop.
#include "worker/executor_host.h"

#include <stdlib.h>

#include "base/memory.h"
#include "net/net.h"
#include "net/smtp.h"

/* ---- sleep ---- */

struct sleep_wait {
    struct tq_wait wait; /* first */
    uv_timer_t timer;
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
    uv_update_time(&sleep->executor->loop); /* slices may have made the loop's clock old */
    (void)uv_timer_init(&sleep->executor->loop, &sleep->timer); /* always 0 */
    (void)uv_timer_start(&sleep->timer, on_sleep_over, (uint64_t)(ms > 0 ? ms : 0), 0);
    return &sleep->wait;
}

/* ---- mail ---- */

struct mail_wait {
    struct tq_wait wait; /* first */
    struct tq_transfer *transfer;
    struct tq_executor *executor;
    struct tq_task *task;
};

static void release_mail(struct tq_wait *wait)
{
    struct mail_wait *mail = (struct mail_wait *)wait;

    if (!wait->is_done)
        tq_transfer_cancel(mail->transfer);
    free(mail);
}

static void on_mail_sent(void *arg, const struct tq_err *err)
{
    struct mail_wait *mail = arg;

    mail->wait.is_done = true;
    mail->wait.is_ok = err == NULL;
    if (err != NULL)
        mail->wait.err = *err;
    tq_executor_wake(mail->executor, mail->task);
}

static struct tq_wait *host_send_mail(void *owner, struct tq_run *run,
                                      const struct tq_letter_mail *letter)
{
    struct mail_wait *mail = tq_zalloc(sizeof *mail);
    struct tq_mail_request request = {
        .url = letter->url,
        .from = letter->from,
        .recipients = letter->recipients,
        .recipient_count = letter->recipient_count,
        .message = letter->message,
        .message_len = letter->message_len,
        .timeout_ms = letter->timeout_ms,
    };

    mail->executor = owner;
    mail->task = tq_run_owner(run);
    mail->wait.release = release_mail;
    mail->transfer = tq_net_send_mail(mail->executor->net, &request, on_mail_sent, mail);
    return &mail->wait;
}

/* ---- the table ---- */

static bool host_is_shutting_down(void *owner)
{
    struct tq_executor *executor = owner;
    bool is_draining = atomic_load_explicit(executor->config.is_draining, memory_order_relaxed);

    if (is_draining && executor->current != NULL)
        executor->current->has_seen_shutdown = true;
    return is_draining;
}

void tq_executor_host_init(struct tq_executor *executor)
{
    executor->host = (struct tq_host){
        .owner = executor,
        .worker_id = executor->config.worker_name,
        .sleep = host_sleep,
        .send_mail = host_send_mail,
        .is_shutting_down = host_is_shutting_down,
    };
}
