// SPDX-License-Identifier: MIT
//
// What the database itself can do with taskq's storage and statements: drains one lane with two libpq
// connections, claim.sql on one and complete.sql on the other, and nothing else: no Lua, no threads, no
// lease. The worker's drain rate is quoted as a ratio to this one, from the same run.
//
//     limit CONNINFO QUERIES_FOLDER TYPE BATCH
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *settings =
    "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_hashjoin = off; "
    "set enable_mergejoin = off; set jit = off; set timezone = 'UTC'";

enum { COLUMN_ID, COLUMN_TID, COLUMN_AT = 4, COLUMN_CLAIMS = 6 };

struct text {
    char *data;
    size_t len;
};

static void fail(PGconn *connection)
{
    fprintf(stderr, "%s", PQerrorMessage(connection));
    exit(1);
}

static char *read_file(const char *folder, const char *name)
{
    char path[4096], *text = calloc(1, 65536);
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r");
    if (file == NULL || fread(text, 1, 65535, file) == 0) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return text;
}

static PGconn *open_connection(const char *conninfo, const char *name, const char *sql)
{
    PGconn *connection = PQconnectdb(conninfo);
    PGresult *result;

    if (PQstatus(connection) != CONNECTION_OK)
        fail(connection);
    PQclear(PQexec(connection, settings));
    result = PQprepare(connection, name, sql, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail(connection);
    PQclear(result);
    PQsetnonblocking(connection, 1);
    return connection;
}

static void start(PGconn *connection, const char *name, int count, const char *const *values)
{
    if (PQsendQueryPrepared(connection, name, count, values, NULL, NULL, 0) != 1)
        fail(connection);
    while (PQflush(connection) > 0)
        continue;
}

/* The answer, when all of it is there; else NULL. */
static PGresult *take(PGconn *connection)
{
    PGresult *result, *extra;

    if (PQconsumeInput(connection) != 1)
        fail(connection);
    if (PQisBusy(connection))
        return NULL;
    result = PQgetResult(connection);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail(connection);
    while ((extra = PQgetResult(connection)) != NULL)
        PQclear(extra);
    return result;
}

static void add(struct text *array, const char *quote, const char *value)
{
    array->len += (size_t)sprintf(array->data + array->len, "%s%s%s%s", array->len > 1 ? "," : "",
                                  quote, value, quote);
}

static void send_completion(PGconn *connection, const PGresult *claimed, int count, int batch)
{
    struct text arrays[4];

    for (int i = 0; i < 4; i++)
        arrays[i] = (struct text){malloc((size_t)batch * 40 + 64), 1};
    for (int i = 0; i < 4; i++)
        strcpy(arrays[i].data, "{");
    for (int row = 0; row < count; row++) {
        add(&arrays[0], "", PQgetvalue(claimed, row, COLUMN_ID));
        add(&arrays[1], "\"", PQgetvalue(claimed, row, COLUMN_TID));
        add(&arrays[2], "", PQgetvalue(claimed, row, COLUMN_CLAIMS));
        add(&arrays[3], "", "null");
    }
    const char *values[5] = {NULL, NULL, NULL, NULL, "1"};

    for (int i = 0; i < 4; i++) {
        strcpy(arrays[i].data + arrays[i].len, "}");
        values[i] = arrays[i].data;
    }
    start(connection, "complete", 5, values);
    for (int i = 0; i < 4; i++)
        free(arrays[i].data);
}

static void send_claim(PGconn *connection, const char *type, const char *batch, const char *at,
                       const char *id)
{
    char types[512], ats[128], ids[64];

    snprintf(types, sizeof types, "{\"%s\"}", type);
    snprintf(ats, sizeof ats, "{\"%s\"}", at);
    snprintf(ids, sizeof ids, "{%s}", id);

    const char *values[] = {batch, types, "{0}", ats, ids, "1"};

    start(connection, "claim", 6, values);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    char at[64] = "-infinity", id[32] = "0";
    bool is_claiming = false, is_empty = false;
    int completing = 0;
    long total = 0;
    PGresult *claimed = NULL;

    if (argc != 5) {
        fprintf(stderr, "usage: limit CONNINFO QUERIES_FOLDER TYPE BATCH\n");
        return 2;
    }
    PGconn *claim = open_connection(argv[1], "claim", read_file(argv[2], "claim.sql"));
    PGconn *complete = open_connection(argv[1], "complete", read_file(argv[2], "complete.sql"));
    double began_s = now_s();

    while (!is_empty || claimed != NULL || completing > 0 || is_claiming) {
        if (!is_claiming && claimed == NULL && !is_empty) {
            send_claim(claim, argv[3], argv[4], at, id);
            is_claiming = true;
        }
        if (claimed != NULL && completing == 0) {
            completing = PQntuples(claimed) - 1; /* the last row tells the snapshot */
            send_completion(complete, claimed, completing, atoi(argv[4]));
            PQclear(claimed);
            claimed = NULL;
            continue;
        }
        struct pollfd ends[2] = {{PQsocket(claim), POLLIN, 0}, {PQsocket(complete), POLLIN, 0}};
        PGresult *result;

        poll(ends, 2, 1000);
        if (is_claiming && ends[0].revents != 0 && (result = take(claim)) != NULL) {
            is_claiming = false;
            is_empty = PQntuples(result) == 1;
            for (int row = 0; row + 1 < PQntuples(result); row++) { /* one zone, one format: text order */
                if (strcmp(at, "-infinity") == 0 || strcmp(PQgetvalue(result, row, COLUMN_AT), at) > 0) {
                    snprintf(at, sizeof at, "%s", PQgetvalue(result, row, COLUMN_AT));
                    snprintf(id, sizeof id, "%s", PQgetvalue(result, row, COLUMN_ID));
                }
            }
            if (is_empty)
                PQclear(result);
            else
                claimed = result;
        }
        if (completing > 0 && ends[1].revents != 0 && (result = take(complete)) != NULL) {
            total += completing;
            completing = 0;
            PQclear(result);
        }
    }
    printf("%.0f\n", (double)total / (now_s() - began_s));
    PQfinish(claim);
    PQfinish(complete);
    return 0;
}
