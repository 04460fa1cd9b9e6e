// SPDX-License-Identifier: MIT
//
// Reading lines with read(2), so that a line that arrives is seen at once.
#include "command/line_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 * 1024 };

bool tq_line_reader_open(struct tq_line_reader *reader, const char *path, size_t most_bytes,
                         struct tq_err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;

    *reader = (struct tq_line_reader){
        .fd = STDIN_FILENO,
        .path = is_stdin ? "standard input" : path,
        .most_bytes = most_bytes,
    };
    if (is_stdin)
        return true;
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    return reader->fd >= 0 || tq_err_system(err, "cannot open %s", path);
}

void tq_line_reader_close(struct tq_line_reader *reader)
{
    if (reader->fd > STDIN_FILENO)
        (void)close(reader->fd); /* opened for reading: nothing can be lost */
    tq_buf_deinit(&reader->buf);
}

/* Reads once more, after dropping what has been returned. */
static bool fill(struct tq_line_reader *reader, struct tq_err *err)
{
    struct tq_buf *buf = &reader->buf;
    ssize_t got;

    if (reader->start > 0) {
        memmove(buf->data, buf->data + reader->start, buf->len - reader->start);
        buf->len -= reader->start;
        reader->scanned -= reader->start;
        reader->start = 0;
    }
    tq_buf_reserve(buf, CHUNK_BYTES);
    do
        got = read(reader->fd, buf->data + buf->len, CHUNK_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return tq_err_system(err, "cannot read %s", reader->path);
    buf->len += (size_t)got;
    reader->is_over = got == 0;
    return true;
}

/* Finds the end of the next line in what has been read: true when it is there. */
static bool find_end(struct tq_line_reader *reader, size_t *end)
{
    struct tq_buf *buf = &reader->buf;
    const char *found = NULL;

    if (buf->len > reader->scanned)
        found = memchr(buf->data + reader->scanned, '\n', buf->len - reader->scanned);
    reader->scanned = found != NULL ? (size_t)(found - buf->data) : buf->len;
    *end = reader->scanned;
    return found != NULL || (reader->is_over && buf->len > reader->start);
}

enum tq_line tq_line_reader_next(struct tq_line_reader *reader, const char **line, size_t *len,
                                 struct tq_err *err)
{
    bool is_too_long = false;
    size_t end;

    while (!find_end(reader, &end)) {
        if (reader->is_over && !is_too_long)
            return TQ_LINE_END;
        if (reader->is_over)
            break;
        if (reader->buf.len - reader->start > reader->most_bytes) {
            is_too_long = true;
            reader->start = reader->scanned = reader->buf.len; /* forget what is there of it */
        }
        if (!fill(reader, err))
            return TQ_LINE_FAILED;
    }
    *line = reader->buf.data + reader->start;
    *len = end - reader->start;
    is_too_long = is_too_long || *len > reader->most_bytes;
    reader->start = reader->scanned = end < reader->buf.len ? end + 1 : end;
    reader->number++;
    return is_too_long ? TQ_LINE_TOO_LONG : TQ_LINE_THERE;
}

bool tq_line_reader_would_wait(const struct tq_line_reader *reader)
{
    struct pollfd poll_fd = {.fd = reader->fd, .events = POLLIN};
    const struct tq_buf *buf = &reader->buf;

    if (reader->is_over || (buf->len > reader->start && memchr(buf->data + reader->start, '\n',
                                                               buf->len - reader->start) != NULL))
        return false;
    return poll(&poll_fd, 1, 0) == 0;
}
