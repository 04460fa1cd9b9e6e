// SPDX-License-Identifier: MIT
//
// Types by their oids, times, and the server's complaints.
#include "database/cell.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

enum { TIMESTAMPTZ_OID = 1184, TIME_BYTES = 64 };

static const struct {
    unsigned oid;
    enum tq_cell_kind kind;
} kinds[] = {
    {16, TQ_CELL_BOOL},    {20, TQ_CELL_INTEGER}, {21, TQ_CELL_INTEGER}, {23, TQ_CELL_INTEGER},
    {700, TQ_CELL_NUMBER}, {701, TQ_CELL_NUMBER}, /* float4, float8; the three above: int8, 2, 4 */
    {114, TQ_CELL_JSON},   {3802, TQ_CELL_JSON},  /* json, jsonb */
};

enum tq_cell_kind tq_cell_kind(unsigned oid)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].oid == oid)
            return kinds[i].kind;
    }
    return TQ_CELL_TEXT;
}

/* "2026-11-23 17:04:05.123+00" as "2026-11-23T17:04:05.123Z", and "+02" as "+02:00". Infinity,
   years before Christ and other date styles are left alone. */
static void add_time(struct tq_table *table, const char *text, size_t len)
{
    char time[TIME_BYTES];
    const char *space = memchr(text, ' ', len);
    size_t zone = len > 3 ? len - 3 : 0;

    if (space == NULL || strchr("0123456789", *text) == NULL || text[len - 1] == 'C' ||
        len + sizeof ":00" > sizeof time) {
        tq_table_add_cell(table, text, len);
        return;
    }
    memcpy(time, text, len + 1);
    time[space - text] = 'T';
    if (strcmp(time + zone, "+00") == 0)
        (void)strcpy(time + zone, "Z");
    else if (time[zone] == '+' || time[zone] == '-')
        (void)strcpy(time + len, ":00");
    tq_table_add_cell(table, time, strlen(time));
}

void tq_cell_add(struct tq_table *table, const struct pg_result *result, int row, int column)
{
    const char *text = PQgetvalue(result, row, column);
    size_t len = (size_t)PQgetlength(result, row, column);

    if (PQgetisnull(result, row, column) != 0)
        tq_table_add_cell(table, NULL, 0);
    else if (PQftype(result, column) == TIMESTAMPTZ_OID)
        add_time(table, text, len);
    else
        tq_table_add_cell(table, text, len);
}

void tq_cell_describe_failure(struct tq_err *err, const struct pg_result *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);

    (void)tq_err_set(err, state != NULL ? TQ_ERR_QUERY : TQ_ERR_CONNECT, 0, "%s%s%s%s%s%s",
                     primary != NULL ? primary : PQresultErrorMessage(result),
                     detail != NULL ? " (" : "", detail != NULL ? detail : "",
                     detail != NULL ? ")" : "", hint != NULL ? "; hint: " : "",
                     hint != NULL ? hint : "");
    for (size_t len = strlen(err->message); len > 0 && err->message[len - 1] == '\n';)
        err->message[--len] = '\0';
    (void)snprintf(err->sqlstate, sizeof err->sqlstate, "%s", state != NULL ? state : "08006");
}
