// SPDX-License-Identifier: MIT
//
// The rows of an answer as texts, with what each column is: how rows travel from the database to
// the scripts, which know nothing of each other. Built front to back, then read front to back.
// Owned by the caller: tq_table_deinit().
#ifndef TQ_BASE_TABLE_H
#define TQ_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum tq_cell_kind {
    TQ_CELL_TEXT,
    TQ_CELL_BOOL,    /* t or f */
    TQ_CELL_INTEGER, /* of at most 64 bits */
    TQ_CELL_NUMBER,  /* as strtod() reads it */
    TQ_CELL_JSON,
};

struct tq_column {
    char *name;
    enum tq_cell_kind kind;
};

struct tq_table {
    struct tq_column *columns;
    size_t column_count;
    size_t row_count;
    int64_t affected;    /* rows that the statement touched or returned */
    struct tq_buf cells; /* by row; each a length and its bytes */
};

void tq_table_deinit(struct tq_table *table);

void tq_table_add_column(struct tq_table *table, const char *name, enum tq_cell_kind kind);

/* The next cell of the row; text NULL: null. */
void tq_table_add_cell(struct tq_table *table, const char *text, size_t len);
void tq_table_end_row(struct tq_table *table);

/* The cell at *place, which is moved to the next one; 0 is the first. NULL: null. */
const char *tq_table_read_cell(const struct tq_table *table, size_t *place, size_t *len);

#endif
