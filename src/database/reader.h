// SPDX-License-Identifier: MIT
//
// Looking at tasks, on a blocking session: a page of them, or one with its attempts. Texts live as
// long as the rows, which the caller clears.
#ifndef TQ_DATABASE_READER_H
#define TQ_DATABASE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "database/session.h"

/* Which page: at most most tasks, the newest first. */
struct tq_page {
    const char *status; /* NULL: any */
    const char *type;   /* glob; NULL: any */
    int32_t most;
    int64_t after_id; /* the last of the page before; 0: the first page */
};

struct tq_listed {
    int64_t id;
    const char *status, *type;
    int32_t priority, attempts, max_attempts; /* max_attempts 0: the handler's */
    const char *scheduled_at;                 /* "2026-11-24T09:30:00Z" */
    const char *document;                     /* the row as JSON, or NULL */
};

/* A row a task; each has its document when with_documents. */
TQ_MUST_CHECK bool tq_reader_list(struct tq_session *session, const struct tq_page *page,
                                  bool with_documents, struct tq_rows *rows, struct tq_err *err);
void tq_reader_listed(const struct tq_rows *rows, size_t row, struct tq_listed *listed);

/* A type of pending tasks that no live worker has a handler for. */
struct tq_unhandled {
    const char *type;
    const char *oldest_scheduled_at; /* "2026-11-24T09:30:00Z": when its oldest is or was due */
    const char *document;            /* both as a JSON object */
};

TQ_MUST_CHECK bool tq_reader_unhandled_types(struct tq_session *session, int32_t most,
                                             struct tq_rows *rows, struct tq_err *err);
void tq_reader_unhandled(const struct tq_rows *rows, size_t row, struct tq_unhandled *unhandled);

/* A live worker whose handlers have changed and do not load. */
struct tq_failed_reload {
    const char *worker, *error;
    const char *document; /* these and more as a JSON object */
};

TQ_MUST_CHECK bool tq_reader_failed_reloads(struct tq_session *session, int32_t most,
                                            struct tq_rows *rows, struct tq_err *err);
void tq_reader_failed_reload(const struct tq_rows *rows, size_t row,
                             struct tq_failed_reload *failed);

/* A field of a task (part 0) or of its n-th attempt that did not succeed (part n). */
struct tq_shown {
    int32_t part;
    const char *key; /* NULL: value is the whole, as a JSON object */
    const char *value;
};

/* No row when there is no such task. A row a field that is not null, or, as_document, one row. */
TQ_MUST_CHECK bool tq_reader_show(struct tq_session *session, int64_t id, bool as_document,
                                  struct tq_rows *rows, struct tq_err *err);
void tq_reader_shown(const struct tq_rows *rows, size_t row, struct tq_shown *shown);

#endif
