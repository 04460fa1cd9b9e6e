// SPDX-License-Identifier: MIT
//
// Lines into batches, batches into statements. While the server works on one batch the next one is
// read and checked: two batches are in memory, no more. A line goes to the server as it was
// written.
//
//     collecting --full, over, or the input pauses--> sent --answer--> done
//                                                       '--refused--> halves, until it is one line
//
// The last step only happens with is_partial; else a refusal ends everything.
#include "command/enqueue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "command/json_scan.h"
#include "command/print.h"
#include "command/task_line.h"
#include "database/producer.h"

enum {
    BATCH_LINES = 5000,
    BATCH_BYTES = 4 * 1024 * 1024,
    MOST_REPORTS = 20, /* of skipped lines */
};

/* Lines, joined with commas. */
struct batch {
    struct tq_buf text;
    struct {
        size_t start, len; /* in text */
        int64_t number;
    } lines[BATCH_LINES];
    size_t count;
};

struct bulk {
    struct tq_session *session;
    struct tq_line_reader *reader;
    struct tq_json_scan scan;
    struct batch *next, *sent; /* sent is under way when its count is above 0 */
    bool is_partial, is_over;
    struct tq_enqueued *enqueued;
};

static void print_skipped(int64_t number, const struct tq_err *why)
{
    (void)fprintf(stderr, "taskq: line %" PRId64 " was skipped: ", number);
    tq_print_text(stderr, why->message);
    (void)putc('\n', stderr);
}

static void skip_line(struct bulk *bulk, int64_t number, const struct tq_err *why)
{
    if (bulk->enqueued->skipped < MOST_REPORTS)
        print_skipped(number, why);
    else if (bulk->enqueued->skipped == MOST_REPORTS)
        (void)fprintf(stderr, "taskq: further lines were skipped\n");
    bulk->enqueued->skipped++;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    }
    return true;
}

static void add_line(struct batch *batch, const char *line, size_t len, int64_t number)
{
    if (batch->count > 0)
        tq_buf_add_char(&batch->text, ',');
    batch->lines[batch->count].start = batch->text.len;
    batch->lines[batch->count].len = len;
    batch->lines[batch->count++].number = number;
    tq_buf_add(&batch->text, line, len);
}

/* Fills the next batch. Nothing waits in it while the input pauses. */
static bool collect(struct bulk *bulk, struct tq_err *err)
{
    struct batch *batch = bulk->next;
    const char *line;
    size_t len;

    while (batch->count < BATCH_LINES && batch->text.len < BATCH_BYTES) {
        if (bulk->is_partial && (batch->count > 0 || bulk->sent->count > 0) &&
            tq_line_reader_would_wait(bulk->reader))
            return true;

        enum tq_line outcome = tq_line_reader_next(bulk->reader, &line, &len, err);

        bulk->is_over = outcome == TQ_LINE_END || outcome == TQ_LINE_FAILED;
        if (bulk->is_over)
            return outcome == TQ_LINE_END;
        if (outcome == TQ_LINE_THERE && is_blank(line, len))
            continue;
        if (outcome == TQ_LINE_THERE && tq_task_line_check(&bulk->scan, line, len, err)) {
            add_line(batch, line, len, bulk->reader->number);
            continue;
        }
        if (outcome == TQ_LINE_TOO_LONG)
            (void)tq_err_set(err, TQ_ERR_USAGE, 0, "longer than %d MiB",
                             TQ_TASK_LINE_MOST_BYTES / 1024 / 1024);
        if (!bulk->is_partial)
            return tq_err_prefix(err, "line %" PRId64, bulk->reader->number);
        skip_line(bulk, bulk->reader->number, err);
    }
    return true;
}

/* Sends lines [from, to) of a batch. */
static bool send_lines(struct bulk *bulk, const struct batch *batch, size_t from, size_t to,
                       struct tq_err *err)
{
    size_t start = batch->lines[from].start;
    size_t end = batch->lines[to - 1].start + batch->lines[to - 1].len;

    return tq_producer_send_many(bulk->session, batch->text.data + start, end - start, err);
}

/* The server looked at a value and did not like it. */
static bool is_data_refused(const struct tq_err *err)
{
    return err->domain == TQ_ERR_QUERY &&
           (strncmp(err->sqlstate, "22", 2) == 0 || strncmp(err->sqlstate, "23", 2) == 0 ||
            strncmp(err->sqlstate, "54", 2) == 0);
}

/* Lines [from, to) were refused for *why: enqueues the good ones, skips the others. */
static bool send_halves(struct bulk *bulk, size_t from, size_t to, const struct tq_err *why,
                        struct tq_err *err)
{
    struct batch *batch = bulk->sent;
    size_t middle = from + (to - from) / 2;
    const size_t halves[][2] = {{from, middle}, {middle, to}};

    if (to - from == 1) {
        skip_line(bulk, batch->lines[from].number, why);
        return true;
    }
    for (size_t i = 0; i < 2; i++) {
        int64_t count;
        struct tq_err refused;
        bool is_done = send_lines(bulk, batch, halves[i][0], halves[i][1], &refused) &&
                       tq_producer_finish_many(bulk->session, &count, &refused);

        if (is_done) {
            bulk->enqueued->tasks += count;
        } else if (!is_data_refused(&refused)) {
            *err = refused;
            return false;
        } else if (!send_halves(bulk, halves[i][0], halves[i][1], &refused, err)) {
            return false;
        }
    }
    return true;
}

/* Waits for the answer to the batch that was sent, if there is one. */
static bool finish(struct bulk *bulk, struct tq_err *err)
{
    struct batch *batch = bulk->sent;
    int64_t count;

    if (batch->count == 0)
        return true;
    if (tq_producer_finish_many(bulk->session, &count, err)) {
        bulk->enqueued->tasks += count;
    } else if (bulk->is_partial && is_data_refused(err)) {
        const struct tq_err why = *err;

        if (!send_halves(bulk, 0, batch->count, &why, err))
            return false;
    } else {
        if (err->domain == TQ_ERR_QUERY)
            (void)tq_err_prefix(err, "lines %" PRId64 " to %" PRId64, batch->lines[0].number,
                                batch->lines[batch->count - 1].number);
        return false;
    }
    batch->count = 0;
    tq_buf_clear(&batch->text);
    return true;
}

static bool send(struct bulk *bulk, struct tq_err *err)
{
    struct batch *batch = bulk->next;

    if (batch->count == 0)
        return true;
    bulk->next = bulk->sent;
    bulk->sent = batch;
    return send_lines(bulk, batch, 0, batch->count, err);
}

static bool stream(struct bulk *bulk, struct tq_err *err)
{
    while (!bulk->is_over) {
        if (!collect(bulk, err)) {
            struct tq_err cause = *err;

            /* What has been sent will be committed, so its answer counts. */
            if (bulk->is_partial && !finish(bulk, err))
                return false;
            *err = cause;
            return false;
        }
        if (!finish(bulk, err) || !send(bulk, err))
            return false;
    }
    return finish(bulk, err);
}

/* Adds to the error what became of the lines. */
static void tell_fate(const struct bulk *bulk, struct tq_err *err)
{
    const struct batch *unsure = bulk->sent;
    size_t len = strlen(err->message);
    char *tail = err->message + len;
    size_t room = sizeof err->message - len;

    if (!bulk->is_partial)
        (void)snprintf(tail, room, "; nothing was enqueued");
    else if (unsure->count > 0)
        (void)snprintf(tail, room,
                       "; %" PRId64 " tasks were enqueued, lines %" PRId64 " to %" PRId64
                       " may have been, later lines were not",
                       bulk->enqueued->tasks, unsure->lines[0].number,
                       unsure->lines[unsure->count - 1].number);
    else
        (void)snprintf(tail, room, "; %" PRId64 " tasks were enqueued before that, none after",
                       bulk->enqueued->tasks);
}

static bool commit(const struct bulk *bulk, struct tq_err *err)
{
    if (tq_session_run(bulk->session, "commit", NULL, err))
        return true;
    if (err->domain != TQ_ERR_CONNECT)
        return tq_err_prefix(err, "nothing was enqueued");
    return tq_err_prefix(err,
                         "the connection was lost while committing, so either all %" PRId64
                         " tasks were enqueued or none",
                         bulk->enqueued->tasks);
}

bool tq_enqueue_lines(struct tq_session *session, struct tq_line_reader *reader, bool is_partial,
                      struct tq_enqueued *enqueued, struct tq_err *err)
{
    struct batch *batches = tq_zalloc(2 * sizeof *batches);
    struct bulk bulk = {
        .session = session,
        .reader = reader,
        .next = &batches[0],
        .sent = &batches[1],
        .is_partial = is_partial,
        .enqueued = enqueued,
    };
    bool is_done =
        (is_partial || tq_session_run(session, "begin", NULL, err)) && stream(&bulk, err);

    if (!is_done)
        tell_fate(&bulk, err); /* the caller closes the session, which rolls back */
    else if (!is_partial)
        is_done = commit(&bulk, err);
    tq_json_scan_deinit(&bulk.scan);
    for (size_t i = 0; i < 2; i++)
        tq_buf_deinit(&batches[i].text);
    free(batches);
    return is_done;
}
