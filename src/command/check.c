// SPDX-License-Identifier: MIT
//
// taskq check: loads the handlers as a worker does, and runs none. No database, no worker.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/memory.h"
#include "binding/host.h"
#include "command/command.h"
#include "command/print.h"
#include "script/script.h"

struct check_options {
    const char *handlers;
    struct tq_texts c_modules;
};

static const struct tq_option options[] = {
    {"handlers", TQ_OPTION_TEXT, offsetof(struct check_options, handlers), "DIR", "JOB_HANDLERS",
     "./handlers", 0, 0, "the folder with the handlers"},
    {"allow-c-module", TQ_OPTION_TEXTS, offsetof(struct check_options, c_modules), "NAME,...", NULL,
     NULL, 0, 0, "modules written in C that handlers may load"},
    {0},
};

struct problems {
    char **items;
    size_t count, capacity;
};

static void on_problem(void *owner, const char *message)
{
    struct problems *problems = owner;

    problems->items =
        tq_grow(problems->items, &problems->capacity, problems->count + 1, sizeof *problems->items);
    problems->items[problems->count++] = tq_strdup(message);
}

static void free_problems(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free(problems->items[i]);
    free(problems->items);
}

/* ---- text ---- */

static void print_problem(const struct tq_source *source, const char *message)
{
    struct tq_source_place place;

    if (!tq_source_locate(source, message, &place))
        place = (struct tq_source_place){.reason = message};
    if (place.file != NULL)
        tq_print_text(stderr, place.file);
    if (place.file != NULL && place.line > 0)
        (void)fprintf(stderr, ":%ld", place.line);
    (void)fputs(place.file != NULL ? ": " : "", stderr);
    tq_print_text(stderr, place.reason);
    (void)putc('\n', stderr);
}

static void print_handler(const struct tq_handler *handler, int type_width, int file_width)
{
    char timeout[24] = "default", attempts[16] = "default";

    if (handler->timeout_ms > 0)
        (void)tq_duration_format_ms(handler->timeout_ms, timeout); /* returns timeout */
    if (handler->max_attempts > 0)
        (void)snprintf(attempts, sizeof attempts, "%d", handler->max_attempts);
    (void)printf("%-*s  %-*s  %8s  %8s  %s\n", type_width, handler->type, file_width, handler->file,
                 timeout, attempts, tq_backoff_kind_name(handler->backoff.kind));
}

static int wider(int width, const char *text)
{
    int len = (int)strlen(text);

    return len > width ? len : width;
}

static void print_handlers(const struct tq_script *script)
{
    size_t count = tq_script_handler_count(script);
    int type_width = wider(0, "type"), file_width = wider(0, "file");

    for (size_t i = 0; i < count; i++) {
        type_width = wider(type_width, tq_script_handler(script, i)->type);
        file_width = wider(file_width, tq_script_handler(script, i)->file);
    }
    (void)printf("%-*s  %-*s  %8s  %8s  %s\n", type_width, "type", file_width, "file", "timeout",
                 "attempts", "backoff");
    for (size_t i = 0; i < count; i++)
        print_handler(tq_script_handler(script, i), type_width, file_width);
}

static void print_text(const struct tq_source *source, const struct tq_script *script,
                       const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        print_problem(source, problems->items[i]);
    if (problems->count == 0)
        print_handlers(script);
    else
        (void)fprintf(stderr, "taskq: %zu problem%s\n", problems->count,
                      problems->count == 1 ? "" : "s");
}

/* ---- JSON ---- */

static void print_member(const char *name, int64_t value)
{
    if (value > 0)
        (void)printf(",\"%s\":%" PRId64, name, value);
    else
        (void)printf(",\"%s\":null", name);
}

static void print_json_handler(const struct tq_handler *handler)
{
    (void)fputs("{\"type\":", stdout);
    tq_print_json_string(handler->type);
    (void)fputs(",\"file\":", stdout);
    tq_print_json_string(handler->file);
    print_member("timeout", handler->timeout_ms);
    print_member("max_attempts", handler->max_attempts);
    print_member("max_age", handler->max_age_ms);
    print_member("memory_limit", (int64_t)handler->memory_limit_bytes);
    (void)printf(",\"backoff\":{\"kind\":\"%s\",\"base\":%" PRId64 ",\"cap\":%" PRId64
                 ",\"jitter\":%g}}",
                 tq_backoff_kind_name(handler->backoff.kind), handler->backoff.base_ms,
                 handler->backoff.cap_ms, handler->backoff.jitter);
}

static void print_json_problem(const struct tq_source *source, const char *message)
{
    struct tq_source_place place = {.reason = message};
    bool is_located = tq_source_locate(source, message, &place);

    (void)fputs("{\"file\":", stdout);
    if (is_located)
        tq_print_json_string(place.file);
    else
        (void)fputs("null", stdout);
    print_member("line", place.line);
    (void)fputs(",\"message\":", stdout);
    tq_print_json_string(place.reason);
    (void)putchar('}');
}

static void print_json(const struct tq_source *source, const struct tq_script *script,
                       const struct problems *problems)
{
    (void)fputs("{\"handlers\":[", stdout);
    for (size_t i = 0; i < tq_script_handler_count(script); i++) {
        (void)fputs(i > 0 ? "," : "", stdout);
        print_json_handler(tq_script_handler(script, i));
    }
    (void)fputs("],\"problems\":[", stdout);
    for (size_t i = 0; i < problems->count; i++) {
        (void)fputs(i > 0 ? "," : "", stdout);
        print_json_problem(source, problems->items[i]);
    }
    (void)puts("]}");
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    const struct check_options *given = call->options;
    static const struct tq_host no_host; /* files are only loaded; nothing runs */
    struct problems problems = {0};
    const struct tq_script_config config = {.open_taskq = luaopen_taskq,
                                            .host = &no_host,
                                            .on_problem = on_problem,
                                            .owner = &problems};
    struct tq_source *source;
    struct tq_script *script;

    if (!tq_source_read(given->handlers, &source, err))
        return false;
    tq_source_allow(source, &given->c_modules);

    bool is_loaded = tq_script_new(&config, source, &script, err);

    if (is_loaded) {
        if (problems.count == 0 && tq_script_handler_count(script) == 0) {
            char *message = tq_format("there is no handler in %s: put a *.lua file there, or name "
                                      "another folder with --handlers",
                                      given->handlers);

            on_problem(&problems, message);
            free(message);
        }
        if (call->common->is_json)
            print_json(source, script, &problems);
        else
            print_text(source, script, &problems);
        *code = problems.count > 0 ? TQ_EXIT_HANDLERS : TQ_EXIT_DONE;
        tq_script_free(script);
    }
    free_problems(&problems);
    tq_source_unref(source);
    return is_loaded;
}

const struct tq_command tq_command_check = {
    .name = "check",
    .usage = "[options]",
    .summary = "load the handlers, and say what is wrong with them",
    .details = "Loads all files as a worker does and lists the handlers, or every problem that it "
               "finds, a line\n"
               "each: file:line: reason. Nothing runs, and no database is needed.\n",
    .options = options,
    .options_size = sizeof(struct check_options),
    .run = run,
};
