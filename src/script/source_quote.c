// SPDX-License-Identifier: MIT
//
// Finding the line of source that a message is about. Messages name their place as Lua does:
// "handlers/a.lua:12: reason".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lua.h>

#include "base/memory.h"
#include "script/script.h"
#include "script/source.h"

enum { MOST_BYTES = 160 /* of a line */, KEPT_BYTES = LUA_IDSIZE - 4 /* of a name that is long */ };

/* How Lua writes a file's name into messages: the end of it when it is long. */
static void shorten(const char *name, char out[LUA_IDSIZE])
{
    size_t len = strlen(name);

    if (len < LUA_IDSIZE)
        (void)snprintf(out, LUA_IDSIZE, "%s", name);
    else
        (void)snprintf(out, LUA_IDSIZE, "...%s", name + len - KEPT_BYTES);
}

/* Where "NAME:NUMBER:" begins in message, and the number; or NULL. */
static const char *find_place(const char *message, const char *name, long *line)
{
    size_t len = strlen(name);

    for (const char *at = message; (at = strstr(at, name)) != NULL; at += len) {
        bool is_whole = at == message || strchr(" \t\n:'\"([", at[-1]) != NULL;
        char *end;

        if (!is_whole || at[len] != ':')
            continue;
        *line = strtol(at + len + 1, &end, 10);
        if (end > at + len + 1 && *end == ':' && *line > 0)
            return at;
    }
    return NULL;
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

char *tq_source_quote(const struct tq_source *source, const char *message)
{
    const struct tq_source_file *file = NULL;
    const char *first = NULL;
    long line = 0;

    for (size_t i = 0; i < source->count; i++) {
        char name[LUA_IDSIZE];
        long candidate;

        shorten(source->files[i].name, name);
        const char *at = find_place(message, name, &candidate);

        if (at != NULL && (first == NULL || at < first)) {
            first = at;
            file = &source->files[i];
            line = candidate;
        }
    }
    return file != NULL ? copy_line(file, line) : NULL;
}
