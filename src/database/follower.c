// SPDX-License-Identifier: MIT
//
// A connection that listens, on a loop of its own.
#include "database/follower.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/timestamp.h"
#include "database/connection.h"

enum { ASK_MS = 5000, ANSWER_MS = 15000, MOST_IDS = 100, FIELDS = 6 };

static const char *const channels[] = {"taskq_events", "taskq_created", NULL};

struct follower {
    const struct tq_follower_config *config;
    uv_loop_t loop;
    uv_signal_t sigint, sigterm;
    uv_timer_t timer; /* asks again */
    uv_poll_t reader; /* of the output */
    bool has_reader;
    struct tq_connection *connection;
    struct tq_request asking;
    struct lookup *last; /* of those under way, the one that was sent last; NULL: there are none */
    bool is_ending, is_refused;
    struct tq_err err; /* why it is refused */
};

/* New tasks that are looked up. What workers tell meanwhile, perhaps of them, waits for that. */
struct lookup {
    struct tq_request request; /* first */
    struct follower *follower;
    struct tq_buf later; /* lines of workers that have come since */
};

static void end(struct follower *follower)
{
    if (follower->is_ending)
        return;
    follower->is_ending = true;
    tq_connection_close(follower->connection);
    uv_close((uv_handle_t *)&follower->sigint, NULL);
    uv_close((uv_handle_t *)&follower->sigterm, NULL);
    uv_close((uv_handle_t *)&follower->timer, NULL);
    if (follower->has_reader)
        uv_close((uv_handle_t *)&follower->reader, NULL);
}

static void refuse(struct follower *follower, const struct tq_err *err)
{
    if (follower->is_ending || err->domain == TQ_ERR_CONNECT)
        return; /* it is tried again when the connection is back */
    follower->is_refused = true;
    follower->err = *err;
    end(follower);
}

static void flush(struct follower *follower)
{
    if (!follower->config->on_flush(follower->config->owner))
        end(follower);
}

/* ---- events ---- */

/* One line of a worker; it is cut at its tabs. A worker of another version may send more fields. */
static void take_line(struct follower *follower, char *line)
{
    char *fields[FIELDS];

    for (int i = 0; i < FIELDS; i++) {
        fields[i] = line;
        line += strcspn(line, "\t");
        if (*line == '\0' && i < FIELDS - 1)
            return;
        if (*line != '\0')
            *line++ = '\0';
    }
    follower->config->on_event(
        follower->config->owner,
        &(struct tq_followed){fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]});
}

static void take_lines(struct follower *follower, const char *payload)
{
    char *text = tq_strdup(payload), *line = text, *next;

    for (; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        take_line(follower, line);
    }
    free(text);
}

static void tell_created(struct follower *follower, const struct tq_rows *rows, size_t row)
{
    enum { ID, TYPE, CREATED_AT, DOCUMENT };
    struct tq_buf at = {0}, document = {0};
    char id[24];

    (void)snprintf(id, sizeof id, "%" PRId64, tq_rows_int8(rows, row, ID));
    tq_timestamp_add(&at, tq_pg_time_to_epoch_us(tq_rows_int8(rows, row, CREATED_AT)));
    tq_buf_addf(&document, "{\"event\":\"created\",\"at\":\"%s\",\"task\":%s}", at.data,
                tq_rows_text(rows, row, DOCUMENT));
    follower->config->on_event(follower->config->owner,
                               &(struct tq_followed){"created", at.data, id,
                                                     tq_rows_text(rows, row, TYPE), "",
                                                     document.data});
    tq_buf_deinit(&at);
    tq_buf_deinit(&document);
}

static void on_found(struct tq_request *request, const struct tq_rows *rows,
                     const struct tq_err *err)
{
    struct lookup *lookup = (struct lookup *)request; /* it is the first member */
    struct follower *follower = lookup->follower;

    if (follower->last == lookup)
        follower->last = NULL;
    for (size_t row = 0; err == NULL && row < tq_rows_count(rows); row++)
        tell_created(follower, rows, row);
    if (lookup->later.len > 0)
        take_lines(follower, lookup->later.data);
    if (err != NULL)
        refuse(follower, err);
    flush(follower);
    tq_buf_deinit(&lookup->later);
    free(lookup);
}

static void look_up(struct follower *follower, const char *ids)
{
    struct lookup *lookup = tq_zalloc(sizeof *lookup);
    int64_t found[MOST_IDS];
    size_t count = 0;
    char *end_of_id;

    while (*ids >= '0' && *ids <= '9' && count < MOST_IDS) {
        found[count++] = strtoll(ids, &end_of_id, 10);
        ids = *end_of_id == ',' ? end_of_id + 1 : end_of_id;
    }
    lookup->follower = follower;
    lookup->request.connection = follower->connection;
    lookup->request.on_done = on_found;
    tq_params_int8s(tq_request_params(&lookup->request), found, count);
    follower->last = lookup;
    tq_request_send(&lookup->request, TQ_QUERY_FOLLOWED);
}

static void on_notify(void *owner, const char *channel, const char *payload)
{
    struct follower *follower = owner;

    if (strcmp(channel, "taskq_created") == 0) {
        look_up(follower, payload);
    } else if (follower->last != NULL) {
        tq_buf_add_text(&follower->last->later, payload);
        tq_buf_add_char(&follower->last->later, '\n');
    } else {
        take_lines(follower, payload);
        flush(follower);
    }
}

/* ---- asking ---- */

static void on_asked(struct tq_request *request, const struct tq_rows *rows,
                     const struct tq_err *err)
{
    struct follower *follower = TQ_OWNER(request, struct follower, asking);

    (void)rows; /* there is nothing to read */
    if (err != NULL)
        refuse(follower, err);
    else
        follower->config->on_heard(follower->config->owner);
}

static void ask(struct follower *follower)
{
    if (follower->asking.is_pending || !tq_connection_is_ready(follower->connection))
        return;
    follower->asking.connection = follower->connection;
    follower->asking.on_done = on_asked;
    (void)tq_request_params(&follower->asking); /* none */
    tq_request_send(&follower->asking, TQ_QUERY_FOLLOW);
}

static void on_timer(uv_timer_t *timer)
{
    ask(timer->data);
}

static void on_ready(void *owner)
{
    ask(owner);
}

static void on_lost(void *owner, const struct tq_err *err)
{
    struct follower *follower = owner;

    if (!follower->is_ending)
        follower->config->on_lost(follower->config->owner, err->message);
}

/* ---- the end ---- */

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    end(signal->data);
}

/* Nothing is ever read: this is an error, which says that nobody reads what we write. */
static void on_reader(uv_poll_t *poll, int status, int events)
{
    (void)events;
    if (status < 0)
        end(poll->data);
}

/* A pipe's reader may go away. Watching makes the pipe non-blocking, which writing to it is not
   made for; so that is undone. */
static void watch_reader(struct follower *follower)
{
    int fd = follower->config->output;
    int flags = fcntl(fd, F_GETFL);
    struct stat info;

    if (flags < 0 || fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode))
        return;
    follower->reader.data = follower;
    if (uv_poll_init(&follower->loop, &follower->reader, fd) == 0) {
        follower->has_reader = true;
        (void)uv_poll_start(&follower->reader, UV_DISCONNECT, on_reader); /* as it was made */
    }
    (void)fcntl(fd, F_SETFL, flags); /* they were good before */
}

static bool start_signal(struct follower *follower, uv_signal_t *handle, int number,
                         struct tq_err *err)
{
    int code = uv_signal_init(&follower->loop, handle);

    handle->data = follower;
    if (code == 0)
        code = uv_signal_start(handle, on_signal, number);
    return code == 0 ||
           tq_err_set(err, TQ_ERR_SYSTEM, code, "cannot watch for signals: %s", uv_strerror(code));
}

bool tq_follower_run(const struct tq_follower_config *config, struct tq_err *err)
{
    struct follower follower = {.config = config};
    const struct tq_connection_config connection = {
        .session = {.conninfo = config->conninfo, .name = "taskq events"},
        .listen = channels,
        .answer_timeout_ms = ANSWER_MS,
        .owner = &follower,
        .on_ready = on_ready,
        .on_lost = on_lost,
        .on_notify = on_notify,
    };
    int code = uv_loop_init(&follower.loop);

    if (code != 0)
        return tq_err_set(err, TQ_ERR_SYSTEM, code, "cannot make a loop: %s", uv_strerror(code));
    if (!start_signal(&follower, &follower.sigint, SIGINT, err) ||
        !start_signal(&follower, &follower.sigterm, SIGTERM, err))
        return false;                                     /* the process ends */
    (void)uv_timer_init(&follower.loop, &follower.timer); /* always 0 */
    follower.timer.data = &follower;
    (void)uv_timer_start(&follower.timer, on_timer, ASK_MS, ASK_MS); /* not null */
    watch_reader(&follower);
    follower.connection = tq_connection_new(&follower.loop, &connection);
    (void)uv_run(&follower.loop, UV_RUN_DEFAULT); /* until end() has closed every handle */
    if (uv_loop_close(&follower.loop) != 0)
        tq_log(TQ_LOG_ERROR, "events", "a handle was left on the loop", "");
    if (follower.is_refused)
        *err = follower.err;
    return !follower.is_refused;
}
