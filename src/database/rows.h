// SPDX-License-Identifier: MIT
//
// The rows of an answer, in binary, decoded cell by cell. Only database/ looks inside; callers
// above get plain structs from the repository.
#ifndef TQ_DATABASE_ROWS_H
#define TQ_DATABASE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "database/params.h"

struct pg_result; /* PGresult */
struct pg_conn;   /* PGconn */

struct tq_rows {
    struct pg_result *result; /* owned; NULL: no rows */
};

void tq_rows_clear(struct tq_rows *rows);

size_t tq_rows_count(const struct tq_rows *rows);
bool tq_rows_is_null(const struct tq_rows *rows, size_t row, int column);
bool tq_rows_bool(const struct tq_rows *rows, size_t row, int column);
int16_t tq_rows_int2(const struct tq_rows *rows, size_t row, int column);
int32_t tq_rows_int4(const struct tq_rows *rows, size_t row, int column);
int64_t tq_rows_int8(const struct tq_rows *rows, size_t row, int column); /* timestamptz too */
struct tq_tid tq_rows_tid(const struct tq_rows *rows, size_t row, int column);
const char *tq_rows_text(const struct tq_rows *rows, size_t row, int column);

/* The text of a jsonb, without its version byte. */
const char *tq_rows_jsonb(const struct tq_rows *rows, size_t row, int column, size_t *len);

/* The n-th of the *count values of a bigint[]; count is 0 for an empty array. */
int64_t tq_rows_int8_item(const struct tq_rows *rows, size_t row, int column, size_t n,
                          size_t *count);

/* Fill err from what the server or libpq said; return false. */
bool tq_err_from_result(struct tq_err *err, const struct pg_result *result, const char *doing);
bool tq_err_from_connection(struct tq_err *err, const struct pg_conn *connection,
                            const char *doing);

/* Whether the connection was lost, and with it the answer; else the server said no. */
bool tq_err_is_lost(const struct tq_err *err);

#endif
