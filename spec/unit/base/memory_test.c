// SPDX-License-Identifier: MIT
//
// The host's allocations.
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>

#include "unit/unit.h"

UNIT_TEST(copies_bytes_and_ends_them)
{
    char *copy = tq_memdup("hello world", 5);

    CHECK_TEXT(copy, "hello");
    free(copy);
}

UNIT_TEST(zeroed_memory_is_zero)
{
    unsigned char *bytes = tq_zalloc(64);

    for (int i = 0; i < 64; i++)
        CHECK_INT(bytes[i], 0);
    free(bytes);
}

UNIT_TEST(formats_texts)
{
    char *text = tq_format("%s-%d", "a", 5);

    CHECK_TEXT(text, "a-5");
    free(text);
}

UNIT_TEST(growing_doubles_and_keeps_what_is_there)
{
    void *items = NULL;
    size_t capacity = 0;

    items = tq_grow(items, &capacity, 1, sizeof(int));
    CHECK_INT(capacity, 8);
    ((int *)items)[7] = 42;
    items = tq_grow(items, &capacity, 8, sizeof(int));
    CHECK_INT(capacity, 8);
    items = tq_grow(items, &capacity, 9, sizeof(int));
    CHECK_INT(capacity, 16);
    items = tq_grow(items, &capacity, 1000, sizeof(int));
    CHECK_INT(capacity, 1000);
    CHECK_INT(((int *)items)[7], 42);
    free(items);
}

UNIT_TEST(no_bytes_are_still_memory)
{
    free(tq_alloc(0));
    free(tq_realloc(NULL, 0));
}
