// SPDX-License-Identifier: MIT
//
// The subcommands of taskq: one table (command.c), one file each. A subcommand is its arguments in,
// text out, an exit code. Data goes to stdout, everything else to stderr; only the main thread runs
// here.
#ifndef TQ_COMMAND_COMMAND_H
#define TQ_COMMAND_COMMAND_H

#include <stddef.h>

#include "base/error.h"
#include "base/options.h"

/* Options that every subcommand has. */
struct tq_common {
    const char *database; /* --database or DATABASE_URL; NULL: see command/database.h */
    bool is_json;
    const char *log_level, *log_format;
    bool is_help;
};

/* What a subcommand was called with. */
struct tq_call {
    const struct tq_common *common;
    const void *options; /* the command's own struct, filled by its table */
    const char *const *arguments;
    size_t argument_count;
};

struct tq_command {
    const char *name;
    const char *usage;               /* what follows the name: "TYPE [PAYLOAD] [options]" */
    const char *summary;             /* one line, for the list of commands */
    const char *details;             /* paragraphs for its own help, or NULL */
    const struct tq_option *options; /* or NULL */
    const struct tq_option_default *defaults; /* in place of the options' own, or NULL */
    size_t options_size;                      /* of the struct that they fill */
    size_t most_arguments;
    bool is_hidden;
    /* False with err, or true with the exit code, which is TQ_EXIT_DONE unless set. */
    bool (*run)(const struct tq_call *call, enum tq_exit *code, struct tq_err *err);
};

extern const struct tq_command tq_command_cancel, tq_command_check, tq_command_cleanup,
    tq_command_dev, tq_command_enqueue, tq_command_events, tq_command_help, tq_command_keeper,
    tq_command_list, tq_command_migrate, tq_command_minder, tq_command_retry, tq_command_show,
    tq_command_stats, tq_command_test, tq_command_version, tq_command_worker;

/* Ends with an entry whose name is NULL. */
extern const struct tq_command *const tq_commands[];
extern const struct tq_option tq_common_options[];

/* The command called name, or NULL. */
const struct tq_command *tq_command_find(const char *name);

/* TQ_ERR_USAGE: there is no such command; names the nearest. */
bool tq_command_refuse(const char *name, struct tq_err *err);

/* The whole program; the caller exits with what it returns. */
enum tq_exit tq_command_main(int argc, char **argv);

#endif
