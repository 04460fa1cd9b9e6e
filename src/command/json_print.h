// SPDX-License-Identifier: MIT
//
// Printing JSON to stdout.
#ifndef TQ_COMMAND_JSON_PRINT_H
#define TQ_COMMAND_JSON_PRINT_H

/* A string; each byte that is no UTF-8 becomes U+FFFD. */
void tq_json_print_text(const char *text);

#endif
