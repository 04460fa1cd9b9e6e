// SPDX-License-Identifier: MIT
//
// Mail: each is a transfer, and waits in a queue until a session (a connection) is there for it:
// an idle one to the same server, or a new one while there are fewer than MAX_SESSIONS. Servers
// limit the connections of a client too, and a login with TLS costs more than many letters.
//
// A mail has one deadline for everything. When it passes, or the mail is cancelled, the session
// that carries the mail is broken off, so the server never sees the end of the message.
#include "net/smtp.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/smtp_session.h"

enum {
    MAX_SESSIONS = 8,
    MAX_ADDRESS_BYTES = 320, /* RFC 5321, 4.5.3.1: 64 + 1 + 255 */
    WHAT_BYTES = 400,
    /* libcurl's beyond a mail's deadline, whose message is the better one. Each address of a server
       but the last gets half of libcurl's. */
    PATIENCE_MS = 1000,
};

struct mail {
    struct tq_transfer transfer; /* first */
    char *url;
    struct tq_smtp_letter letter;
    int64_t timeout_ms;
    uv_timer_t deadline;
    struct tq_smtp_session *session; /* NULL while the mail is in the queue */
    struct mail *next;               /* in the queue */
};

struct tq_smtp {
    struct tq_net *net;
    struct tq_multi *multi; /* NULL until the first session */
    struct tq_smtp_session *sessions;
    size_t session_count;
    struct mail *first, **last; /* the queue */
};

static void dispatch(struct tq_smtp *smtp);

/* ---- sessions ---- */

static void forget_session(struct tq_smtp *smtp, struct tq_smtp_session *session)
{
    if (session->next != NULL)
        session->next->previous = session->previous;
    if (session->previous != NULL)
        session->previous->next = session->next;
    else
        smtp->sessions = session->next;
    smtp->session_count--;
}

static void close_session(struct tq_smtp *smtp, struct tq_smtp_session *session)
{
    forget_session(smtp, session);
    tq_smtp_session_close(session);
}

static void on_session_gone(struct tq_smtp_session *session)
{
    forget_session(session->pool, session);
}

static struct tq_smtp_session *open_session(struct tq_smtp *smtp, const struct mail *mail,
                                            struct tq_err *err)
{
    if (smtp->multi == NULL && (smtp->multi = tq_multi_open(smtp->net, err)) == NULL)
        return NULL;

    const struct tq_smtp_session_config config = {
        .net = smtp->net,
        .multi = smtp->multi,
        .url = mail->url,
        .timeout_ms = mail->timeout_ms + PATIENCE_MS,
        .on_gone = on_session_gone,
        .pool = smtp,
    };
    struct tq_smtp_session *session = tq_smtp_session_open(&config, err);

    if (session == NULL)
        return NULL;
    session->next = smtp->sessions;
    if (smtp->sessions != NULL)
        smtp->sessions->previous = session;
    smtp->sessions = session;
    smtp->session_count++;
    return session;
}

/* An idle session to this server; with no URL, to any. */
static struct tq_smtp_session *find_idle(struct tq_smtp *smtp, const char *url)
{
    for (struct tq_smtp_session *session = smtp->sessions; session != NULL;
         session = session->next) {
        if (session->state == TQ_SMTP_IDLE && (url == NULL || strcmp(session->url, url) == 0))
            return session;
    }
    return NULL;
}

/* ---- the queue ---- */

static void append(struct tq_smtp *smtp, struct mail *mail)
{
    mail->session = NULL;
    mail->next = NULL;
    *smtp->last = mail;
    smtp->last = &mail->next;
}

static void remove_from_queue(struct tq_smtp *smtp, struct mail *mail)
{
    struct mail **place = &smtp->first;

    while (*place != mail)
        place = &(*place)->next;
    *place = mail->next;
    if (smtp->last == &mail->next)
        smtp->last = place;
}

static void finish(struct mail *mail, const struct tq_err *err)
{
    (void)uv_timer_stop(&mail->deadline); /* always 0 */
    tq_transfer_finish(&mail->transfer, err);
}

static void on_result(void *owner, enum tq_smtp_result result, const struct tq_err *err)
{
    struct mail *mail = owner;
    struct tq_smtp_session *session = mail->session;
    struct tq_smtp *smtp = session->pool;

    if (session->state == TQ_SMTP_CLOSED)
        forget_session(smtp, session);
    mail->session = NULL;
    if (result == TQ_SMTP_STALE)
        append(smtp, mail);
    else
        finish(mail, err);
    dispatch(smtp);
}

/* A session for the mail, or NULL: it failed, or (without err) has to wait. */
static struct tq_smtp_session *get_session(struct tq_smtp *smtp, const struct mail *mail,
                                           struct tq_err *err)
{
    struct tq_smtp_session *session = find_idle(smtp, mail->url), *other;

    if (session != NULL)
        return session;
    if (smtp->session_count >= MAX_SESSIONS) {
        other = find_idle(smtp, NULL);
        if (other == NULL)
            return NULL;
        close_session(smtp, other);
    }
    return open_session(smtp, mail, err);
}

/* The first one waits for a session, the others wait behind it. */
static void dispatch(struct tq_smtp *smtp)
{
    while (smtp->first != NULL && !tq_net_is_closing(smtp->net)) {
        struct mail *mail = smtp->first;
        struct tq_err err = {.domain = TQ_ERR_NONE};
        struct tq_smtp_session *session = get_session(smtp, mail, &err);

        if (session == NULL && err.domain == TQ_ERR_NONE)
            return;
        remove_from_queue(smtp, mail);
        if (session == NULL) {
            finish(mail, &err);
            continue;
        }
        mail->session = session;
        tq_smtp_session_send(session, &mail->letter, on_result, mail);
    }
}

/* ---- mail ---- */

static void on_mail_closed(uv_handle_t *deadline)
{
    struct mail *mail = deadline->data;

    tq_net_release(mail->transfer.net);
    for (size_t i = 0; i < mail->letter.recipient_count; i++)
        free(mail->letter.recipients[i]);
    free(mail->letter.recipients);
    free(mail->letter.from);
    tq_buf_deinit(&mail->letter.data);
    free(mail->url);
    free(mail);
}

static void free_mail(struct tq_transfer *transfer)
{
    uv_close((uv_handle_t *)&((struct mail *)transfer)->deadline, on_mail_closed);
}

/* Takes the mail out of the queue or away from its session, which is lost. */
static void withdraw(struct mail *mail)
{
    struct tq_smtp *smtp = tq_net_smtp(mail->transfer.net);

    if (mail->session == NULL)
        remove_from_queue(smtp, mail);
    else
        close_session(smtp, mail->session);
    mail->session = NULL;
}

static void cancel_mail(struct tq_transfer *transfer)
{
    struct mail *mail = (struct mail *)transfer; /* its first member */

    withdraw(mail);
    dispatch(tq_net_smtp(transfer->net));
}

static void on_deadline(uv_timer_t *deadline)
{
    struct mail *mail = deadline->data;
    struct tq_err err;
    char what[WHAT_BYTES];

    if (mail->session == NULL) {
        (void)tq_err_set(&err, TQ_ERR_NET, CURLE_OPERATION_TIMEDOUT,
                         "the mail waited %lld ms for one of %d connections to its server",
                         (long long)mail->timeout_ms, MAX_SESSIONS);
    } else {
        tq_smtp_session_describe(mail->session, what, sizeof what);
        (void)tq_err_set(&err, TQ_ERR_NET, CURLE_OPERATION_TIMEDOUT,
                         "the mail was not sent within %lld ms: %s took too long %s",
                         (long long)mail->timeout_ms, mail->session->server.name, what);
    }
    withdraw(mail);
    finish(mail, &err);
    dispatch(tq_net_smtp(mail->transfer.net));
}

/* An address goes into a line of its own, between < and >. */
static bool check_address(const char *address, const char *what, struct tq_err *err)
{
    size_t len = strlen(address);
    bool is_plain = len <= MAX_ADDRESS_BYTES;

    for (size_t i = 0; i < len && is_plain; i++)
        is_plain = address[i] > 0x20 && address[i] < 0x7f && strchr("<>", address[i]) == NULL;
    if (is_plain)
        return true;
    return tq_err_set(err, TQ_ERR_NET, CURLE_BAD_FUNCTION_ARGUMENT,
                      "%s must be a bare address such as ada@mail.example, of at most %d ASCII "
                      "characters",
                      what, MAX_ADDRESS_BYTES);
}

static bool check_request(const struct tq_mail_request *request, struct tq_err *err)
{
    bool is_fine = check_address(request->from, "the sender", err);

    if (is_fine && request->recipient_count == 0)
        return tq_err_set(err, TQ_ERR_NET, CURLE_BAD_FUNCTION_ARGUMENT, "the mail goes to nobody");
    for (size_t i = 0; i < request->recipient_count && is_fine; i++) {
        is_fine = check_address(request->recipients[i], "a recipient", err);
        if (is_fine && *request->recipients[i] == '\0')
            return tq_err_set(err, TQ_ERR_NET, CURLE_BAD_FUNCTION_ARGUMENT, "a recipient is empty");
    }
    return is_fine;
}

/* RFC 5321, 4.5.2: a line that begins with a dot gets another one; a line of one dot ends it all.
 */
static void add_text(struct tq_buf *data, const char *text, size_t len)
{
    const char *at = text, *end = text + len;

    tq_buf_reserve(data, len + len / 64 + 8);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline != NULL ? newline + 1 : end;

        if (*at == '.')
            tq_buf_add_char(data, '.');
        tq_buf_add(data, at, (size_t)(next - at));
        at = next;
    }
    if (len > 0 && text[len - 1] != '\n')
        tq_buf_add_text(data, "\r\n");
    tq_buf_add_text(data, ".\r\n");
}

static struct mail *new_mail(struct tq_net *net, const struct tq_mail_request *request)
{
    struct mail *mail = tq_zalloc(sizeof *mail);
    struct tq_smtp_letter *letter = &mail->letter;

    mail->url = tq_strdup(request->url);
    mail->timeout_ms = request->timeout_ms;
    letter->from = tq_strdup(request->from);
    letter->recipients = tq_zalloc((request->recipient_count + 1) * sizeof *letter->recipients);
    letter->recipient_count = request->recipient_count;
    for (size_t i = 0; i < request->recipient_count; i++)
        letter->recipients[i] = tq_strdup(request->recipients[i]);
    add_text(&letter->data, request->message, request->message_len);
    (void)uv_timer_init(tq_net_loop(net), &mail->deadline); /* always 0 */
    mail->deadline.data = mail;
    tq_net_hold(net);
    return mail;
}

struct tq_transfer *tq_net_send_mail(struct tq_net *net, const struct tq_mail_request *request,
                                     void (*on_done)(void *arg, const struct tq_err *err),
                                     void *arg)
{
    struct tq_smtp *smtp = tq_net_smtp(net);
    struct mail *mail = new_mail(net, request);
    struct tq_err err;

    mail->transfer.net = net;
    mail->transfer.on_done = on_done;
    mail->transfer.arg = arg;
    mail->transfer.cancel = cancel_mail;
    mail->transfer.free = free_mail;
    tq_transfer_begin(&mail->transfer);
    if (!check_request(request, &err)) {
        finish(mail, &err);
        return &mail->transfer;
    }
    uv_update_time(tq_net_loop(net)); /* slices of Lua may have made the loop's clock old */
    (void)uv_timer_start(&mail->deadline, on_deadline, (uint64_t)mail->timeout_ms, 0);
    append(smtp, mail);
    dispatch(smtp);
    return &mail->transfer;
}

/* ---- life ---- */

struct tq_smtp *tq_smtp_new(struct tq_net *net)
{
    struct tq_smtp *smtp = tq_zalloc(sizeof *smtp);

    smtp->net = net;
    smtp->last = &smtp->first;
    return smtp;
}

void tq_smtp_free(struct tq_smtp *smtp)
{
    while (smtp->sessions != NULL)
        close_session(smtp, smtp->sessions);
    if (smtp->multi != NULL)
        tq_multi_close(smtp->multi);
    free(smtp);
}
