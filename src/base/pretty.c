// SPDX-License-Identifier: MIT
//
// Lines in the pretty form.
#include "base/pretty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

static const char faint[] = "\033[2m", yellow[] = "\033[33m", red[] = "\033[31m";
static const char plain[] = "\033[0m";

/* By level; the sign tells them apart without colours too. */
static const struct {
    const char *sign, *colour; /* NULL: none */
} levels[] = {{"  .  ", faint}, {"     ", NULL}, {"  !  ", yellow}, {"  X  ", red}};

/* What stands below the line, in this order, and what each line of it begins with. */
static const struct {
    const char *key, *indent;
} below[TQ_PRETTY_BELOW] = {
    {"error", "\n                 "},
    {"source", "\n                   | "},
    {"traceback", "\n                 "},
};

/* Text of unknown content, in a colour if there is one. */
static void add_coloured(struct tq_pretty *line, const char *colour, const char *text)
{
    bool is_coloured = line->is_coloured && colour != NULL;

    if (is_coloured)
        tq_buf_add_text(&line->text, colour);
    tq_text_add_escaped(&line->text, text, "");
    if (is_coloured)
        tq_buf_add_text(&line->text, plain);
}

static void add_time(struct tq_pretty *line)
{
    int64_t now_us = tq_clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm local;
    char text[32], with_ms[40];

    (void)localtime_r(&seconds, &local);
    (void)strftime(text, sizeof text, "%H:%M:%S", &local);
    (void)snprintf(with_ms, sizeof with_ms, "%s.%03d", text, (int)(now_us / 1000 % 1000));
    add_coloured(line, faint, with_ms);
}

void tq_pretty_begin(struct tq_pretty *line, int level, const char *message)
{
    add_time(line);
    add_coloured(line, levels[level].colour, levels[level].sign);
    add_coloured(line, levels[level].colour, message);
}

static void add_below(struct tq_buf *out, const char *indent, const char *text)
{
    const char *end;

    do {
        end = strchrnul(text, '\n');
        char *part = tq_memdup(text, (size_t)(end - text));

        tq_buf_add_text(out, indent);
        tq_text_add_escaped(out, part, "");
        free(part);
        text = end + 1;
    } while (*end != '\0');
}

void tq_pretty_add(struct tq_pretty *line, const char *key, size_t key_len, const char *value)
{
    for (size_t i = 0; i < TQ_PRETTY_BELOW; i++) {
        if (strlen(below[i].key) == key_len && memcmp(below[i].key, key, key_len) == 0) {
            add_below(&line->below[i], below[i].indent, value);
            return;
        }
    }

    char *name = tq_format("  %.*s=", (int)key_len, key);

    add_coloured(line, faint, name);
    tq_text_add_escaped(&line->text, *value != '\0' ? value : "\"\"", "");
    free(name);
}

void tq_pretty_end(struct tq_pretty *line)
{
    for (size_t i = 0; i < TQ_PRETTY_BELOW; i++) {
        tq_buf_add(&line->text, line->below[i].data, line->below[i].len);
        tq_buf_deinit(&line->below[i]);
    }
}
