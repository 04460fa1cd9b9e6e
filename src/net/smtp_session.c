// SPDX-License-Identifier: MIT
//
// A connection to a mail server. libcurl makes it, up to and including TLS and the login
// (CURLOPT_CONNECT_ONLY); the dialogue about letters is our own, on curl_easy_send() and
// curl_easy_recv(). libcurl's own dialogue would stop the thread, with everything that runs on it,
// until the server has answered to the end of the message, and again to QUIT: those two waits block
// in Debian 12's 7.88 whether or not the multi interface is used.
//
//     CONNECTING --connected--> TALKING --taken or refused--> IDLE --a letter--> TALKING
//          |                       |                            |
//          '-----------------------'----- broken, closed -------'--patience over, left--> CLOSED
//
// While TALKING, the stages of a letter are RSET (after a refusal), MAIL, RCPT for each recipient,
// DATA, TEXT. A refused letter leaves a connection that works; an unexpected answer does not.
#include "net/smtp_session.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    IDLE_MS = 5000, /* less than servers have patience for */
    READ_BYTES = 4096,
    MAX_REPLY_BYTES = 64 * 1024,
    SERVICE_CLOSING = 421, /* RFC 5321, 3.8: it may answer any command */
    LINE_BYTES = 400,
};

static void on_socket(uv_poll_t *poll, int status, int events);

/* ---- ending ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct tq_smtp_session *session = handle->data;

    if (--session->open_handles == 0) {
        tq_buf_deinit(&session->in);
        tq_buf_deinit(&session->command);
        tq_smtp_server_deinit(&session->server);
        free(session->url);
        tq_net_release(session->net);
        free(session);
    }
}

/* The poll stops before libcurl closes the socket. */
static void close_all(struct tq_smtp_session *session)
{
    session->state = TQ_SMTP_CLOSED;
    session->letter = NULL;
    if (session->is_polled)
        uv_close((uv_handle_t *)&session->poll, on_handle_closed);
    uv_close((uv_handle_t *)&session->patience, on_handle_closed);
    tq_easy_remove(&session->easy);
}

void tq_smtp_session_close(struct tq_smtp_session *session)
{
    size_t sent;

    if (session->state == TQ_SMTP_IDLE) /* nobody waits for the answer */
        (void)curl_easy_send(session->easy.curl, "QUIT\r\n", 6, &sent);
    close_all(session);
}

/* Closes, then tells the owner of the letter, if there is one, or the pool. */
static void break_off(struct tq_smtp_session *session, const struct tq_err *err)
{
    bool is_stale = session->is_reused && session->stage <= TQ_SMTP_MAIL;
    bool is_idle = session->state == TQ_SMTP_IDLE;

    close_all(session);
    if (is_idle)
        session->on_gone(session);
    else
        session->on_result(session->owner, is_stale ? TQ_SMTP_STALE : TQ_SMTP_FAILED, err);
}

static void on_patience_over(uv_timer_t *timer)
{
    struct tq_smtp_session *session = timer->data;

    tq_smtp_session_close(session);
    session->on_gone(session);
}

/* ---- saying ---- */

static const char *describe_stage(const struct tq_smtp_session *session, char *out, size_t size)
{
    const struct tq_smtp_letter *letter = session->letter;

    switch (session->stage) {
    case TQ_SMTP_RSET:
        return "RSET";
    case TQ_SMTP_MAIL:
        (void)snprintf(out, size, "MAIL FROM:<%s>", letter->from);
        return out;
    case TQ_SMTP_RCPT:
        (void)snprintf(out, size, "RCPT TO:<%s>", letter->recipients[session->recipient]);
        return out;
    case TQ_SMTP_DATA:
        return "DATA";
    case TQ_SMTP_TEXT:
        return "the message";
    }
    return "";
}

static bool fail(struct tq_smtp_session *session, int code, const char *problem)
{
    char line[LINE_BYTES];
    struct tq_err err;

    (void)tq_err_set(&err, TQ_ERR_NET, code, "%s %s after %s", session->server.name, problem,
                     session->letter != NULL ? describe_stage(session, line, sizeof line) : "");
    break_off(session, &err);
    return false;
}

static void poll_socket(struct tq_smtp_session *session)
{
    bool has_more = session->out != NULL && session->sent < session->out->len;

    if (uv_poll_start(&session->poll, UV_READABLE | (has_more ? UV_WRITABLE : 0), on_socket) != 0)
        (void)fail(session, CURLE_COULDNT_CONNECT, "cannot be watched");
}

/* Sends what the socket takes now. False when the session has been closed. */
static bool flush(struct tq_smtp_session *session)
{
    while (session->out != NULL && session->sent < session->out->len) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(session->easy.curl, session->out->data + session->sent,
                                       session->out->len - session->sent, &sent);

        if (code == CURLE_AGAIN)
            break;
        if (code != CURLE_OK)
            return fail(session, (int)code, "broke the connection");
        session->sent += sent;
    }
    return true;
}

static void say(struct tq_smtp_session *session, const struct tq_buf *out)
{
    session->out = out;
    session->sent = 0;
    if (flush(session))
        poll_socket(session);
}

static void enter_stage(struct tq_smtp_session *session, enum tq_smtp_stage stage)
{
    char line[LINE_BYTES];

    session->stage = stage;
    if (stage == TQ_SMTP_TEXT) {
        say(session, &session->letter->data);
        return;
    }
    tq_buf_clear(&session->command);
    tq_buf_addf(&session->command, "%s\r\n", describe_stage(session, line, sizeof line));
    say(session, &session->command);
}

static void begin_letter(struct tq_smtp_session *session)
{
    session->state = TQ_SMTP_TALKING;
    session->recipient = 0;
    enter_stage(session, session->needs_reset ? TQ_SMTP_RSET : TQ_SMTP_MAIL);
}

/* ---- hearing ---- */

/* Logins that fail, and servers that want one, are mistakes of the settings, not of the letter. */
static bool is_about_login(int reply)
{
    return reply == 530 || reply == 534 || reply == 535 || reply == 538;
}

static void end_letter(struct tq_smtp_session *session, enum tq_smtp_result result,
                       const struct tq_err *err)
{
    session->state = TQ_SMTP_IDLE;
    session->is_reused = true;
    session->letter = NULL;
    session->out = NULL;
    (void)uv_timer_start(&session->patience, on_patience_over, IDLE_MS, 0); /* not null */
    session->on_result(session->owner, result, err);
}

/* The answer is not the one that the stage hopes for. */
static void refuse_letter(struct tq_smtp_session *session, int reply, const char *text)
{
    bool is_usable = reply >= 400 && reply < 600 && reply != SERVICE_CLOSING &&
                     session->stage != TQ_SMTP_RSET && session->sent == session->out->len;
    const char *kind = reply >= 500 ? " (permanent)" : reply >= 400 ? " (temporary)" : "";
    int code = reply >= 400 && reply < 600 ? reply : CURLE_WEIRD_SERVER_REPLY;
    char line[LINE_BYTES];
    struct tq_err err;

    if (is_about_login(reply)) {
        code = CURLE_LOGIN_DENIED;
        kind = "; are user and password in the URL right?";
    }
    (void)tq_err_set(&err, TQ_ERR_NET, code, "%s refused %s: %s%s", session->server.name,
                     describe_stage(session, line, sizeof line), text, kind);
    session->needs_reset = true;
    if (is_usable)
        end_letter(session, TQ_SMTP_FAILED, &err);
    else
        break_off(session, &err);
}

static void hear(struct tq_smtp_session *session, int reply, const char *text)
{
    int hoped = session->stage == TQ_SMTP_DATA ? 3 : 2;

    if (reply / 100 != hoped || session->sent < session->out->len) {
        refuse_letter(session, reply, text);
        return;
    }
    switch (session->stage) {
    case TQ_SMTP_RSET:
        session->needs_reset = false;
        enter_stage(session, TQ_SMTP_MAIL);
        return;
    case TQ_SMTP_MAIL:
        enter_stage(session, TQ_SMTP_RCPT);
        return;
    case TQ_SMTP_RCPT:
        session->recipient++;
        enter_stage(session, session->recipient < session->letter->recipient_count ? TQ_SMTP_RCPT
                                                                                   : TQ_SMTP_DATA);
        return;
    case TQ_SMTP_DATA:
        enter_stage(session, TQ_SMTP_TEXT);
        return;
    case TQ_SMTP_TEXT:
        end_letter(session, TQ_SMTP_SENT, NULL);
        return;
    }
}

/* Takes a whole answer, which may have many lines, out of session->in: its code, or 0 for what is
   none, and its text on one line. False when there is no whole answer yet. */
static bool take_reply(struct tq_smtp_session *session, int *code, struct tq_buf *text)
{
    char *line = session->in.data, *end;
    bool is_last = false;

    tq_buf_clear(text);
    while (!is_last) {
        size_t left = session->in.len - (size_t)(line - session->in.data);

        end = left > 0 ? memchr(line, '\n', left) : NULL;
        if (end == NULL)
            return false;

        size_t len = (size_t)(end - line);

        is_last = len < 4 || line[3] != '-';
        *code = len >= 3 && isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
                        isdigit((unsigned char)line[2])
                    ? (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0'
                    : 0;

        size_t skipped = text->len > 0 && len > 4 ? 4 : 0; /* the code is said once */

        if (text->len > 0)
            tq_buf_add_char(text, ' ');
        for (size_t i = skipped; i < len; i++) {
            if (i == 3 && line[i] == '-')
                tq_buf_add_char(text, ' ');
            else if (line[i] != '\r')
                tq_buf_add_char(text, isprint((unsigned char)line[i]) ? line[i] : '?');
        }
        line = end + 1;
    }

    size_t taken = (size_t)(line - session->in.data);

    session->in.len -= taken;
    memmove(session->in.data, line, session->in.len);
    return true;
}

/* False when the session has been closed. */
static bool hear_replies(struct tq_smtp_session *session)
{
    struct tq_buf text = {0};
    int code;

    while (session->state == TQ_SMTP_TALKING && session->in.len > 0 &&
           take_reply(session, &code, &text))
        hear(session, code, tq_buf_text(&text));
    tq_buf_deinit(&text);
    if (session->state == TQ_SMTP_TALKING && session->in.len > MAX_REPLY_BYTES)
        return fail(session, CURLE_WEIRD_SERVER_REPLY, "answers without end");
    return session->state != TQ_SMTP_CLOSED;
}

/* All that is there, for TLS may hold bytes that the socket does not show. */
static void receive(struct tq_smtp_session *session)
{
    for (;;) {
        char bytes[READ_BYTES];
        size_t len = 0;
        CURLcode code = curl_easy_recv(session->easy.curl, bytes, sizeof bytes, &len);

        if (code == CURLE_AGAIN)
            return;
        if (session->state == TQ_SMTP_IDLE) { /* it takes leave, or has gone */
            break_off(session, NULL);
            return;
        }
        if (code != CURLE_OK || len == 0) {
            (void)fail(session, code != CURLE_OK ? (int)code : CURLE_RECV_ERROR,
                       "broke the connection");
            return;
        }
        tq_buf_add(&session->in, bytes, len);
        if (!hear_replies(session))
            return;
    }
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct tq_smtp_session *session = poll->data;

    if (status < 0 || (events & UV_WRITABLE) == 0) { /* an error shows itself when we read */
        receive(session);
        return;
    }
    if (!flush(session))
        return;
    poll_socket(session);
    if (session->state != TQ_SMTP_CLOSED && (events & UV_READABLE) != 0)
        receive(session);
}

/* ---- connecting ---- */

/* CURLOPT_HEADERFUNCTION: a line of the server. */
static size_t on_line(char *line, size_t size, size_t count, void *user)
{
    struct tq_smtp_session *session = user;
    size_t len = size * count, most = sizeof session->said - 1, shown = len < most ? len : most;

    while (shown > 0 && isspace((unsigned char)line[shown - 1]))
        shown--;
    memcpy(session->said, line, shown);
    session->said[shown] = '\0';
    return len;
}

static const struct {
    CURLcode code;
    const char *text;
} hints[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "; is the host in the URL (SMTP_URL) right?"},
    {CURLE_COULDNT_CONNECT, "; does the server run, and is the port in the URL (SMTP_URL) right?"},
    {CURLE_LOGIN_DENIED, "; are user and password in the URL (SMTP_URL) right?"},
    {CURLE_PEER_FAILED_VERIFICATION,
     "; in the URL (SMTP_URL), ?ca=FILE names other certificates to trust, and "
     "smtp://HOST?tls=never does without TLS (for a server on this machine)"},
    {CURLE_USE_SSL_FAILED, "; ?tls=try in the URL (SMTP_URL) sends without TLS, the password too"},
};

static const char *hint_for(CURLcode code)
{
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (hints[i].code == code)
            return hints[i].text;
    }
    return "";
}

static void fail_to_connect(struct tq_smtp_session *session, CURLcode code)
{
    const char *problem = *session->problem != '\0' ? session->problem : curl_easy_strerror(code);
    size_t len = strlen(problem);
    long reply = 0;
    struct tq_err err;

    if (len > 0 && problem[len - 1] == '.')
        len--;
    (void)curl_easy_getinfo(session->easy.curl, CURLINFO_RESPONSE_CODE, &reply); /* 0: none */
    (void)tq_err_set(&err, TQ_ERR_NET, (int)code, "no mail connection to %s: %.*s%s%s%s",
                     session->server.name, (int)len, problem, reply >= 400 ? ": " : "",
                     reply >= 400 ? session->said : "", hint_for(code));
    break_off(session, &err);
}

static void on_connected(struct tq_easy *easy, CURLcode code)
{
    struct tq_smtp_session *session = (struct tq_smtp_session *)easy; /* its first member */
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (code != CURLE_OK) {
        fail_to_connect(session, code);
        return;
    }
    code = curl_easy_getinfo(easy->curl, CURLINFO_ACTIVESOCKET, &fd);
    if (code != CURLE_OK || fd == CURL_SOCKET_BAD ||
        uv_poll_init_socket(tq_net_loop(session->net), &session->poll, fd) != 0) {
        fail_to_connect(session, CURLE_COULDNT_CONNECT);
        return;
    }
    session->poll.data = session;
    session->is_polled = true;
    session->open_handles++;
    begin_letter(session);
}

static bool set_options(struct tq_smtp_session *session, int64_t timeout_ms)
{
    const struct tq_smtp_server *server = &session->server;
    CURL *curl = session->easy.curl;

    return curl_easy_setopt(curl, CURLOPT_URL, server->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USE_SSL, server->tls) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           (server->ca_file == NULL ||
            (curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK)) &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_line) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, session) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, session->problem) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           /* else breaking off waits until the resolver's thread has its answer */
           curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
}

struct tq_smtp_session *tq_smtp_session_open(const struct tq_smtp_session_config *config,
                                             struct tq_err *err)
{
    struct tq_smtp_session *session = tq_zalloc(sizeof *session);

    if (!tq_smtp_server_parse(config->url, &session->server, err))
        goto free_session;
    session->net = config->net;
    session->url = tq_strdup(config->url);
    session->easy.curl = curl_easy_init();
    session->easy.on_done = on_connected;
    session->on_gone = config->on_gone;
    session->pool = config->pool;
    if (session->easy.curl == NULL || !set_options(session, config->timeout_ms)) {
        (void)tq_err_set(err, TQ_ERR_NET, CURLE_FAILED_INIT, "libcurl takes no mail to %s",
                         session->server.name);
        goto free_curl;
    }
    if (!tq_easy_add(config->multi, &session->easy, err))
        goto free_curl;
    (void)uv_timer_init(tq_net_loop(session->net), &session->patience); /* always 0 */
    session->patience.data = session;
    session->open_handles = 1;
    tq_net_hold(session->net);
    return session;

free_curl:
    curl_easy_cleanup(session->easy.curl); /* also NULL */
    free(session->url);
    tq_smtp_server_deinit(&session->server);
free_session:
    free(session);
    return NULL;
}

void tq_smtp_session_send(struct tq_smtp_session *session, const struct tq_smtp_letter *letter,
                          void (*on_result)(void *owner, enum tq_smtp_result result,
                                            const struct tq_err *err),
                          void *owner)
{
    session->letter = letter;
    session->on_result = on_result;
    session->owner = owner;
    if (session->state == TQ_SMTP_CONNECTING)
        return;                              /* on_connected() begins */
    (void)uv_timer_stop(&session->patience); /* always 0 */
    begin_letter(session);
}

void tq_smtp_session_describe(const struct tq_smtp_session *session, char *out, size_t size)
{
    curl_off_t connected_us = 0;
    char line[LINE_BYTES];

    if (session->state == TQ_SMTP_TALKING) {
        (void)snprintf(out, size, "answering %s", describe_stage(session, line, sizeof line));
        return;
    }
    (void)curl_easy_getinfo(session->easy.curl, CURLINFO_CONNECT_TIME_T, &connected_us); /* or 0 */
    (void)snprintf(out, size, connected_us > 0 ? "greeting us or letting us log in" : "connecting");
}
