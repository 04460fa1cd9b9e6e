// SPDX-License-Identifier: MIT
//
// Help, made from the tables of commands and options.
#ifndef TQ_COMMAND_HELP_H
#define TQ_COMMAND_HELP_H

#include <stdio.h>

#include "command/command.h"

void tq_help_print_all(FILE *out);
void tq_help_print(const struct tq_command *command, FILE *out);

#endif
