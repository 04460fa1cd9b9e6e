// SPDX-License-Identifier: MIT
//
// The growing buffer.
#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { READ_CHUNK_BYTES = 16 * 1024 };

void tq_buf_deinit(struct tq_buf *buf)
{
    free(buf->data);
    *buf = (struct tq_buf){0};
}

void tq_buf_clear(struct tq_buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void tq_buf_reserve(struct tq_buf *buf, size_t more)
{
    buf->data = tq_grow(buf->data, &buf->capacity, buf->len + more + 1, 1);
}

char *tq_buf_extend(struct tq_buf *buf, size_t len)
{
    if (buf->len + len >= buf->capacity)
        tq_buf_reserve(buf, len);

    char *place = buf->data + buf->len;

    buf->len += len;
    place[len] = '\0';
    return place;
}

void tq_buf_add(struct tq_buf *buf, const void *data, size_t len)
{
    char *place = tq_buf_extend(buf, len);

    if (len > 0)
        memcpy(place, data, len);
}

void tq_buf_add_text(struct tq_buf *buf, const char *text)
{
    tq_buf_add(buf, text, strlen(text));
}

void tq_buf_add_char(struct tq_buf *buf, char c)
{
    tq_buf_add(buf, &c, 1);
}

void tq_buf_addf(struct tq_buf *buf, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        abort(); /* the format itself is wrong: a broken invariant */
    tq_buf_reserve(buf, (size_t)len);
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
    va_end(again);
    buf->len += (size_t)len;
}

const char *tq_buf_text(const struct tq_buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

char *tq_buf_take(struct tq_buf *buf)
{
    tq_buf_reserve(buf, 0);
    buf->data[buf->len] = '\0';

    char *data = buf->data;

    *buf = (struct tq_buf){0};
    return data;
}

bool tq_buf_add_file(struct tq_buf *buf, const char *path, struct tq_err *err)
{
    FILE *file = fopen(path, "re");
    size_t got;

    if (file == NULL)
        return tq_err_system(err, "cannot open %s", path);
    do {
        tq_buf_reserve(buf, READ_CHUNK_BYTES);
        got = fread(buf->data + buf->len, 1, READ_CHUNK_BYTES, file);
        buf->len += got;
    } while (got > 0);
    buf->data[buf->len] = '\0';

    bool is_read = !ferror(file);

    if (!is_read)
        (void)tq_err_system(err, "cannot read %s", path);
    (void)fclose(file); /* opened for reading: nothing can be lost */
    return is_read;
}
