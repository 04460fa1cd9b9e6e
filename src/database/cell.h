// SPDX-License-Identifier: MIT
//
// Cells of an answer in text format, on their way into a table; for database/ only.
#ifndef TQ_DATABASE_CELL_H
#define TQ_DATABASE_CELL_H

#include "base/error.h"
#include "base/table.h"

struct pg_result; /* PGresult */

/* What a column of that type is to scripts. oids of built-in types never change. */
enum tq_cell_kind tq_cell_kind(unsigned oid);

/* Times with a zone are written as RFC 3339 has them. */
void tq_cell_add(struct tq_table *table, const struct pg_result *result, int row, int column);

/* The server's own words about a statement of somebody else, and its SQLSTATE. */
void tq_cell_describe_failure(struct tq_err *err, const struct pg_result *result);

#endif
