// SPDX-License-Identifier: MIT
#include "command/line_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/unit.h"

/* A reader of a file with this text; the file is gone already. */
static void open_text(struct tq_line_reader *reader, const char *text, size_t len, size_t most)
{
    char path[] = "/tmp/taskq-unit-XXXXXX";
    struct tq_err err;
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, len), (int64_t)len);
    CHECK(close(fd) == 0);
    CHECK_OK(tq_line_reader_open(reader, path, most, &err), &err);
    CHECK(unlink(path) == 0);
}

static void expect(struct tq_line_reader *reader, enum tq_line outcome, const char *text)
{
    const char *line = "";
    size_t len = 0;
    struct tq_err err;

    CHECK_INT(tq_line_reader_next(reader, &line, &len, &err), outcome);
    if (text != NULL) {
        CHECK_INT(len, strlen(text));
        CHECK(memcmp(line, text, len) == 0);
    }
}

UNIT_TEST(reads_lines)
{
    struct tq_line_reader reader;

    open_text(&reader, "one\n\ntwo", 8, 100);
    CHECK(!tq_line_reader_would_wait(&reader));
    expect(&reader, TQ_LINE_THERE, "one");
    expect(&reader, TQ_LINE_THERE, "");
    expect(&reader, TQ_LINE_THERE, "two");
    CHECK_INT(reader.number, 3);
    expect(&reader, TQ_LINE_END, NULL);
    expect(&reader, TQ_LINE_END, NULL);
    tq_line_reader_close(&reader);
}

UNIT_TEST(reads_an_empty_file)
{
    struct tq_line_reader reader;

    open_text(&reader, "", 0, 100);
    expect(&reader, TQ_LINE_END, NULL);
    tq_line_reader_close(&reader);
}

UNIT_TEST(skips_lines_that_are_too_long)
{
    enum { LONG = 1000 * 1000 };
    struct tq_line_reader reader;
    char *text = malloc(LONG);

    CHECK(text != NULL);
    memset(text, 'x', LONG);
    memcpy(text, "a\n", 2);
    memcpy(text + LONG / 2, "\nbb\n12345\n123456\n", 17);
    open_text(&reader, text, LONG, 5);
    expect(&reader, TQ_LINE_THERE, "a");
    expect(&reader, TQ_LINE_TOO_LONG, NULL);
    expect(&reader, TQ_LINE_THERE, "bb");
    expect(&reader, TQ_LINE_THERE, "12345");
    expect(&reader, TQ_LINE_TOO_LONG, NULL);
    expect(&reader, TQ_LINE_TOO_LONG, NULL);
    CHECK_INT(reader.number, 6);
    expect(&reader, TQ_LINE_END, NULL);
    tq_line_reader_close(&reader);
    free(text);
}

UNIT_TEST(names_a_file_that_is_not_there)
{
    struct tq_line_reader reader;
    struct tq_err err;

    CHECK(!tq_line_reader_open(&reader, "/nowhere/file", 100, &err));
    CHECK_TEXT(err.message, "cannot open /nowhere/file: No such file or directory");
}
