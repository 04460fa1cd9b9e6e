// SPDX-License-Identifier: MIT
//
// taskq help.
#include "command/help.h"

#include <string.h>

static const struct {
    enum tq_exit code;
    const char *meaning;
} exit_codes[] = {
    {TQ_EXIT_DONE, "done"},
    {TQ_EXIT_FAILED, "the command ran and did not succeed"},
    {TQ_EXIT_USAGE, "wrong arguments, environment or input"},
    {TQ_EXIT_UNAVAILABLE, "the database cannot be reached, or the connection was lost"},
    {TQ_EXIT_SCHEMA, "the schema is missing, too old or too new"},
    {TQ_EXIT_HANDLERS, "a handler or listener file is not valid"},
    {TQ_EXIT_TIMEOUT, "shut down, but running tasks had to be interrupted"},
    {TQ_EXIT_STUCK, "too many threads were stuck, and the program could not start itself again"},
};

void tq_help_print_all(FILE *out)
{
    (void)fputs("taskq runs background tasks that are queued in PostgreSQL, with handlers written "
                "in Lua.\n\nusage: taskq COMMAND [options]\n\n",
                out);
    for (const struct tq_command *const *c = tq_commands; *c != NULL; c++) {
        if (!(*c)->is_hidden)
            (void)fprintf(out, "  %-10s %s\n", (*c)->name, (*c)->summary);
    }
    (void)fputs("\n`taskq help COMMAND` tells more; `taskq help exit-codes` lists those.\n"
                "Without --database, DATABASE_URL or PGHOST and its like, taskq keeps a private\n"
                "PostgreSQL in ./.taskq.\n",
                out);
}

void tq_help_print(const struct tq_command *command, FILE *out)
{
    (void)fprintf(out, "%s\n\nusage: taskq %s%s%s\n", command->summary, command->name,
                  *command->usage != '\0' ? " " : "", command->usage);
    if (command->details != NULL)
        (void)fprintf(out, "\n%s", command->details);
    if (command->options != NULL) {
        (void)fputs("\noptions:\n", out);
        tq_options_print_help(command->options, command->defaults, out);
    }
    (void)fputs("\neverywhere:\n", out);
    tq_options_print_help(tq_common_options, command->defaults, out);
}

static void print_exit_codes(FILE *out)
{
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++)
        (void)fprintf(out, "%d  %s\n", (int)exit_codes[i].code, exit_codes[i].meaning);
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    (void)code;
    if (call->argument_count == 0) {
        tq_help_print_all(stdout);
        return true;
    }

    const char *topic = call->arguments[0];
    const struct tq_command *command = tq_command_find(topic);

    if (strcmp(topic, "exit-codes") == 0)
        print_exit_codes(stdout);
    else if (command != NULL)
        tq_help_print(command, stdout);
    else
        return tq_command_refuse(topic, err);
    return true;
}

const struct tq_command tq_command_help = {
    .name = "help",
    .usage = "[COMMAND | exit-codes]",
    .summary = "explain a command",
    .most_arguments = 1,
    .run = run,
};
