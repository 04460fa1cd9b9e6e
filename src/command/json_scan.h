// SPDX-License-Identifier: MIT
//
// Walks over one JSON text without building anything: what enqueue knows of a payload. It accepts
// exactly what the type jsonb takes without loss: RFC 8259 in UTF-8, numbers of any size, but no
// \u0000, no lone surrogates and no key twice in an object, however it is spelled.
//
// Jansson was no alternative: it refuses numbers that jsonb keeps, and it builds a tree only to
// drop it.
#ifndef TQ_COMMAND_JSON_SCAN_H
#define TQ_COMMAND_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum tq_json_kind {
    TQ_JSON_STRING,
    TQ_JSON_NUMBER,
    TQ_JSON_OBJECT,
    TQ_JSON_ARRAY,
    TQ_JSON_TRUE,
    TQ_JSON_FALSE,
    TQ_JSON_NULL,
};

/* A value, as a part of the text. */
struct tq_json_part {
    enum tq_json_kind kind;
    const char *text; /* a string's without the quotes */
    size_t len;
    size_t decoded_len; /* of a string: bytes once its escapes are undone */
};

struct tq_json_span {
    const char *text;
    size_t len;
};

/* Reused from text to text: tq_json_scan_begin() keeps the memory, tq_json_scan_deinit() frees it.
 */
struct tq_json_scan {
    const char *start, *at, *end;
    const char *problem; /* NULL, or what is wrong at `at` */
    struct tq_json_span *keys;
    size_t key_count, key_capacity;
};

void tq_json_scan_begin(struct tq_json_scan *scan, const char *text, size_t len);
void tq_json_scan_deinit(struct tq_json_scan *scan);

/* The functions below return false once scan->problem is set. */

/* Skips white space and takes one value, whole. */
bool tq_json_scan_value(struct tq_json_scan *scan, struct tq_json_part *part);

/* Skips white space and takes `c` if it comes next. */
bool tq_json_scan_take(struct tq_json_scan *scan, char c);

/* Only white space is left. */
bool tq_json_scan_end(struct tq_json_scan *scan);

#endif
