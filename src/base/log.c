// SPDX-License-Identifier: MIT
//
// Formatting log lines. The level and the form are set before threads start and only read
// afterwards.
#include "base/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/pretty.h"
#include "base/text.h"

enum { MAX_VALUE_BYTES = 8192, MAX_SPEC_BYTES = 16 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"text", "json", "pretty"};

static enum tq_log_level log_least = TQ_LOG_INFO; /* [const] once threads run */
static enum tq_log_format log_form = TQ_LOG_TEXT; /* [const] once threads run */
static bool log_is_coloured;                      /* [const] once threads run */

struct arguments { /* a va_list that functions can consume from */
    va_list list;
};

static bool next_pair(const char **cursor, const char **key, size_t *key_len, char *spec);
static const char *render_value(char *out, size_t size, const char *spec, struct arguments *args);
static bool is_json_number(const char *spec, const char *text);
static void add_text_value(struct tq_buf *line, const char *text);
static void add_time(struct tq_buf *line);

void tq_log_configure(enum tq_log_level least, enum tq_log_format format)
{
    log_least = least;
    log_form = format;
}

static bool parse_name(const char *text, const char *const *names, size_t count, int *index)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *index = (int)i;
            return true;
        }
    }
    return false;
}

bool tq_log_level_parse(const char *text, enum tq_log_level *level)
{
    int index;

    if (!parse_name(text, level_names, sizeof level_names / sizeof *level_names, &index))
        return false;
    *level = (enum tq_log_level)index;
    return true;
}

bool tq_log_format_parse(const char *text, enum tq_log_format *format)
{
    int index;

    if (!parse_name(text, format_names, sizeof format_names / sizeof *format_names, &index))
        return false;
    *format = (enum tq_log_format)index;
    return true;
}

void tq_log_set_coloured(bool is_coloured)
{
    log_is_coloured = is_coloured;
}

bool tq_log_enabled(enum tq_log_level level)
{
    return level >= log_least;
}

static void begin_line(struct tq_pretty *line, enum tq_log_level level, const char *area,
                       const char *message)
{
    struct tq_buf *text = &line->text;

    switch (log_form) {
    case TQ_LOG_PRETTY:
        line->is_coloured = log_is_coloured;
        tq_pretty_begin(line, (int)level, message);
        return;
    case TQ_LOG_JSON:
        tq_buf_add_text(text, "{\"time\":\"");
        add_time(text);
        tq_buf_addf(text, "\",\"level\":\"%s\",\"area\":\"%s\",\"message\":", level_names[level],
                    area);
        tq_text_add_json(text, message);
        return;
    case TQ_LOG_TEXT:
        add_time(text);
        tq_buf_addf(text, " %-5s %s ", level_names[level], area);
        tq_text_add_escaped(text, message, "");
        return;
    }
}

static void add_json_pair(struct tq_buf *line, const char *key, size_t key_len, const char *value,
                          bool is_bare)
{
    tq_buf_addf(line, ",\"%.*s\":", (int)key_len, key);
    if (is_bare)
        tq_buf_add_text(line, value);
    else
        tq_text_add_json(line, value);
}

static void add_pair(struct tq_pretty *line, const char *key, size_t key_len, const char *value,
                     bool is_bare)
{
    switch (log_form) {
    case TQ_LOG_PRETTY:
        tq_pretty_add(line, key, key_len, value);
        return;
    case TQ_LOG_JSON:
        add_json_pair(&line->text, key, key_len, value, is_bare);
        return;
    case TQ_LOG_TEXT:
        tq_buf_addf(&line->text, " %.*s=", (int)key_len, key);
        add_text_value(&line->text, value);
        return;
    }
}

static void end_line(struct tq_pretty *line)
{
    tq_pretty_end(line);
    tq_buf_add_text(&line->text, log_form == TQ_LOG_JSON ? "}\n" : "\n");
    ssize_t written = write(STDERR_FILENO, line->text.data, line->text.len);
    (void)written; /* there is nowhere left to complain */
    tq_buf_deinit(&line->text);
}

void tq_log(enum tq_log_level level, const char *area, const char *message, const char *fields, ...)
{
    struct tq_pretty line = {0};
    struct arguments args;
    const char *key;
    size_t key_len;
    char spec[MAX_SPEC_BYTES], value[MAX_VALUE_BYTES];

    if (!tq_log_enabled(level))
        return;
    begin_line(&line, level, area, message);
    va_start(args.list, fields);
    while (next_pair(&fields, &key, &key_len, spec)) {
        const char *text = render_value(value, sizeof value, spec, &args);

        if (text != NULL)
            add_pair(&line, key, key_len, text, is_json_number(spec, text));
    }
    va_end(args.list);
    end_line(&line);
}

void tq_log_pairs(enum tq_log_level level, const char *area, const char *message,
                  const struct tq_log_pair *pairs, size_t count)
{
    struct tq_pretty line = {0};

    if (!tq_log_enabled(level))
        return;
    begin_line(&line, level, area, message);
    for (size_t i = 0; i < count; i++)
        add_pair(&line, pairs[i].key, strlen(pairs[i].key), pairs[i].value, pairs[i].is_bare);
    end_line(&line);
}

void tq_log_add_json(struct tq_buf *out, enum tq_log_level level, const char *message,
                     const struct tq_log_pair *pairs, size_t count)
{
    tq_buf_add_text(out, "{\"time\":\"");
    add_time(out);
    tq_buf_addf(out, "\",\"level\":\"%s\",\"message\":", level_names[level]);
    tq_text_add_json(out, message);
    for (size_t i = 0; i < count; i++)
        add_json_pair(out, pairs[i].key, strlen(pairs[i].key), pairs[i].value, pairs[i].is_bare);
    tq_buf_add_char(out, '}');
}

/* Finds the next `key=%conversion`; copies the conversion into spec. */
static bool next_pair(const char **cursor, const char **key, size_t *key_len, char *spec)
{
    const char *at = *cursor;
    size_t len = 0;

    while (*at == ' ')
        at++;
    if (*at == '\0')
        return false;
    *key = at;
    while (*at != '=' && *at != '\0')
        at++;
    *key_len = (size_t)(at - *key);
    if (*at == '=')
        at++;
    while (*at != '\0' && *at != ' ' && len < MAX_SPEC_BYTES - 1)
        spec[len++] = *at++;
    spec[len] = '\0';
    *cursor = at;
    return len > 0;
}

static const char *render_value(char *out, size_t size, const char *spec, struct arguments *args)
{
    size_t len = strlen(spec);
    char conversion = spec[len - 1];
    bool is_long = strstr(spec, "l") != NULL || strchr(spec, 'z') != NULL || strchr(spec, 'j');

    if (conversion == 's') {
        const char *text = va_arg(args->list, const char *);

        return text;
    }
    if (strchr("fge", conversion) != NULL)
        (void)snprintf(out, size, spec, va_arg(args->list, double));
    else if (is_long) /* long, long long, size_t and intmax_t are all 64 bits where taskq runs */
        (void)snprintf(out, size, spec, va_arg(args->list, int64_t));
    else
        (void)snprintf(out, size, spec, va_arg(args->list, int));
    return out;
}

/* Decimal conversions make JSON numbers, except of infinity and not-a-number. */
static bool is_json_number(const char *spec, const char *text)
{
    return strchr("diufge", spec[strlen(spec) - 1]) != NULL && strchr(text, 'n') == NULL;
}

/* Bare where a reader could not mistake it, else quoted as in JSON. */
static void add_text_value(struct tq_buf *line, const char *text)
{
    bool is_bare = *text != '\0';

    for (const char *at = text; *at != '\0' && is_bare; at++)
        is_bare = !iscntrl((unsigned char)*at) && strchr(" \"\\=", *at) == NULL;
    if (is_bare)
        tq_text_add_escaped(line, text, "");
    else
        tq_text_add_json(line, text);
}

static void add_time(struct tq_buf *line)
{
    int64_t now_us = tq_clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm utc;
    char text[32];

    (void)gmtime_r(&seconds, &utc);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    tq_buf_addf(line, "%s.%03dZ", text, (int)(now_us / 1000 % 1000));
}
