// SPDX-License-Identifier: MIT
//
// Tables: what is written front to back is read front to back.
#include "base/table.h"

#include "unit/unit.h"

UNIT_TEST(reads_cells_in_the_order_they_were_added)
{
    struct tq_table table = {0};
    size_t place = 0, len;

    tq_table_add_column(&table, "id", TQ_CELL_INTEGER);
    tq_table_add_column(&table, "name", TQ_CELL_TEXT);
    tq_table_add_cell(&table, "7", 1);
    tq_table_add_cell(&table, NULL, 0);
    tq_table_end_row(&table);
    tq_table_add_cell(&table, "", 0);
    tq_table_add_cell(&table, "a\0b", 3);
    tq_table_end_row(&table);

    CHECK_INT(table.row_count, 2);
    CHECK_INT(table.column_count, 2);
    CHECK_TEXT(table.columns[1].name, "name");
    CHECK_INT(table.columns[0].kind, TQ_CELL_INTEGER);
    CHECK_TEXT(tq_table_read_cell(&table, &place, &len), "7");
    CHECK(tq_table_read_cell(&table, &place, &len) == NULL);
    CHECK_TEXT(tq_table_read_cell(&table, &place, &len), "");
    CHECK_INT(len, 0);
    CHECK_TEXT(tq_table_read_cell(&table, &place, &len) + 2, "b");
    CHECK_INT(len, 3);
    CHECK_INT(place, table.cells.len);
    tq_table_deinit(&table);
    CHECK_INT(table.row_count, 0);
}
