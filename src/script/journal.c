// SPDX-License-Identifier: MIT
//
// What a handler says while it runs, to be kept with the attempt: the last lines that it logged,
// and how far it says it is. Made by the first word: a run that is quiet has none. All of it is
// JSON from the start, so that nothing has to be kept apart.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "script/context.h"
#include "script/state.h"

enum {
    MAX_LINES = 100,
    MAX_LINES_BYTES = 16 * 1024,
    MAX_LINE_BYTES = 4 * 1024, /* longer ones lose their fields, and the end of their message */
    MAX_MESSAGE_BYTES = 1024,
    MAX_PROGRESS_BYTES = 200,
};

struct tq_journal {
    struct tq_buf lines; /* each an object and a comma */
    size_t lens[MAX_LINES];
    int count, dropped;
    struct tq_buf progress; /* an object, or empty */
    bool is_progress_new;
    struct tq_buf notes;
};

static struct tq_journal *open(struct tq_run *run)
{
    if (run->journal == NULL)
        run->journal = tq_zalloc(sizeof *run->journal);
    return run->journal;
}

void tq_journal_free(struct tq_journal *journal)
{
    if (journal == NULL)
        return;
    tq_buf_deinit(&journal->lines);
    tq_buf_deinit(&journal->progress);
    tq_buf_deinit(&journal->notes);
    free(journal);
}

static void drop_oldest(struct tq_journal *journal)
{
    size_t len = journal->lens[0];

    journal->lines.len -= len;
    memmove(journal->lines.data, journal->lines.data + len, journal->lines.len);
    journal->count--;
    memmove(journal->lens, journal->lens + 1, (size_t)journal->count * sizeof *journal->lens);
    journal->dropped++;
}

void tq_context_keep_line(struct tq_run *run, enum tq_log_level level, const char *message,
                          const struct tq_log_pair *pairs, size_t count)
{
    static const struct tq_log_pair mark = {"truncated", "true", true};
    char head[MAX_MESSAGE_BYTES];

    if (run->task.event != NULL)
        return; /* a listener is no part of the attempt */

    struct tq_journal *journal = open(run);
    size_t before = journal->lines.len;

    if (strlen(message) < MAX_LINE_BYTES)
        tq_log_add_json(&journal->lines, level, message, pairs, count);
    if (journal->lines.len == before || journal->lines.len - before > MAX_LINE_BYTES) {
        journal->lines.len = before;
        (void)snprintf(head, sizeof head, "%s", message);
        tq_log_add_json(&journal->lines, level, head, &mark, 1);
    }
    tq_buf_add_char(&journal->lines, ',');

    size_t len = journal->lines.len - before;

    while (journal->count > 0 &&
           (journal->count == MAX_LINES || journal->lines.len > MAX_LINES_BYTES))
        drop_oldest(journal);
    journal->lens[journal->count++] = len;
}

void tq_context_set_progress(struct tq_run *run, double fraction, const char *message)
{
    struct tq_journal *journal = open(run);
    char head[MAX_PROGRESS_BYTES + 1];

    tq_buf_clear(&journal->progress);
    tq_buf_addf(&journal->progress, "{\"fraction\":%.4g", fraction);
    if (message != NULL) {
        (void)snprintf(head, sizeof head, "%s", message);
        tq_buf_add_text(&journal->progress, ",\"message\":");
        tq_text_add_json(&journal->progress, head);
    }
    tq_buf_add_char(&journal->progress, '}');
    journal->is_progress_new = true;
}

const char *tq_run_take_progress(struct tq_run *run)
{
    if (run->journal == NULL || !run->journal->is_progress_new)
        return NULL;
    run->journal->is_progress_new = false;
    return run->journal->progress.data;
}

const char *tq_run_notes(const struct tq_run *run)
{
    struct tq_journal *journal = run->journal;

    if (journal == NULL)
        return NULL;

    struct tq_buf *notes = &journal->notes;

    tq_buf_clear(notes);
    tq_buf_add_char(notes, '{');
    if (journal->count > 0) {
        tq_buf_add_text(notes, "\"log\":[");
        tq_buf_add(notes, journal->lines.data, journal->lines.len - 1); /* without the last comma */
        tq_buf_addf(notes, "],\"log_dropped\":%d", journal->dropped);
    }
    if (journal->progress.len > 0)
        tq_buf_addf(notes, "%s\"progress\":%s", journal->count > 0 ? "," : "",
                    journal->progress.data);
    tq_buf_add_char(notes, '}');
    return notes->data;
}
