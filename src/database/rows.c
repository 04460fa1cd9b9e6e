// SPDX-License-Identifier: MIT
//
// Decoding binary cells, and turning the server's complaints into errors that name the remedy.
#include "database/rows.h"

#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

/* SQLSTATE prefixes that mean something to an operator, most specific first. */
static const struct {
    const char *prefix;
    enum tq_err_domain domain;
    const char *remedy;
} states[] = {
    {"3F000", TQ_ERR_SCHEMA, "run `taskq migrate` first"},
    {"42P01", TQ_ERR_SCHEMA, "run `taskq migrate` first"},
    {"42883", TQ_ERR_SCHEMA, "run `taskq migrate` first"},
    {"25006", TQ_ERR_CONNECT,
     "the database is read-only: connect to the primary (target_session_attrs=read-write), or "
     "see its default_transaction_read_only"},
    {"42501", TQ_ERR_QUERY,
     "ask the owner of the schema taskq to grant this role taskq_producer, taskq_worker, "
     "taskq_reader or taskq_admin"},
    {"22P05", TQ_ERR_QUERY, "jsonb cannot hold \\u0000: remove it from the JSON"},
    {"53100", TQ_ERR_CONNECT, "the server's disk is full: free some space"},
    {"53300", TQ_ERR_CONNECT, "raise max_connections, or start fewer workers"},
    {"57P", TQ_ERR_CONNECT, NULL},
    {"08", TQ_ERR_CONNECT, NULL},
};

static const char *cell(const struct tq_rows *rows, size_t row, int column)
{
    return PQgetvalue(rows->result, (int)row, column);
}

void tq_rows_clear(struct tq_rows *rows)
{
    PQclear(rows->result);
    rows->result = NULL;
}

size_t tq_rows_count(const struct tq_rows *rows)
{
    return rows->result != NULL ? (size_t)PQntuples(rows->result) : 0;
}

bool tq_rows_is_null(const struct tq_rows *rows, size_t row, int column)
{
    return PQgetisnull(rows->result, (int)row, column) != 0;
}

bool tq_rows_bool(const struct tq_rows *rows, size_t row, int column)
{
    return *cell(rows, row, column) != 0;
}

int16_t tq_rows_int2(const struct tq_rows *rows, size_t row, int column)
{
    uint16_t wire;

    memcpy(&wire, cell(rows, row, column), sizeof wire);
    return (int16_t)be16toh(wire);
}

int32_t tq_rows_int4(const struct tq_rows *rows, size_t row, int column)
{
    uint32_t wire;

    memcpy(&wire, cell(rows, row, column), sizeof wire);
    return (int32_t)be32toh(wire);
}

int64_t tq_rows_int8(const struct tq_rows *rows, size_t row, int column)
{
    uint64_t wire;

    memcpy(&wire, cell(rows, row, column), sizeof wire);
    return (int64_t)be64toh(wire);
}

struct tq_tid tq_rows_tid(const struct tq_rows *rows, size_t row, int column)
{
    uint32_t block;
    uint16_t offset;
    const char *bytes = cell(rows, row, column);

    memcpy(&block, bytes, sizeof block);
    memcpy(&offset, bytes + sizeof block, sizeof offset);
    return (struct tq_tid){.block = be32toh(block), .offset = be16toh(offset)};
}

const char *tq_rows_text(const struct tq_rows *rows, size_t row, int column)
{
    return cell(rows, row, column);
}

const char *tq_rows_jsonb(const struct tq_rows *rows, size_t row, int column, size_t *len)
{
    *len = (size_t)PQgetlength(rows->result, (int)row, column) - 1;
    return cell(rows, row, column) + 1;
}

int64_t tq_rows_int8_item(const struct tq_rows *rows, size_t row, int column, size_t n,
                          size_t *count)
{
    enum { HEADER_BYTES = 20, LENGTH_AT = 12, ITEM_BYTES = 12 };
    const char *bytes = cell(rows, row, column);
    uint32_t wire_count;
    uint64_t wire;

    *count = 0;
    if (PQgetlength(rows->result, (int)row, column) < HEADER_BYTES)
        return 0; /* an empty array has no dimension */
    memcpy(&wire_count, bytes + LENGTH_AT, sizeof wire_count);
    *count = be32toh(wire_count);
    memcpy(&wire, bytes + HEADER_BYTES + n * ITEM_BYTES + 4, sizeof wire);
    return (int64_t)be64toh(wire);
}

static void trim(char *message)
{
    size_t len = strlen(message);

    while (len > 0 && (message[len - 1] == '\n' || message[len - 1] == ' '))
        message[--len] = '\0';
    for (char *at = message; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\t')
            *at = ' '; /* libpq's words may have several lines; an error is one */
    }
}

bool tq_err_from_result(struct tq_err *err, const struct pg_result *result, const char *doing)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    enum tq_err_domain domain = state != NULL ? TQ_ERR_QUERY : TQ_ERR_CONNECT;
    const char *remedy = NULL;

    if (state == NULL)
        state = "";
    if (strcmp(state, "23514") == 0 || strcmp(state, "23502") == 0)
        detail = NULL; /* the whole row; the constraint's name says what is wrong */
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (*state != '\0' && strncmp(state, states[i].prefix, strlen(states[i].prefix)) == 0) {
            domain = states[i].domain;
            remedy = states[i].remedy;
            break;
        }
    }
    if (strncmp(state, "TQ", 2) == 0) /* raised by sql/functions/: says it all */
        (void)tq_err_set(err, domain, 0, "%s", primary);
    else
        (void)tq_err_set(err, domain, 0, "%s: %s%s%s%s%s", doing,
                         primary != NULL ? primary : PQresultErrorMessage(result),
                         detail != NULL ? " (" : "", detail != NULL ? detail : "",
                         detail != NULL ? ")" : "", remedy != NULL ? "; " : "");
    trim(err->message);
    if (remedy != NULL) {
        size_t len = strlen(err->message);

        (void)snprintf(err->message + len, sizeof err->message - len, " %s", remedy);
    }
    (void)snprintf(err->sqlstate, sizeof err->sqlstate, "%s", state);
    return false;
}

bool tq_err_from_connection(struct tq_err *err, const struct pg_conn *connection, const char *doing)
{
    (void)tq_err_set(err, TQ_ERR_CONNECT, 0, "%s: %s", doing, PQerrorMessage(connection));
    trim(err->message);
    return false;
}

bool tq_err_is_lost(const struct tq_err *err)
{
    return err->domain == TQ_ERR_CONNECT && *err->sqlstate == '\0';
}
