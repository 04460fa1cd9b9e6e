// SPDX-License-Identifier: MIT
//
// How long a committed task waits until it is claimed: by PostgreSQL's clock for the claim (started_at),
// by this machine's for the return of COMMIT; run it on the server's machine.
//
//     latency CONNINFO TYPE busy PRODUCERS SECONDS   producers side by side: single inserts, transactions held
//                                                    open for 0-400 ms, rollbacks
//     latency CONNINFO TYPE idle COUNT GAP_MS        one insert at a time, with a pause after each
//
// A worker with a handler for TYPE must be running. Prints one line of JSON: delays in ms, how many
// committed tasks were not claimed within 1 s and 20 ms, and how many notifications were seen.
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TASKS = 4000000 };

static const char *conninfo, *type;
static double end_s;
static struct {
    int64_t id;
    double committed_s;
} *tasks;
static atomic_int task_count;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_ms(double ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)((ms - 1000 * (int)(ms / 1000)) * 1e6)};

    nanosleep(&t, NULL);
}

static PGconn *connect_or_exit(void)
{
    PGconn *connection = PQconnectdb(conninfo);

    if (PQstatus(connection) != CONNECTION_OK) {
        fprintf(stderr, "%s", PQerrorMessage(connection));
        exit(1);
    }
    return connection;
}

static PGresult *run(PGconn *connection, const char *sql, int count, const char *const *values)
{
    PGresult *result = PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s", PQresultErrorMessage(result));
        exit(1);
    }
    return result;
}

static int64_t insert(PGconn *connection)
{
    PGresult *result = run(
        connection, "insert into taskq.worker_tasks (type, payload) values ($1, '{\"n\": 1}') returning id",
        1, &type);
    int64_t id = strtoll(PQgetvalue(result, 0, 0), NULL, 10);

    PQclear(result);
    return id;
}

static void record(int64_t id)
{
    int place = atomic_fetch_add(&task_count, 1);

    if (place < MAX_TASKS) {
        tasks[place].id = id;
        tasks[place].committed_s = now_s();
    }
}

static void *produce(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg * 7919 + 1;
    PGconn *connection = connect_or_exit();

    while (now_s() < end_s) {
        int kind = rand_r(&seed) % 10;

        if (kind < 6) {
            record(insert(connection));
            pause_ms(rand_r(&seed) % 10);
            continue;
        }
        PQclear(run(connection, "begin", 0, NULL));
        int64_t first = insert(connection);
        pause_ms(rand_r(&seed) % 400);
        int64_t second = insert(connection);
        PQclear(run(connection, kind < 9 ? "commit" : "rollback", 0, NULL));
        if (kind < 9) {
            record(first);
            record(second);
        }
    }
    PQfinish(connection);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Waits until nothing of the type is live, for 10 s at most. */
static void wait_until_claimed(PGconn *connection)
{
    for (int i = 0; i < 200; i++) {
        PGresult *result = run(connection,
                               "select exists (select from taskq.worker_tasks_live where type = $1)", 1,
                               &type);
        bool is_left = *PQgetvalue(result, 0, 0) == 't';

        PQclear(result);
        if (!is_left)
            return;
        pause_ms(50);
    }
}

static void report(PGconn *connection, double since_s, long notifications)
{
    int count = task_count < MAX_TASKS ? task_count : MAX_TASKS;
    double *delays = malloc(sizeof *delays * (size_t)(count + 1));
    long late = 0, later = 0, missing = 0;
    int known = 0;
    char since[32];
    const char *values[] = {type, since};

    snprintf(since, sizeof since, "%.6f", since_s - 1);
    PGresult *result =
        run(connection,
            "select id, extract(epoch from started_at)::float8 from taskq.worker_tasks_finished "
            "where type = $1 and finished_at > to_timestamp($2::float8) order by id",
            2, values);
    int rows = PQntuples(result);

    for (int i = 0; i < count; i++) {
        int low = 0, high = rows;

        while (low < high) {
            int middle = (low + high) / 2;

            if (strtoll(PQgetvalue(result, middle, 0), NULL, 10) < tasks[i].id)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == rows || strtoll(PQgetvalue(result, low, 0), NULL, 10) != tasks[i].id) {
            missing++;
            continue;
        }
        double delay = (strtod(PQgetvalue(result, low, 1), NULL) - tasks[i].committed_s) * 1000;

        delays[known++] = delay;
        late += delay > 20;
        later += delay > 1000;
    }
    qsort(delays, (size_t)known, sizeof *delays, compare);
    if (known == 0)
        printf("{\"tasks\": %d, \"never_claimed\": %ld}\n", count, missing);
    else
        printf("{\"tasks\": %d, \"never_claimed\": %ld, \"p50_ms\": %.2f, \"p99_ms\": %.2f, "
               "\"p999_ms\": %.2f, \"max_ms\": %.2f, \"over_20_ms\": %ld, \"over_1_s\": %ld, "
               "\"notifications\": %ld}\n",
               count, missing, delays[known / 2], delays[known * 99L / 100],
               delays[known * 999L / 1000], delays[known - 1], late, later, notifications);
    PQclear(result);
    free(delays);
}

static long take_notifications(PGconn *connection)
{
    PGnotify *notify;
    long count = 0;

    PQconsumeInput(connection);
    while ((notify = PQnotifies(connection)) != NULL) {
        count++;
        PQfreemem(notify);
    }
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: latency CONNINFO TYPE busy PRODUCERS SECONDS | idle COUNT GAP_MS\n");
        return 2;
    }
    conninfo = argv[1];
    type = argv[2];
    tasks = calloc(MAX_TASKS, sizeof *tasks);

    PGconn *connection = connect_or_exit(), *listener = connect_or_exit();
    double since_s = now_s();
    long notifications = 0;

    PQclear(run(listener, "listen taskq", 0, NULL));
    if (strcmp(argv[3], "busy") == 0) {
        int producers = atoi(argv[4]);
        pthread_t *threads = calloc((size_t)producers, sizeof *threads);

        end_s = now_s() + atof(argv[5]);
        for (intptr_t i = 0; i < producers; i++)
            pthread_create(&threads[i], NULL, produce, (void *)i);
        for (int i = 0; i < producers; i++)
            pthread_join(threads[i], NULL);
        free(threads);
    } else {
        unsigned seed = 1;

        for (int i = 0; i < atoi(argv[4]); i++) {
            record(insert(connection));
            pause_ms(atof(argv[5]) * (0.75 + (rand_r(&seed) % 1000) / 2000.0));
        }
    }
    PQclear(run(listener, "select 1", 0, NULL));
    notifications = take_notifications(listener);
    wait_until_claimed(connection);
    report(connection, since_s, notifications);
    PQfinish(connection);
    PQfinish(listener);
    free(tasks);
    return 0;
}
