// SPDX-License-Identifier: MIT
//
// Cells in a row of bytes: an int64_t length, -1 for null, then that many bytes and a NUL.
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void tq_table_deinit(struct tq_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        free(table->columns[i].name);
    free(table->columns);
    tq_buf_deinit(&table->cells);
    *table = (struct tq_table){0};
}

void tq_table_add_column(struct tq_table *table, const char *name, enum tq_cell_kind kind)
{
    size_t count = table->column_count + 1;

    table->columns = tq_realloc(table->columns, count * sizeof *table->columns);
    table->columns[table->column_count] = (struct tq_column){tq_strdup(name), kind};
    table->column_count = count;
}

void tq_table_add_cell(struct tq_table *table, const char *text, size_t len)
{
    int64_t header = text != NULL ? (int64_t)len : -1;

    tq_buf_add(&table->cells, &header, sizeof header);
    if (text == NULL)
        return;
    tq_buf_add(&table->cells, text, len);
    tq_buf_add_char(&table->cells, '\0');
}

void tq_table_end_row(struct tq_table *table)
{
    table->row_count++;
}

const char *tq_table_read_cell(const struct tq_table *table, size_t *place, size_t *len)
{
    const char *at = table->cells.data + *place;
    int64_t header;

    memcpy(&header, at, sizeof header); /* not aligned */
    *place += sizeof header;
    *len = header >= 0 ? (size_t)header : 0;
    if (header < 0)
        return NULL;
    *place += *len + 1;
    return at + sizeof header;
}
