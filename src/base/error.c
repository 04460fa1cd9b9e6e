// SPDX-License-Identifier: MIT
//
// Filling errors, and the table that turns an error's domain into an exit code.
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const enum tq_exit exit_codes[] = {
    [TQ_ERR_NONE] = TQ_EXIT_DONE,         [TQ_ERR_USAGE] = TQ_EXIT_USAGE,
    [TQ_ERR_SYSTEM] = TQ_EXIT_FAILED,     [TQ_ERR_CONNECT] = TQ_EXIT_UNAVAILABLE,
    [TQ_ERR_QUERY] = TQ_EXIT_FAILED,      [TQ_ERR_SCHEMA] = TQ_EXIT_SCHEMA,
    [TQ_ERR_HANDLERS] = TQ_EXIT_HANDLERS, [TQ_ERR_NET] = TQ_EXIT_FAILED,
};

static void fill(struct tq_err *err, enum tq_err_domain domain, int code, const char *format,
                 va_list args)
{
    err->domain = domain;
    err->code = code;
    err->sqlstate[0] = '\0';
    (void)vsnprintf(err->message, sizeof err->message, format, args); /* truncation is fine */
}

bool tq_err_set(struct tq_err *err, enum tq_err_domain domain, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(err, domain, code, format, args);
    va_end(args);
    return false;
}

bool tq_err_system(struct tq_err *err, const char *format, ...)
{
    int cause = errno;
    va_list args;

    va_start(args, format);
    fill(err, TQ_ERR_SYSTEM, cause, format, args);
    va_end(args);

    size_t len = strlen(err->message);
    (void)snprintf(err->message + len, sizeof err->message - len, ": %s", strerror(cause));
    return false;
}

bool tq_err_prefix(struct tq_err *err, const char *format, ...)
{
    char tail[sizeof err->message];
    va_list args;

    memcpy(tail, err->message, sizeof tail);
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);

    size_t len = strlen(err->message);
    (void)snprintf(err->message + len, sizeof err->message - len, ": %s", tail);
    return false;
}

enum tq_exit tq_err_exit_code(const struct tq_err *err)
{
    return exit_codes[err->domain];
}
