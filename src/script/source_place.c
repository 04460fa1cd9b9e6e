// SPDX-License-Identifier: MIT
//
// Finding the line of source that a message is about. Messages name their place as Lua does,
// "handlers/a.lua:12: reason", or a handler's field, "handlers/a.lua: timeout: must be a number".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lua.h>

#include "base/memory.h"
#include "script/script.h"
#include "script/source.h"

enum { MOST_BYTES = 160 /* of a line */, KEPT_BYTES = LUA_IDSIZE - 4 /* of a name that is long */ };

#define FIELD_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."

/* How Lua writes a file's name into messages: the end of it when it is long. */
static void shorten(const char *name, char out[LUA_IDSIZE])
{
    size_t len = strlen(name);

    if (len < LUA_IDSIZE)
        (void)snprintf(out, LUA_IDSIZE, "%s", name);
    else
        (void)snprintf(out, LUA_IDSIZE, "...%s", name + len - KEPT_BYTES);
}

struct mark { /* "NAME:NUMBER: " in a message */
    const char *start, *end;
    long line;
};

static bool find_mark(const char *message, const char *name, struct mark *mark)
{
    size_t len = strlen(name);

    for (const char *at = message; (at = strstr(at, name)) != NULL; at += len) {
        bool is_whole = at == message || strchr(" \t\n:'\"([", at[-1]) != NULL;
        char *end;

        if (!is_whole || at[len] != ':')
            continue;
        *mark = (struct mark){.start = at, .line = strtol(at + len + 1, &end, 10)};
        mark->end = end + 1 + strspn(end + 1, " ");
        if (end > at + len + 1 && *end == ':' && mark->line > 0)
            return true;
    }
    return false;
}

static char *copy_line(const struct tq_source_file *file, long line)
{
    const char *at = file->text, *end = file->text + file->len;

    while (--line > 0) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            return NULL;
        at++;
    }

    const char *stop = memchr(at, '\n', (size_t)(end - at));

    if (stop == NULL)
        stop = end;
    while (stop > at && strchr(" \t\r", stop[-1]) != NULL)
        stop--;
    while (at < stop && strchr(" \t", *at) != NULL)
        at++;
    if (stop - at > MOST_BYTES)
        stop = at + MOST_BYTES;
    return stop > at ? tq_memdup(at, (size_t)(stop - at)) : NULL;
}

/* The file that message names first, or NULL. */
static const struct tq_source_file *find_first(const struct tq_source *source, const char *message,
                                               struct mark *mark)
{
    const struct tq_source_file *file = NULL;

    for (size_t i = 0; i < source->count; i++) {
        char name[LUA_IDSIZE];
        struct mark candidate;

        shorten(source->files[i].name, name);
        if (!find_mark(message, name, &candidate) ||
            (file != NULL && candidate.start >= mark->start))
            continue;
        *mark = candidate;
        file = &source->files[i];
    }
    return file;
}

char *tq_source_quote(const struct tq_source *source, const char *message)
{
    struct mark mark;
    const struct tq_source_file *file = find_first(source, message, &mark);

    return file != NULL ? copy_line(file, mark.line) : NULL;
}

/* ---- fields ---- */

/* The word that is wrong in "timeout: must be ...", "handler 2: backoff.base: must be ...",
   "unknown field "time_out" ..." or "unknown backoff.kind "fast" ..."; false: there is none. */
static bool find_field(const char *reason, const char **word, size_t *len)
{
    bool is_unknown;
    const char *end;

    if (strncmp(reason, "handler ", 8) == 0 && strstr(reason, ": ") != NULL)
        reason = strstr(reason, ": ") + 2;
    is_unknown = strncmp(reason, "unknown ", 8) == 0 && strchr(reason, '"') != NULL;
    if (is_unknown)
        reason = strncmp(reason + 8, "field", 5) == 0 ? strchr(reason, '"') + 1 : reason + 8;
    end = reason + strspn(reason, FIELD_CHARACTERS);
    if (end == reason || strchr(is_unknown ? "\" " : ":", *end) == NULL || *end == '\0')
        return false;
    *word = reason;
    for (const char *at = reason; at < end; at++) {
        if (*at == '.') /* backoff.base is set as base */
            *word = at + 1;
    }
    *len = (size_t)(end - *word);
    return true;
}

/* The line of the one place where `word =` stands; 0 when there is none, or a second one. */
static long line_of_field(const struct tq_source_file *file, const char *word, size_t len)
{
    const char *text = file->text;
    long line = 1, found = 0;

    for (const char *at = text; at < text + file->len; at++) {
        if (*at == '\n')
            line++;
        if (strncmp(at, word, len) != 0 || (at > text && strchr(FIELD_CHARACTERS, at[-1]) != NULL))
            continue;

        const char *after = at + len + strspn(at + len, " \t");

        if (*after != '=' || after[1] == '=')
            continue;
        if (found > 0)
            return 0;
        found = line;
    }
    return found;
}

bool tq_source_locate(const struct tq_source *source, const char *message,
                      struct tq_source_place *place)
{
    struct mark mark;
    const struct tq_source_file *file = find_first(source, message, &mark);
    const char *word;
    size_t len;

    if (file != NULL) {
        *place = (struct tq_source_place){file->name, mark.line, message};
        if (mark.start == message)
            place->reason = mark.end;
        return true;
    }
    for (size_t i = 0; i < source->count; i++) {
        file = &source->files[i];
        len = strlen(file->name);
        if (strncmp(message, file->name, len) != 0 || strncmp(message + len, ": ", 2) != 0)
            continue;
        *place = (struct tq_source_place){.file = file->name, .reason = message + len + 2};
        if (find_field(place->reason, &word, &len))
            place->line = line_of_field(file, word, len);
        return true;
    }
    return false;
}
