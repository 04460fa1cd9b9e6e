// SPDX-License-Identifier: MIT
//
// From argv to a subcommand and back to an exit code. This is the edge where errors are printed.
#include "command/command.h"

#include <errno.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hint.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/help.h"
#include "command/print.h"

const struct tq_command *const tq_commands[] = {
    &tq_command_migrate, &tq_command_worker,  &tq_command_dev,
    &tq_command_enqueue, &tq_command_stats,   &tq_command_list,
    &tq_command_show,    &tq_command_events,  &tq_command_cancel,
    &tq_command_retry,   &tq_command_cleanup, &tq_command_check,
    &tq_command_test,    &tq_command_version, &tq_command_help,
    &tq_command_keeper,  &tq_command_minder,  NULL,
};

#define AT(field) offsetof(struct tq_common, field)

const struct tq_option tq_common_options[] = {
    {"database", TQ_OPTION_TEXT, AT(database), "URL", "DATABASE_URL", NULL, 0, 0,
     "the database: a URL, or key=value pairs as libpq takes them"},
    {"json", TQ_OPTION_FLAG, AT(is_json), NULL, NULL, NULL, 0, 0, "print JSON"},
    {"log-level", TQ_OPTION_TEXT, AT(log_level), "LEVEL", NULL, "info", 0, 0,
     "least level of the log: debug, info, warn or error"},
    {"log-format", TQ_OPTION_TEXT, AT(log_format), "FORMAT", NULL, "text", 0, 0,
     "form of the log: text, json, or pretty for people"},
    {"help", TQ_OPTION_FLAG, AT(is_help), NULL, NULL, NULL, 0, 0, "show this text"},
    {0},
};

const struct tq_command *tq_command_find(const char *name)
{
    for (const struct tq_command *const *c = tq_commands; *c != NULL; c++) {
        if (strcmp((*c)->name, name) == 0)
            return *c;
    }
    return NULL;
}

bool tq_command_refuse(const char *name, struct tq_err *err)
{
    const char *known[sizeof tq_commands / sizeof *tq_commands];
    size_t count = 0;

    for (const struct tq_command *const *c = tq_commands; *c != NULL; c++) {
        if (!(*c)->is_hidden)
            known[count++] = (*c)->name;
    }
    known[count] = NULL;

    const char *hint = tq_hint_find(name, known);

    if (hint != NULL)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "there is no command `%s`; did you mean `taskq %s`?", name, hint);
    return tq_err_set(err, TQ_ERR_USAGE, 0, "there is no command `%s`; `taskq help` lists them",
                      name);
}

/* See https://no-color.org. */
static bool wants_colours(void)
{
    const char *refusal = getenv("NO_COLOR"), *terminal = getenv("TERM");

    return isatty(STDERR_FILENO) && (refusal == NULL || *refusal == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

static bool configure_log(const struct tq_common *common, struct tq_err *err)
{
    enum tq_log_level level;
    enum tq_log_format format;

    if (!tq_log_level_parse(common->log_level, &level))
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "--log-level: \"%s\" is none of debug, info, warn, error",
                          common->log_level);
    if (!tq_log_format_parse(common->log_format, &format))
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "--log-format: \"%s\" is none of text, json, pretty", common->log_format);
    tq_log_configure(level, format);
    tq_log_set_coloured(wants_colours());
    return true;
}

/* --help counts wherever it stands, and whatever else is wrong. */
static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return true;
    }
    return false;
}

/* argv begins after the command's name. */
static bool run_command(const struct tq_command *command, int argc, char **argv, enum tq_exit *code,
                        struct tq_err *err)
{
    static const struct tq_option none[] = {{0}};
    struct tq_common common = {0};
    void *options = tq_zalloc(command->options_size + 1);
    const struct tq_option_set sets[] = {
        {tq_common_options, &common, command->defaults},
        {command->options != NULL ? command->options : none, options, command->defaults},
        {NULL, NULL, NULL},
    };
    struct tq_texts rest = {0};
    bool is_done = tq_options_parse(sets, argc, argv, &rest, err) && configure_log(&common, err);

    if (is_done && rest.count > command->most_arguments)
        is_done = tq_err_set(err, TQ_ERR_USAGE, 0,
                             "there is an argument too many: \"%s\"; see "
                             "`taskq %s --help`",
                             rest.items[command->most_arguments], command->name);
    if (is_done) {
        const struct tq_call call = {&common, options, rest.items, rest.count};

        is_done = command->run(&call, code, err);
    }
    tq_options_free(sets, &rest);
    free(options);
    return is_done;
}

static bool dispatch(int argc, char **argv, enum tq_exit *code, struct tq_err *err)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    if (*name == '\0') {
        tq_help_print_all(stderr);
        *code = TQ_EXIT_USAGE;
        return true;
    }
    if (*name == '-')
        return tq_err_set(
            err, TQ_ERR_USAGE, 0,
            "the command comes first: taskq COMMAND [options]; `taskq help` lists them");

    const struct tq_command *command = tq_command_find(name);

    if (command == NULL)
        return tq_command_refuse(name, err);
    if (wants_help(argc - 2, argv + 2)) {
        tq_help_print(command, stdout);
        return true;
    }
    return run_command(command, argc - 2, argv + 2, code, err);
}

/* Whoever started us may have closed one of the first three descriptors; the next file that is
   opened would then be taken for the input, the output or the log. */
static void open_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            abort(); /* the lowest free one is always taken */
    }
}

enum tq_exit tq_command_main(int argc, char **argv)
{
    enum tq_exit code = TQ_EXIT_DONE;
    struct tq_err err = {0};

    open_standard_files();
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that left is an error of write(2), seen below */
    (void)signal(SIGCHLD, SIG_DFL); /* inherited as ignored, it would hide how children end */
    if (!dispatch(argc, argv, &code, &err)) {
        (void)fputs("taskq: ", stderr);
        tq_print_text(stderr, err.message);
        (void)putc('\n', stderr);
        return tq_err_exit_code(&err);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "taskq: cannot write the output: %s\n", strerror(errno));
        return code == TQ_EXIT_DONE ? TQ_EXIT_FAILED : code;
    }
    return code;
}
