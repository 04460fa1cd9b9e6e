// SPDX-License-Identifier: MIT
//
// What changed between two readings of a folder, and which line a message is about.
#include <stdlib.h>

#include "base/memory.h"
#include "script/source.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

static struct tq_source *read_source(const struct stage *stage)
{
    struct tq_source *source;
    struct tq_err err;

    CHECK_OK(tq_source_read(stage->folder, &source, &err), &err);
    return source;
}

/* The stage's folder now, compared with before. */
static void check_change(const struct stage *stage, struct tq_source *before, const char *expected)
{
    struct tq_source *after = read_source(stage);
    char *change = tq_source_describe_change(before, after);

    CHECK_TEXT(change, expected);
    free(change);
    tq_source_unref(after);
    tq_source_unref(before);
}

UNIT_TEST(sees_no_change_where_there_is_none)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "a.lua", "return 1");
    stage_write(&stage, "readme.txt", "one");
    struct tq_source *before = read_source(&stage);

    stage_write(&stage, "a.lua", "return 1");
    stage_write(&stage, "readme.txt", "two");
    stage_write(&stage, ".hidden.lua", "two");

    check_change(&stage, before, NULL);
    stage_close(&stage);
}

UNIT_TEST(names_what_changed_what_is_new_and_what_is_gone)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "a.lua", "return 1");
    stage_write(&stage, "b.lua", "return 1");
    stage_write(&stage, "gone.lua", "return 1");
    struct tq_source *before = read_source(&stage);

    stage_remove(&stage);
    stage_write(&stage, "b.lua", "return 2");
    stage_write(&stage, "lib/new.lua", "return 1");
    check_change(&stage, before, "b.lua, new: lib/new.lua, gone: gone.lua");
    stage_close(&stage);
}

UNIT_TEST(counts_what_is_too_much_to_name)
{
    struct stage stage;

    stage_open(&stage);
    struct tq_source *before = read_source(&stage);

    for (char name[] = "a.lua"; name[0] <= 'k'; name[0]++)
        stage_write(&stage, name, "");

    check_change(&stage, before,
                 "new: a.lua, b.lua, c.lua, d.lua, e.lua, f.lua, g.lua, h.lua and 3 more");
    stage_close(&stage);
}

/* The line quoted for a message; %s in it stands for the folder. */
static void check_quote(const struct stage *stage, const char *format, const char *expected)
{
    struct tq_source *source = read_source(stage);
    char *message = tq_format(format, stage->folder);
    char *quote = tq_source_quote(source, message);

    CHECK_TEXT(quote, expected);
    free(quote);
    free(message);
    tq_source_unref(source);
}

UNIT_TEST(quotes_the_line_that_a_message_names)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "a.lua", "one\n  \ttwo  \r\n\nfour");
    stage_write(&stage, "ba.lua", "other");

    check_quote(&stage, "%s/a.lua:1: bad", "one");
    check_quote(&stage, "%s/a.lua:2: bad", "two");
    check_quote(&stage, "%s/a.lua:3: bad", NULL); /* empty */
    check_quote(&stage, "%s/a.lua:4: bad", "four");
    check_quote(&stage, "%s/a.lua:5: bad", NULL); /* there is none */
    check_quote(&stage, "error: %s/ba.lua:1: bad", "other");
    check_quote(&stage, "%s/a.lua: handler 1: bad", NULL);
    check_quote(&stage, "%s/a.luac:1: bad", NULL);
    check_quote(&stage, "x%s/a.lua:1: bad", NULL);
    check_quote(&stage, "%s/ba.lua:1: in a.lua:1: bad", "other"); /* the first that is named */
    stage_close(&stage);
}

UNIT_TEST(quotes_from_a_file_whose_name_lua_has_shortened)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "a/folder/with/a/long/name/of/which/lua/shows/the/end/only.lua",
                "return {\n  a b\n}");

    struct tq_err err;

    CHECK(!stage_try_load(&stage, &err));
    CHECK(err.message[0] == '.');

    struct tq_source *source = read_source(&stage);
    char *quote = tq_source_quote(source, err.message);

    CHECK_TEXT(quote, "a b");
    free(quote);
    tq_source_unref(source);
    stage_close(&stage);
}

/* Where a message about the one file a.lua is located: "LINE reason". */
static void check_place(const struct stage *stage, const char *reason, long line)
{
    struct tq_source *source = read_source(stage);
    char *message = tq_format("%s/a.lua: %s", stage->folder, reason);
    struct tq_source_place place;

    CHECK(tq_source_locate(source, message, &place));
    CHECK_TEXT(place.file, source->files[0].name);
    CHECK_TEXT(place.reason, reason);
    CHECK_INT(place.line, line);
    free(message);
    tq_source_unref(source);
}

UNIT_TEST(finds_the_line_that_sets_a_field)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "a.lua",
                "local my_timeout = 5\n"
                "return {\n"
                "  { type = 'a', timeout=5, backoff = {\n"
                "    kind = 'x', base = 0 } },\n"
                "  { type = 'b', time_out = 5, wait == 7 },\n"
                "}\n");

    check_place(&stage, "handler 1: timeout: must be a number", 3);
    check_place(&stage, "backoff.base: must be a number", 4);
    check_place(&stage, "handler 1: unknown backoff.kind \"x\"", 4);
    check_place(&stage, "handler 2: unknown field \"time_out\" (did you mean \"timeout\"?)", 5);
    check_place(&stage, "handler 2: type: is set twice", 0);
    check_place(&stage, "wait: is only compared", 0);
    check_place(&stage, "must return a handler", 0);
    stage_close(&stage);
}

UNIT_TEST(takes_a_message_apart_that_begins_with_its_place)
{
    struct stage stage;
    struct tq_source_place place;

    stage_open(&stage);
    stage_write(&stage, "a.lua", "one\ntwo\n");
    struct tq_source *source = read_source(&stage);
    const char *name = source->files[0].name;
    char *message = tq_format("%s:2: bad", name), *inner = tq_format("in %s:1: bad", name);

    CHECK(tq_source_locate(source, message, &place));
    CHECK_TEXT(place.reason, "bad");
    CHECK_INT(place.line, 2);
    CHECK(tq_source_locate(source, inner, &place));
    CHECK_TEXT(place.reason, inner);
    CHECK_INT(place.line, 1);
    CHECK(!tq_source_locate(source, "/elsewhere/a.lua:1: bad", &place));
    free(message);
    free(inner);
    tq_source_unref(source);
    stage_close(&stage);
}
