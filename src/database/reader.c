// SPDX-License-Identifier: MIT
//
// Statements of readers.
#include "database/reader.h"

bool tq_reader_list(struct tq_session *session, const struct tq_page *page, bool with_documents,
                    struct tq_rows *rows, struct tq_err *err)
{
    struct tq_params params = {0};

    tq_params_text(&params, page->status);
    tq_params_text(&params, page->type);
    tq_params_int4(&params, page->most);
    if (page->after_id > 0)
        tq_params_int8(&params, page->after_id);
    else
        tq_params_null(&params);
    tq_params_bool(&params, with_documents);
    return tq_session_query(session, TQ_QUERY_LIST, &params, rows, err);
}

static const char *text_or_null(const struct tq_rows *rows, size_t row, int column)
{
    return tq_rows_is_null(rows, row, column) ? NULL : tq_rows_text(rows, row, column);
}

void tq_reader_listed(const struct tq_rows *rows, size_t row, struct tq_listed *listed)
{
    enum { ID, STATUS, TYPE, PRIORITY, ATTEMPTS, MAX_ATTEMPTS, SCHEDULED_AT, DOCUMENT };
    bool has_max = !tq_rows_is_null(rows, row, MAX_ATTEMPTS);

    *listed = (struct tq_listed){
        .id = tq_rows_int8(rows, row, ID),
        .status = tq_rows_text(rows, row, STATUS),
        .type = tq_rows_text(rows, row, TYPE),
        .priority = tq_rows_int4(rows, row, PRIORITY),
        .attempts = tq_rows_int4(rows, row, ATTEMPTS),
        .max_attempts = has_max ? tq_rows_int4(rows, row, MAX_ATTEMPTS) : 0,
        .scheduled_at = tq_rows_text(rows, row, SCHEDULED_AT),
        .document = text_or_null(rows, row, DOCUMENT),
    };
}

/* A statement whose one parameter is how many rows it returns at most. */
static bool query_most(struct tq_session *session, enum tq_query query, int32_t most,
                       struct tq_rows *rows, struct tq_err *err)
{
    struct tq_params params = {0};

    tq_params_int4(&params, most);
    return tq_session_query(session, query, &params, rows, err);
}

bool tq_reader_unhandled_types(struct tq_session *session, int32_t most, struct tq_rows *rows,
                               struct tq_err *err)
{
    return query_most(session, TQ_QUERY_UNHANDLED_TYPES, most, rows, err);
}

bool tq_reader_failed_reloads(struct tq_session *session, int32_t most, struct tq_rows *rows,
                              struct tq_err *err)
{
    return query_most(session, TQ_QUERY_FAILED_RELOADS, most, rows, err);
}

void tq_reader_failed_reload(const struct tq_rows *rows, size_t row,
                             struct tq_failed_reload *failed)
{
    enum { WORKER, ERROR, DOCUMENT };

    *failed = (struct tq_failed_reload){
        .worker = tq_rows_text(rows, row, WORKER),
        .error = tq_rows_text(rows, row, ERROR),
        .document = tq_rows_text(rows, row, DOCUMENT),
    };
}

void tq_reader_unhandled(const struct tq_rows *rows, size_t row, struct tq_unhandled *unhandled)
{
    enum { TYPE, OLDEST_SCHEDULED_AT, DOCUMENT };

    *unhandled = (struct tq_unhandled){
        .type = tq_rows_text(rows, row, TYPE),
        .oldest_scheduled_at = tq_rows_text(rows, row, OLDEST_SCHEDULED_AT),
        .document = tq_rows_text(rows, row, DOCUMENT),
    };
}

bool tq_reader_show(struct tq_session *session, int64_t id, bool as_document, struct tq_rows *rows,
                    struct tq_err *err)
{
    struct tq_params params = {0};

    tq_params_int8(&params, id);
    tq_params_bool(&params, as_document);
    return tq_session_query(session, TQ_QUERY_SHOW, &params, rows, err);
}

void tq_reader_shown(const struct tq_rows *rows, size_t row, struct tq_shown *shown)
{
    enum { PART, KEY, VALUE };

    *shown = (struct tq_shown){
        .part = tq_rows_int4(rows, row, PART),
        .key = text_or_null(rows, row, KEY),
        .value = tq_rows_text(rows, row, VALUE),
    };
}
