// SPDX-License-Identifier: MIT
//
// A growing run of bytes. data is NUL-terminated after every call that added something, so that it
// can be used as a string; it is NULL until then. The owner calls tq_buf_deinit().
#ifndef TQ_BASE_BUFFER_H
#define TQ_BASE_BUFFER_H

#include <stddef.h>

#include "base/error.h"

struct tq_buf {
    char *data;
    size_t len;
    size_t capacity;
};

void tq_buf_deinit(struct tq_buf *buf);
void tq_buf_clear(struct tq_buf *buf); /* keeps the memory */
void tq_buf_reserve(struct tq_buf *buf, size_t more);
char *tq_buf_extend(struct tq_buf *buf, size_t len); /* by bytes that the caller writes there */
void tq_buf_add(struct tq_buf *buf, const void *data, size_t len);
void tq_buf_add_text(struct tq_buf *buf, const char *text);
void tq_buf_add_char(struct tq_buf *buf, char c);
void tq_buf_addf(struct tq_buf *buf, const char *format, ...) TQ_PRINTF(2, 3);

const char *tq_buf_text(const struct tq_buf *buf); /* data, or "" where there is none */

/* The bytes, now the caller's to free(); the buffer is empty afterwards. Never NULL. */
char *tq_buf_take(struct tq_buf *buf);

/* Appends the whole file at path. */
TQ_MUST_CHECK bool tq_buf_add_file(struct tq_buf *buf, const char *path, struct tq_err *err);

#endif
