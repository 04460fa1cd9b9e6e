// SPDX-License-Identifier: MIT
//
// Lines of a file or a pipe, in memory bounded by the longest line that is allowed.
#ifndef TQ_COMMAND_LINE_READER_H
#define TQ_COMMAND_LINE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct tq_line_reader {
    int fd; /* owned, unless it is standard input */
    const char *path;
    size_t most_bytes;
    struct tq_buf buf;
    size_t start, scanned; /* in buf: the next line, and how far there is no line's end */
    bool is_over;          /* read(2) said so */
    int64_t number;        /* of the line that was returned last, from 1 */
};

enum tq_line {
    TQ_LINE_THERE,
    TQ_LINE_TOO_LONG, /* it has been skipped */
    TQ_LINE_END,
    TQ_LINE_FAILED,
};

/* path "-" is standard input. */
TQ_MUST_CHECK bool tq_line_reader_open(struct tq_line_reader *reader, const char *path,
                                       size_t most_bytes, struct tq_err *err);
void tq_line_reader_close(struct tq_line_reader *reader);

/* The next line, without its end; valid until the next call. err is filled for TQ_LINE_FAILED. */
enum tq_line tq_line_reader_next(struct tq_line_reader *reader, const char **line, size_t *len,
                                 struct tq_err *err);

/* Whether the next line is not there yet, so that asking for it would wait. */
bool tq_line_reader_would_wait(const struct tq_line_reader *reader);

#endif
