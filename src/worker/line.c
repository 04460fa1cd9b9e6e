// SPDX-License-Identifier: MIT
//
// Connections of a worker: what they listen to, lock, and log.
#include "worker/line.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

enum { ANSWER_SLACK_MS = 2000 };

static void on_ready(void *owner)
{
    struct tq_line *line = owner;

    if (line->is_down)
        tq_log(TQ_LOG_INFO, "database", "connected again", "connection=%s", line->name);
    line->is_down = false;
    if (line->on_ready != NULL)
        line->on_ready(line->owner);
}

static void on_lost(void *owner, const struct tq_err *err)
{
    struct tq_line *line = owner;

    if (!line->is_down)
        tq_log(TQ_LOG_ERROR, "database", "no connection; trying again", "connection=%s error=%s",
               line->name, err->message);
    line->is_down = true;
}

static void on_notify(void *owner, const char *channel, const char *payload)
{
    struct tq_line *line = owner;

    if (line->on_notify != NULL)
        line->on_notify(line->owner, channel, payload);
}

/* In the pool thread. */
static char *locate(void *owner, struct tq_err *err)
{
    const struct tq_line *line = owner;

    return line->locate(line->locator, err);
}

/* In the pool thread. */
static bool lock_process(void *owner, struct tq_session *session, struct tq_err *err)
{
    const struct tq_line *line = owner;
    char *sql =
        tq_format("set lock_timeout = '2s'; select pg_advisory_lock(%lld); reset lock_timeout",
                  (long long)line->lock_key);
    bool is_locked = tq_session_run(session, sql, NULL, err);

    free(sql);
    return is_locked;
}

void tq_line_open(struct tq_line *line, uv_loop_t *loop, const struct tq_session_config *session,
                  const char *const *channels)
{
    bool is_locking = session->kind == TQ_SESSION_CLAIM && !session->is_pooled;
    const struct tq_connection_config config = {
        .session = *session,
        .listen = channels,
        .answer_timeout_ms = session->lease_ms / 2 + ANSWER_SLACK_MS,
        .owner = line,
        .locate = line->locate != NULL ? locate : NULL,
        .check = is_locking ? lock_process : NULL,
        .on_ready = on_ready,
        .on_lost = on_lost,
        .on_notify = on_notify,
    };

    line->name = session->name;
    line->connection = tq_connection_new(loop, &config);
}

bool tq_line_is_ready(const struct tq_line *line)
{
    return tq_connection_is_ready(line->connection);
}
