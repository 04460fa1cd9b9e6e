// SPDX-License-Identifier: MIT
//
// Printing texts of unknown content: what a task, a handler or a server says may hold anything, and
// nothing of it may steer the terminal that it is printed to.
#ifndef TQ_COMMAND_PRINT_H
#define TQ_COMMAND_PRINT_H

#include <stdio.h>

/* Control characters are escaped, so that it is one line; what is no UTF-8 becomes U+FFFD. */
void tq_print_text(FILE *out, const char *text);

/* The same, but tabs and newlines stay; further lines begin with so many spaces. For JSON, too. */
void tq_print_lines(FILE *out, const char *text, int indent);

/* As a JSON string, to stdout. */
void tq_print_json_string(const char *text);

#endif
