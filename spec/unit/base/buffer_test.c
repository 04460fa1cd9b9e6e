// SPDX-License-Identifier: MIT
//
// The growing buffer.
#include "base/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/unit.h"

UNIT_TEST(starts_without_memory)
{
    struct tq_buf buf = {0};

    tq_buf_clear(&buf);
    CHECK(buf.data == NULL);
    tq_buf_deinit(&buf);
}

UNIT_TEST(everything_added_ends_in_nul)
{
    struct tq_buf buf = {0};

    tq_buf_add_text(&buf, "");
    CHECK_TEXT(buf.data, "");
    tq_buf_add(&buf, "abc", 2);
    CHECK_TEXT(buf.data, "ab");
    tq_buf_add_char(&buf, 'c');
    tq_buf_addf(&buf, "%d%s", 12, "-");
    CHECK_TEXT(buf.data, "abc12-");
    CHECK_INT(buf.len, 6);
    tq_buf_deinit(&buf);
    CHECK(buf.data == NULL);
}

UNIT_TEST(keeps_bytes_of_every_value)
{
    struct tq_buf buf = {0};

    for (int i = 0; i < 1000; i++)
        tq_buf_add_char(&buf, (char)i);
    CHECK_INT(buf.len, 1000);
    for (int i = 0; i < 1000; i++)
        CHECK_INT(buf.data[i], (char)i);
    tq_buf_deinit(&buf);
}

UNIT_TEST(formats_more_than_its_room)
{
    struct tq_buf buf = {0};

    tq_buf_add_text(&buf, "[");
    tq_buf_addf(&buf, "%5000d", 7);
    tq_buf_add_text(&buf, "]");
    CHECK_INT(buf.len, 5002);
    CHECK_TEXT(buf.data + 4999, " 7]");
    tq_buf_deinit(&buf);
}

UNIT_TEST(clearing_keeps_the_memory)
{
    struct tq_buf buf = {0};

    tq_buf_add_text(&buf, "hello");

    char *data = buf.data;

    tq_buf_clear(&buf);
    CHECK_TEXT(buf.data, "");
    CHECK_INT(buf.len, 0);
    tq_buf_add_text(&buf, "bye");
    CHECK(buf.data == data);
    tq_buf_deinit(&buf);
}

UNIT_TEST(taking_gives_the_memory_away)
{
    struct tq_buf buf = {0};
    char *nothing = tq_buf_take(&buf);

    CHECK_TEXT(nothing, "");
    tq_buf_add_text(&buf, "x");

    char *text = tq_buf_take(&buf);

    CHECK_TEXT(text, "x");
    CHECK(buf.data == NULL);
    CHECK_INT(buf.len, 0);
    free(nothing);
    free(text);
}

UNIT_TEST(reads_whole_files)
{
    char path[] = "/tmp/taskq-buffer-XXXXXX";
    int fd = mkstemp(path);
    struct tq_buf buf = {0};
    struct tq_err err;
    char bytes[40000];

    memset(bytes, 'y', sizeof bytes);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, bytes, sizeof bytes), sizeof bytes);
    CHECK_INT(close(fd), 0);
    tq_buf_add_text(&buf, "+");

    CHECK_OK(tq_buf_add_file(&buf, path, &err), &err);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(buf.len, sizeof bytes + 1);
    CHECK_INT(strlen(buf.data), sizeof bytes + 1);
    tq_buf_deinit(&buf);
}

UNIT_TEST(says_why_a_file_cannot_be_read)
{
    struct tq_buf buf = {0};
    struct tq_err err;

    CHECK(!tq_buf_add_file(&buf, "/nowhere/at all", &err));
    CHECK_INT(err.code, ENOENT);
    CHECK_TEXT(err.message, "cannot open /nowhere/at all: No such file or directory");
    CHECK(!tq_buf_add_file(&buf, "/", &err));
    CHECK_INT(err.code, EISDIR);
    CHECK_TEXT(err.message, "cannot read /: Is a directory");
    tq_buf_deinit(&buf);
}
