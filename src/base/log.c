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

enum { MAX_VALUE_BYTES = 8192, MAX_SPEC_BYTES = 16 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"text", "json"};

static enum tq_log_level log_least = TQ_LOG_INFO; /* [const] once threads run */
static enum tq_log_format log_form = TQ_LOG_TEXT; /* [const] once threads run */

struct arguments { /* a va_list that functions can consume from */
    va_list list;
};

static bool next_pair(const char **cursor, const char **key, size_t *key_len, char *spec);
static const char *render_value(char *out, size_t size, const char *spec, struct arguments *args);
static bool is_json_number(const char *spec, const char *text);
static void add_escaped(struct tq_buf *line, const char *text, const char *specials);
static void add_json_text(struct tq_buf *line, const char *text);
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

bool tq_log_enabled(enum tq_log_level level)
{
    return level >= log_least;
}

static void begin_line(struct tq_buf *line, enum tq_log_level level, const char *area,
                       const char *message)
{
    bool is_json = log_form == TQ_LOG_JSON;

    tq_buf_add_text(line, is_json ? "{\"time\":\"" : "");
    add_time(line);
    if (is_json) {
        tq_buf_addf(line, "\",\"level\":\"%s\",\"area\":\"%s\",\"message\":", level_names[level],
                    area);
        add_json_text(line, message);
    } else {
        tq_buf_addf(line, " %-5s %s ", level_names[level], area);
        add_escaped(line, message, "");
    }
}

static void add_pair(struct tq_buf *line, const char *key, size_t key_len, const char *value,
                     bool is_bare)
{
    bool is_json = log_form == TQ_LOG_JSON;

    tq_buf_addf(line, is_json ? ",\"%.*s\":" : " %.*s=", (int)key_len, key);
    if (!is_json)
        add_text_value(line, value);
    else if (is_bare)
        tq_buf_add_text(line, value);
    else
        add_json_text(line, value);
}

static void end_line(struct tq_buf *line)
{
    tq_buf_add_text(line, log_form == TQ_LOG_JSON ? "}\n" : "\n");
    ssize_t written = write(STDERR_FILENO, line->data, line->len);
    (void)written; /* there is nowhere left to complain */
    tq_buf_deinit(line);
}

void tq_log(enum tq_log_level level, const char *area, const char *message, const char *fields, ...)
{
    struct tq_buf line = {0};
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
    struct tq_buf line = {0};

    if (!tq_log_enabled(level))
        return;
    begin_line(&line, level, area, message);
    for (size_t i = 0; i < count; i++)
        add_pair(&line, pairs[i].key, strlen(pairs[i].key), pairs[i].value, pairs[i].is_bare);
    end_line(&line);
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

/* How many bytes the UTF-8 character at text has; 0 when it is none, an overlong one or a
 * surrogate. */
static size_t character_len(const unsigned char *text)
{
    static const struct {
        unsigned char least, most, second_least, second_most;
        size_t len;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    size_t i = 0, at = 2, count = sizeof forms / sizeof *forms;

    while (i < count && (text[0] < forms[i].least || text[0] > forms[i].most))
        i++;
    if (i == count)
        return 0;
    if (forms[i].len > 1 && (text[1] < forms[i].second_least || text[1] > forms[i].second_most))
        return 0;
    while (at < forms[i].len && (text[at] & 0xc0) == 0x80)
        at++;
    return at >= forms[i].len ? forms[i].len : 0;
}

/* Puts a backslash before each of `specials`, escapes control characters, and replaces bytes that
   are no UTF-8: a line stays one line and, in JSON, valid, whatever a script says. */
static void add_escaped(struct tq_buf *line, const char *text, const char *specials)
{
    while (*text != '\0') {
        unsigned char c = (unsigned char)*text;
        size_t len = character_len((const unsigned char *)text);

        if (strchr(specials, c) != NULL)
            tq_buf_addf(line, "\\%c", c);
        else if (c == '\n')
            tq_buf_add_text(line, "\\n");
        else if (c == '\t')
            tq_buf_add_text(line, "\\t");
        else if (c < 0x20 || c == 0x7f)
            tq_buf_addf(line, "\\u%04x", c);
        else if (len == 0)
            tq_buf_add_text(line, "\xef\xbf\xbd");
        else
            tq_buf_add(line, text, len);
        text += len > 0 ? len : 1;
    }
}

static void add_json_text(struct tq_buf *line, const char *text)
{
    tq_buf_add_char(line, '"');
    add_escaped(line, text, "\"\\");
    tq_buf_add_char(line, '"');
}

/* Bare where a reader could not mistake it, else quoted as in JSON. */
static void add_text_value(struct tq_buf *line, const char *text)
{
    bool is_bare = *text != '\0';

    for (const char *at = text; *at != '\0' && is_bare; at++)
        is_bare = !iscntrl((unsigned char)*at) && strchr(" \"\\=", *at) == NULL;
    if (is_bare)
        add_escaped(line, text, "");
    else
        add_json_text(line, text);
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
