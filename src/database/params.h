// SPDX-License-Identifier: MIT
//
// The parameters of a statement, in PostgreSQL's binary formats, built front to back. Types must be
// the ones that the statement casts its parameters to. One struct is reused for many statements:
// tq_params_clear() keeps the memory. Owned by the caller: tq_params_deinit().
#ifndef TQ_DATABASE_PARAMS_H
#define TQ_DATABASE_PARAMS_H

#include <stdint.h>

#include "base/buffer.h"

enum { TQ_PARAMS_MAX = 12 };

/* A time without beginning, for cursors: '-infinity'. Times are microseconds since 2000-01-01 UTC,
   as PostgreSQL keeps them; see tq_pg_time_to_epoch_us(). */
#define TQ_PG_TIME_MIN INT64_MIN
#define TQ_PG_EPOCH_US INT64_C(946684800000000)

/* Since 1970, to reckon with: a time at infinity, or thousands of years away, is about that far. */
int64_t tq_pg_time_to_epoch_us(int64_t time);

/* Just before the time that epoch_us was made of, for cursors. */
int64_t tq_pg_time_before(int64_t epoch_us);

/* Where a row is. It changes whenever the row does. */
struct tq_tid {
    uint32_t block;
    uint16_t offset;
};

struct tq_params {
    struct tq_buf data;
    int count;
    size_t starts[TQ_PARAMS_MAX];
    int lengths[TQ_PARAMS_MAX]; /* -1: null */
};

enum tq_element { /* array element types, by their fixed oids */
                  TQ_ELEMENT_BOOL = 16,
                  TQ_ELEMENT_INT8 = 20,
                  TQ_ELEMENT_INT2 = 21,
                  TQ_ELEMENT_INT4 = 23,
                  TQ_ELEMENT_TEXT = 25,
                  TQ_ELEMENT_TID = 27,
                  TQ_ELEMENT_TIMESTAMPTZ = 1184,
                  TQ_ELEMENT_JSONB = 3802,
};

void tq_params_clear(struct tq_params *params);
void tq_params_deinit(struct tq_params *params);

void tq_params_null(struct tq_params *params);
void tq_params_bool(struct tq_params *params, bool value);
void tq_params_int4(struct tq_params *params, int32_t value);
void tq_params_int8(struct tq_params *params, int64_t value); /* timestamptz too */
void tq_params_tid(struct tq_params *params, struct tq_tid value);
void tq_params_text(struct tq_params *params, const char *text); /* NULL: null */
void tq_params_jsonb(struct tq_params *params, const char *text, size_t len);

/* Lengthens the last parameter, a text or jsonb. */
void tq_params_more(struct tq_params *params, const char *text, size_t len);

/* Structs to take a column from. */
struct tq_structs {
    const void *items; /* an array of them; size 0: of pointers to them */
    size_t size, count;
};

/* One array parameter: the member of each struct that lies so many bytes from its start. In C it is
   a bool, int16_t, int32_t, int64_t (timestamptz too), struct tq_tid, or, for text and jsonb, a
   const char *, where NULL is null. */
void tq_params_column(struct tq_params *params, enum tq_element element,
                      const struct tq_structs *structs, size_t offset);

/* One array parameter, item by item: begin, then exactly count of that element type. */
void tq_params_array(struct tq_params *params, enum tq_element element, size_t count);
void tq_params_item_null(struct tq_params *params);
void tq_params_item_int4(struct tq_params *params, int32_t value);
void tq_params_item_int8(struct tq_params *params, int64_t value);
void tq_params_item_jsonb(struct tq_params *params, const char *text, size_t len); /* NULL: null */

/* A text[], a bigint[]. */
void tq_params_texts(struct tq_params *params, const char *const *texts, size_t count);
void tq_params_int8s(struct tq_params *params, const int64_t *values, size_t count);

#endif
