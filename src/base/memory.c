// SPDX-License-Identifier: MIT
//
// malloc and its kin, with out-of-memory as the end of the process.
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *block, size_t size)
{
    if (block != NULL)
        return block;
    (void)fprintf(stderr, "taskq: out of memory (%zu bytes asked for)\n", size);
    abort();
}

void *tq_alloc(size_t size)
{
    return check(malloc(size > 0 ? size : 1), size);
}

void *tq_zalloc(size_t size)
{
    return check(calloc(1, size > 0 ? size : 1), size);
}

void *tq_realloc(void *old, size_t size)
{
    return check(realloc(old, size > 0 ? size : 1), size);
}

char *tq_strdup(const char *text)
{
    return tq_memdup(text, strlen(text));
}

char *tq_memdup(const void *data, size_t len)
{
    char *copy = tq_alloc(len + 1);

    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    return copy;
}

char *tq_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return check(len < 0 ? NULL : text, 0);
}

void *tq_grow(void *items, size_t *capacity, size_t needed, size_t element_size)
{
    if (needed <= *capacity)
        return items;

    size_t grown = *capacity > 0 ? *capacity * 2 : 8;

    if (grown < needed)
        grown = needed;
    if (grown > SIZE_MAX / element_size)
        (void)check(NULL, SIZE_MAX);
    *capacity = grown;
    return tq_realloc(items, grown * element_size);
}
