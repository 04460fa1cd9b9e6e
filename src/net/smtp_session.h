// SPDX-License-Identifier: MIT
//
// One connection to a mail server, which carries one letter after the other.
#ifndef TQ_NET_SMTP_SESSION_H
#define TQ_NET_SMTP_SESSION_H

#include <stdint.h>

#include "base/buffer.h"
#include "net/multi.h"
#include "net/smtp_server.h"
#include "net/transfer.h"

/* What a session sends; it belongs to the mail, and stays until the session is done with it. */
struct tq_smtp_letter {
    char *from;
    char **recipients;
    size_t recipient_count;
    struct tq_buf data; /* what follows DATA, its last line "." included */
};

enum tq_smtp_result {
    TQ_SMTP_SENT,
    TQ_SMTP_FAILED,
    TQ_SMTP_STALE, /* the server had ended the idle connection: try again on another one */
};

enum tq_smtp_state {
    TQ_SMTP_CONNECTING, /* libcurl connects, greets and logs in */
    TQ_SMTP_TALKING,    /* we send a letter */
    TQ_SMTP_IDLE,       /* it can have another letter */
    TQ_SMTP_CLOSED,     /* its handles are closing */
};

enum tq_smtp_stage { /* of a letter: what the server is to answer next */
                     TQ_SMTP_RSET,
                     TQ_SMTP_MAIL,
                     TQ_SMTP_RCPT,
                     TQ_SMTP_DATA,
                     TQ_SMTP_TEXT,
};

struct tq_smtp_session {
    struct tq_easy easy; /* first */
    struct tq_net *net;
    char *url;
    struct tq_smtp_server server;
    uv_poll_t poll;      /* from TALKING on */
    uv_timer_t patience; /* how long it stays idle */
    int open_handles;
    bool is_polled, is_reused, needs_reset;
    enum tq_smtp_state state;
    enum tq_smtp_stage stage;
    size_t recipient; /* the one that the server answers for */
    const struct tq_smtp_letter *letter;
    struct tq_buf in;              /* what the server said and we have not read */
    struct tq_buf command;         /* what we say, but for the letter's data */
    const struct tq_buf *out;      /* one of these two */
    size_t sent;                   /* of out */
    char said[256];                /* the server's last line while libcurl talks */
    char problem[CURL_ERROR_SIZE]; /* libcurl's */

    /* The letter is done with; err says why when it failed. The session is IDLE or CLOSED. */
    void (*on_result)(void *owner, enum tq_smtp_result result, const struct tq_err *err);
    void *owner; /* of the letter */

    /* An idle session has closed itself; it is CLOSED. */
    void (*on_gone)(struct tq_smtp_session *session);
    void *pool;
    struct tq_smtp_session *previous, *next; /* the pool's */
};

struct tq_smtp_session_config {
    struct tq_net *net;
    struct tq_multi *multi;
    const char *url;    /* copied */
    int64_t timeout_ms; /* for connecting; the addresses of a host share it */
    void (*on_gone)(struct tq_smtp_session *session);
    void *pool;
};

/* Begins to connect. The session frees itself some time after it is CLOSED. NULL and err when the
   URL is wrong or libcurl refuses. */
struct tq_smtp_session *tq_smtp_session_open(const struct tq_smtp_session_config *config,
                                             struct tq_err *err);

/* Sends a letter as soon as it is connected: the session is new, or IDLE. */
void tq_smtp_session_send(struct tq_smtp_session *session, const struct tq_smtp_letter *letter,
                          void (*on_result)(void *owner, enum tq_smtp_result result,
                                            const struct tq_err *err),
                          void *owner);

/* Takes leave when it is idle, breaks off otherwise; calls nobody back. */
void tq_smtp_session_close(struct tq_smtp_session *session);

/* What it is waiting for, for a message about a timeout; valid while the session is. */
void tq_smtp_session_describe(const struct tq_smtp_session *session, char *out, size_t size);

#endif
