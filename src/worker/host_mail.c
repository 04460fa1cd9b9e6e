// SPDX-License-Identifier: MIT
//
// taskq.mail: a transfer to a mail server.
#include <stdlib.h>

#include "base/memory.h"
#include "net/net.h"
#include "net/smtp.h"
#include "worker/executor_state.h"

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

void tq_host_add_mail(struct tq_host *host)
{
    host->send_mail = host_send_mail;
}
