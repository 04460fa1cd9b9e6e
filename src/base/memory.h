// SPDX-License-Identifier: MIT
//
// The host's own memory. Running out of it is not an error that anybody could handle, so these
// never return NULL: they say how much was asked for and abort. (Memory of Lua scripts is another
// matter: script/budget.h.) Free with free().
#ifndef TQ_BASE_MEMORY_H
#define TQ_BASE_MEMORY_H

#include <stddef.h>

void *tq_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *tq_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *tq_realloc(void *old, size_t size) __attribute__((returns_nonnull));
char *tq_strdup(const char *text) __attribute__((malloc, returns_nonnull));

/* A copy of len bytes with a NUL after them. */
char *tq_memdup(const void *data, size_t len) __attribute__((malloc, returns_nonnull));

char *tq_format(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* The array of elements of that size, perhaps elsewhere, so that it holds at least `needed`;
   doubles. */
void *tq_grow(void *items, size_t *capacity, size_t needed, size_t element_size)
    __attribute__((warn_unused_result));

/* The struct of that type which the pointer points to a member of. */
#define TQ_OWNER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
