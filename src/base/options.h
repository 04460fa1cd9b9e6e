// SPDX-License-Identifier: MIT
//
// Command line options by table: one row gives an option's name, unit, environment variable,
// default, range and help text, and where its value goes. Flags win over the environment, both over
// defaults. Accepted forms: --name value, --name=value, --flag, and `--` before positional
// arguments.
#ifndef TQ_BASE_OPTIONS_H
#define TQ_BASE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum tq_option_kind {
    TQ_OPTION_FLAG,     /* bool */
    TQ_OPTION_INTEGER,  /* int64_t */
    TQ_OPTION_DURATION, /* int64_t, milliseconds; see base/duration.h */
    TQ_OPTION_AGE,      /* int64_t, milliseconds, or `forever`: TQ_FOREVER_MS */
    TQ_OPTION_TEXT,     /* const char *, NULL when absent and without a default */
    TQ_OPTION_TEXTS,    /* struct tq_texts: comma-separated, or given several times */
};

#define TQ_FOREVER_MS INT64_MAX

struct tq_texts {
    const char **items;
    size_t count, capacity;
};

struct tq_option {
    const char *name; /* without the dashes; NULL ends a table */
    enum tq_option_kind kind;
    size_t offset;           /* of the value in the target struct */
    const char *placeholder; /* how help shows the value: N, DIR, ... */
    const char *variable;    /* environment variable, or NULL */
    const char *fallback;    /* default, as text, or NULL */
    int64_t least, most;     /* bounds of integers and durations; both 0: none */
    const char *help;
};

/* What a command has in place of an option's own default. */
struct tq_option_default {
    const char *name; /* NULL ends a table */
    const char *fallback;
};

/* A table and the struct that its offsets point into. */
struct tq_option_set {
    const struct tq_option *options;
    void *target;
    const struct tq_option_default *defaults; /* or NULL */
};

/* Fills every target: defaults, then environment, then argv[0..argc-1]. What is not an option goes
   to `rest`, in order. sets ends with an entry whose options is NULL. Texts point into argv, the
   environment or the tables, except list items, which tq_options_free() frees, also after a
   failure. */
TQ_MUST_CHECK bool tq_options_parse(const struct tq_option_set *sets, int argc, char **argv,
                                    struct tq_texts *rest, struct tq_err *err);

void tq_options_free(const struct tq_option_set *sets, struct tq_texts *rest);

/* One line an option: name, placeholder, help, default, variable. */
void tq_options_print_help(const struct tq_option *options,
                           const struct tq_option_default *defaults, FILE *out);

#endif
