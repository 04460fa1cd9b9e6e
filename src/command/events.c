// SPDX-License-Identifier: MIT
//
// taskq events.
#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include "base/glob.h"
#include "command/command.h"
#include "command/database.h"
#include "command/print.h"
#include "database/follower.h"

struct events_options {
    bool is_following;
    const char *type;
};

#define AT(field) offsetof(struct events_options, field)

static const struct tq_option options[] = {
    {"follow", TQ_OPTION_FLAG, AT(is_following), NULL, NULL, NULL, 0, 0,
     "print events as they happen; needed"},
    {"type", TQ_OPTION_TEXT, AT(type), "GLOB", NULL, NULL, 0, 0,
     "only of tasks whose type matches, such as 'email:*'"},
    {0},
};

struct printer {
    const char *type; /* or NULL */
    bool is_json;
    bool is_lost_told; /* the connection is lost, and that was said */
    int failure;       /* errno of the first write that failed, or 0 */
};

static void note_failure(struct printer *printer)
{
    if (ferror(stdout) && printer->failure == 0)
        printer->failure = errno;
}

static void on_event(void *owner, const struct tq_followed *followed)
{
    struct printer *printer = owner;

    if (printer->type != NULL && *followed->type != '\0' &&
        !tq_glob_matches(printer->type, followed->type))
        return;
    if (printer->is_json) {
        tq_print_lines(stdout, followed->document, 0);
    } else {
        (void)printf("%s  %-9s  %12s  ", followed->at, followed->event, followed->id);
        tq_print_text(stdout, followed->type);
        (void)fputs(*followed->summary != '\0' ? "  " : "", stdout);
        tq_print_text(stdout, followed->summary);
    }
    (void)putchar('\n');
    note_failure(printer);
}

static bool on_flush(void *owner)
{
    struct printer *printer = owner;

    (void)fflush(stdout); /* a failure is noted */
    note_failure(printer);
    return printer->failure == 0;
}

/* A reader that has left is the end, and no failure. */
static bool check_output(const struct printer *printer, struct tq_err *err)
{
    if (printer->failure == 0)
        return true;
    __fpurge(stdout);
    clearerr(stdout);
    errno = printer->failure;
    return errno == EPIPE || tq_err_system(err, "cannot write the output");
}

static void on_heard(void *owner)
{
    struct printer *printer = owner;

    if (printer->is_lost_told)
        (void)fputs("taskq: connected again; what happened meanwhile is not shown\n", stderr);
    printer->is_lost_told = false;
}

static void on_lost(void *owner, const char *message)
{
    struct printer *printer = owner;

    if (!printer->is_lost_told)
        (void)fprintf(stderr, "taskq: no connection; trying again: %s\n", message);
    printer->is_lost_told = true;
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    const struct events_options *o = call->options;
    struct printer printer = {.type = o->type, .is_json = call->common->is_json};
    struct tq_database database;
    bool is_done;

    (void)code;
    if (!o->is_following)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "events are shown as they happen: taskq events --follow; what has "
                          "happened is told by `taskq list` and `taskq show`");
    /* Says at once what a connection that is tried again for ever only notes. */
    if (!tq_database_open(call->common, "taskq events", &database, err))
        return false;
    tq_database_disconnect(&database);
    is_done = tq_follower_run(
        &(struct tq_follower_config){
            .conninfo = database.conninfo,
            .output = STDOUT_FILENO,
            .owner = &printer,
            .on_event = on_event,
            .on_flush = on_flush,
            .on_heard = on_heard,
            .on_lost = on_lost,
        },
        err);
    is_done = is_done && check_output(&printer, err);
    tq_database_close(&database);
    return is_done;
}

const struct tq_command tq_command_events = {
    .name = "events",
    .usage = "--follow [options]",
    .summary = "show what happens to tasks, in the whole fleet",
    .details =
        "Prints a line each time a task is created, started, completed or failed, until it is\n"
        "interrupted. With --json, each line is a JSON object. What happens too fast, or while "
        "there\n"
        "is no connection, is left out, and said so.\n",
    .options = options,
    .options_size = sizeof(struct events_options),
    .run = run,
};
