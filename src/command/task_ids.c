// SPDX-License-Identifier: MIT
//
// From ids to outcomes.
#include "command/task_ids.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "command/database.h"
#include "command/print.h"
#include "database/operator.h"

bool tq_task_id_parse(const char *text, int64_t *id, struct tq_err *err)
{
    char *end;

    errno = 0;
    *id = strtoll(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 || *id < 1)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "\"%.64s\" is not the id of a task", text);
    return true;
}

bool tq_task_status_check(const char *status, const char *choices, struct tq_err *err)
{
    size_t len = status != NULL ? strlen(status) : 0;

    if (status == NULL)
        return true;
    for (const char *choice = choices; *choice != '\0';) {
        size_t choice_len = strcspn(choice, ",");

        if (choice_len == len && memcmp(choice, status, len) == 0)
            return true;
        choice += choice_len;
        choice += strspn(choice, ", ");
    }
    return tq_err_set(err, TQ_ERR_USAGE, 0, "--status: \"%.64s\" is none of %s", status, choices);
}

static void print_outcome(int64_t id, const char *outcome, bool is_json, bool is_first)
{
    if (is_json)
        (void)printf("%s{\"id\":%" PRId64 ",\"outcome\":\"%s\"}", is_first ? "" : ",", id, outcome);
    else
        (void)printf("%" PRId64 " %s\n", id, outcome);
}

static void print_refusal(int64_t id, const char *reason, bool is_json, bool is_first)
{
    (void)fputs("taskq: ", stderr);
    tq_print_text(stderr, reason);
    (void)putc('\n', stderr);
    if (!is_json)
        return;
    (void)printf("%s{\"id\":%" PRId64 ",\"outcome\":\"refused\",\"reason\":", is_first ? "" : ",",
                 id);
    tq_print_json_string(reason);
    (void)putchar('}');
}

static bool apply(const struct tq_call *call, struct tq_session *session, const int64_t *ids,
                  const struct tq_task_action *action, enum tq_exit *code, struct tq_err *err)
{
    bool is_json = call->common->is_json;
    const char *outcome;

    for (size_t i = 0; i < call->argument_count; i++) {
        if (action->apply(session, ids[i], action->options, &outcome, err)) {
            print_outcome(ids[i], outcome, is_json, i == 0);
            continue;
        }
        if (!tq_operator_is_refusal(err))
            return false;
        print_refusal(ids[i], err->message, is_json, i == 0);
        *code = TQ_EXIT_FAILED;
    }
    return true;
}

/* Freed by the caller; NULL with err. */
static int64_t *parse(const struct tq_call *call, struct tq_err *err)
{
    int64_t *ids = tq_zalloc((call->argument_count + 1) * sizeof *ids);

    for (size_t i = 0; i < call->argument_count; i++) {
        if (!tq_task_id_parse(call->arguments[i], &ids[i], err)) {
            free(ids);
            return NULL;
        }
    }
    return ids;
}

bool tq_task_ids_run(const struct tq_call *call, const char *name,
                     const struct tq_task_action *action, enum tq_exit *code, struct tq_err *err)
{
    struct tq_database database;
    bool is_done = false;
    int64_t *ids = parse(call, err);

    if (ids == NULL)
        return false;
    if (!tq_database_open(call->common, name, &database, err))
        goto free_ids;
    /* The document is closed whatever happens: what was done is told. */
    if (call->common->is_json)
        (void)putchar('[');
    is_done = apply(call, database.session, ids, action, code, err);
    if (call->common->is_json)
        (void)puts("]");
    tq_database_close(&database);
free_ids:
    free(ids);
    return is_done;
}
