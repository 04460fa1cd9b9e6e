// SPDX-License-Identifier: MIT
//
// taskq stats.
#include <inttypes.h>
#include <stdio.h>

#include "command/command.h"
#include "command/database.h"
#include "command/print.h"
#include "database/producer.h"
#include "database/reader.h"

enum { MOST_ROWS = 1000, MOST_LINES = 20 };

/* One of a JSON array. */
static void print_document(size_t i, const char *document)
{
    (void)fputs(i > 0 ? "," : "", stdout);
    tq_print_lines(stdout, document, 0);
}

static void print_unhandled(const struct tq_rows *rows, bool is_json)
{
    bool has_more = tq_rows_count(rows) > MOST_ROWS;
    size_t count = has_more ? MOST_ROWS : tq_rows_count(rows);
    size_t shown = is_json || count < MOST_LINES ? count : MOST_LINES;
    struct tq_unhandled unhandled;

    if (is_json)
        (void)printf(",\"unhandled_types\":[");
    else if (count > 0)
        (void)puts("\nno live worker has a handler for");
    for (size_t i = 0; i < shown; i++) {
        tq_reader_unhandled(rows, i, &unhandled);
        if (is_json) {
            print_document(i, unhandled.document);
            continue;
        }
        (void)fputs("  ", stdout);
        tq_print_text(stdout, unhandled.type);
        (void)printf(", oldest due %s\n", unhandled.oldest_scheduled_at);
    }
    if (is_json)
        (void)printf("],\"has_more_unhandled_types\":%s", has_more ? "true" : "false");
    else if (shown < count)
        (void)printf("  and %s%zu more types\n", has_more ? "more than " : "", count - shown);
}

static void print_failed_reloads(const struct tq_rows *rows, bool is_json)
{
    size_t count = tq_rows_count(rows), shown = is_json || count < MOST_LINES ? count : MOST_LINES;
    struct tq_failed_reload failed;

    if (is_json)
        (void)printf(",\"failed_reloads\":[");
    else if (count > 0)
        (void)puts("\nworkers whose handlers have changed and do not load");
    for (size_t i = 0; i < shown; i++) {
        tq_reader_failed_reload(rows, i, &failed);
        if (is_json) {
            print_document(i, failed.document);
            continue;
        }
        (void)fputs("  ", stdout);
        tq_print_text(stdout, failed.worker);
        (void)fputs(": ", stdout);
        tq_print_lines(stdout, failed.error, 2);
        (void)putchar('\n');
    }
    if (is_json)
        (void)printf("]}\n");
    else if (shown < count)
        (void)printf("  and %zu more workers\n", count - shown);
}

static void print(const struct tq_stats *stats, bool is_json)
{
    const struct {
        const char *name;
        int64_t value;
    } lines[] = {
        {"pending", stats->pending},     {"running", stats->running},
        {"completed", stats->completed}, {"failed", stats->failed},
        {"cancelled", stats->cancelled}, {"total", stats->total},
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (is_json)
            (void)printf("%c\"%s\":%" PRId64, i == 0 ? '{' : ',', lines[i].name, lines[i].value);
        else
            (void)printf("%-9s %12" PRId64 "\n", lines[i].name, lines[i].value);
    }
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    struct tq_database database;
    struct tq_stats stats;
    struct tq_rows unhandled = {0}, failed = {0};
    bool is_done;

    (void)code;
    if (!tq_database_open(call->common, "taskq stats", &database, err))
        return false;
    is_done = tq_producer_stats(database.session, &stats, err) &&
              tq_reader_unhandled_types(database.session, MOST_ROWS + 1, &unhandled, err) &&
              tq_reader_failed_reloads(database.session, MOST_ROWS, &failed, err);
    if (is_done) {
        print(&stats, call->common->is_json);
        print_unhandled(&unhandled, call->common->is_json);
        print_failed_reloads(&failed, call->common->is_json);
    }
    tq_rows_clear(&unhandled);
    tq_rows_clear(&failed);
    tq_database_close(&database);
    return is_done;
}

const struct tq_command tq_command_stats = {
    .name = "stats",
    .usage = "[options]",
    .summary = "count the tasks by status",
    .details = "Finished tasks are counted for as long as their history is kept. Below the numbers "
               "stand the\n"
               "types of pending tasks that no live worker has a handler for, and the workers "
               "whose handlers\n"
               "have changed and do not load, with the reason.\n",
    .run = run,
};
