// SPDX-License-Identifier: MIT
//
// The one way a function of taskq fails: it returns false and fills a struct tq_err, once, where
// the cause is known. Nobody who fills an error also logs it; the edges (commands, the worker's
// loops) log or print. The domain decides the exit code of a command; see tq_err_exit_code().
#ifndef TQ_BASE_ERROR_H
#define TQ_BASE_ERROR_H

#include <stdbool.h>

#define TQ_MUST_CHECK __attribute__((warn_unused_result))
#define TQ_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Exit codes of every command: one table, printed by `taskq help exit-codes`. */
enum tq_exit {
    TQ_EXIT_DONE = 0,
    TQ_EXIT_FAILED = 1,      /* the command ran and did not succeed */
    TQ_EXIT_USAGE = 2,       /* wrong arguments or environment */
    TQ_EXIT_UNAVAILABLE = 3, /* the database cannot be reached or refuses us */
    TQ_EXIT_SCHEMA = 4,      /* the schema is missing, too old or too new */
    TQ_EXIT_HANDLERS = 5,    /* a handler or listener file is not valid */
    TQ_EXIT_TIMEOUT = 6,     /* shut down, but tasks had to be interrupted */
    TQ_EXIT_STUCK = 7,       /* too many threads are stuck; main() starts the program again */
};

enum tq_err_domain {
    TQ_ERR_NONE,
    TQ_ERR_USAGE,    /* arguments, environment, input: the caller can correct it */
    TQ_ERR_SYSTEM,   /* the operating system said no; code is errno */
    TQ_ERR_CONNECT,  /* no connection, or it was lost */
    TQ_ERR_QUERY,    /* the server refused a statement; sqlstate is set */
    TQ_ERR_SCHEMA,   /* the schema is not the one this program needs */
    TQ_ERR_HANDLERS, /* a script does not load or is not a valid handler */
    TQ_ERR_NET,      /* an HTTP or SMTP transfer failed; code is the library's */
};

struct tq_err {
    enum tq_err_domain domain;
    int code;
    char sqlstate[6];
    char message[1024]; /* the cause, then the remedy; no trailing newline */
};

/* Fills *err and returns false, so that `return tq_err_set(...)` reads as it should. */
bool tq_err_set(struct tq_err *err, enum tq_err_domain domain, int code, const char *format, ...)
    TQ_PRINTF(4, 5);

/* As tq_err_set() with TQ_ERR_SYSTEM, errno, and ": strerror" appended to the message. */
bool tq_err_system(struct tq_err *err, const char *format, ...) TQ_PRINTF(2, 3);

/* Puts "prefix: " before the message that *err already has; returns false. */
bool tq_err_prefix(struct tq_err *err, const char *format, ...) TQ_PRINTF(2, 3);

enum tq_exit tq_err_exit_code(const struct tq_err *err);

#endif
