// SPDX-License-Identifier: MIT
//
// Writing texts of unknown content so that what they become part of stays valid.
#ifndef TQ_BASE_TEXT_H
#define TQ_BASE_TEXT_H

#include "base/buffer.h"

/* Puts a backslash before each of `specials`, escapes control characters, and replaces bytes that
   are no UTF-8: a line stays one line and, in JSON, valid, whatever a script says. */
void tq_text_add_escaped(struct tq_buf *out, const char *text, const char *specials);

/* The text as a JSON string, quotes included. */
void tq_text_add_json(struct tq_buf *out, const char *text);

#endif
