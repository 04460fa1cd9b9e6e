// SPDX-License-Identifier: MIT
//
// The JSON scanner: recursive descent, at most TQ_JSON_MAX_DEPTH deep, as deep as scripts can read.
#include "command/json_scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "script/json.h"

enum { FEW_KEYS = 16 };

static bool scan_value(struct tq_json_scan *scan, int depth, struct tq_json_part *part);

static bool fail(struct tq_json_scan *scan, const char *problem)
{
    if (scan->problem == NULL)
        scan->problem = problem;
    return false;
}

static void skip_space(struct tq_json_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
        scan->at++;
}

bool tq_json_scan_take(struct tq_json_scan *scan, char c)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The four digits after \u; -1 when they are none. */
static int take_hex(struct tq_json_scan *scan)
{
    int value = 0;

    if (scan->end - scan->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(scan->at[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    scan->at += 4;
    return value;
}

/* After "\u". Adds to decoded_len what the character takes in UTF-8. */
static bool scan_code_point(struct tq_json_scan *scan, size_t *decoded_len)
{
    int code = take_hex(scan);

    if (code < 0)
        return fail(scan, "\\u needs four hexadecimal digits");
    if (code == 0)
        return fail(scan, "PostgreSQL's jsonb cannot hold \\u0000");
    if (code < 0xD800 || code > 0xDFFF) {
        *decoded_len += code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
        return true;
    }
    if (code > 0xDBFF || scan->end - scan->at < 2 || scan->at[0] != '\\' || scan->at[1] != 'u')
        return fail(scan, "half of a surrogate pair");
    scan->at += 2;
    code = take_hex(scan);
    if (code < 0xDC00 || code > 0xDFFF)
        return fail(scan, "half of a surrogate pair");
    *decoded_len += 4;
    return true;
}

static bool scan_escape(struct tq_json_scan *scan, size_t *decoded_len)
{
    scan->at++;
    if (scan->at == scan->end || *scan->at == '\0' || strchr("\"\\/bfnrtu", *scan->at) == NULL)
        return fail(scan, "an escape that JSON does not have");
    if (*scan->at++ == 'u')
        return scan_code_point(scan, decoded_len);
    *decoded_len += 1;
    return true;
}

/* At the opening quote. */
static bool scan_string(struct tq_json_scan *scan, struct tq_json_part *part)
{
    size_t decoded_len = 0;

    part->kind = TQ_JSON_STRING;
    part->text = ++scan->at;
    for (;;) {
        const char *plain = scan->at;

        while (scan->at < scan->end && *scan->at >= ' ' && *scan->at != '"' && *scan->at != '\\' &&
               *scan->at < 0x7F)
            scan->at++;
        decoded_len += (size_t)(scan->at - plain);
        if (scan->at == scan->end)
            return fail(scan, "a string without its closing quote");

        unsigned char byte = (unsigned char)*scan->at;
        size_t width;

        if (byte == '"') {
            part->len = (size_t)(scan->at++ - part->text);
            part->decoded_len = decoded_len;
            return true;
        }
        if (byte == '\\') {
            if (!scan_escape(scan, &decoded_len))
                return false;
            continue;
        }
        if (byte < ' ')
            return fail(scan, "a control character in a string");
        width = tq_utf8_width(scan->at, scan->end);
        if (width == 0)
            return fail(scan, "bytes that are not UTF-8");
        scan->at += width;
        decoded_len += width;
    }
}

static bool scan_digits(struct tq_json_scan *scan)
{
    const char *start = scan->at;

    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > start;
}

static bool is_next(const struct tq_json_scan *scan, const char *set)
{
    return scan->at < scan->end && *scan->at != '\0' && strchr(set, *scan->at) != NULL;
}

static bool scan_number(struct tq_json_scan *scan, struct tq_json_part *part)
{
    part->kind = TQ_JSON_NUMBER;
    part->text = scan->at;
    if (is_next(scan, "-"))
        scan->at++;
    if (is_next(scan, "0"))
        scan->at++;
    else if (!scan_digits(scan))
        return fail(scan, "not a value (a text needs double quotes)");
    if (is_next(scan, ".")) {
        scan->at++;
        if (!scan_digits(scan))
            return fail(scan, "a number without digits after its point");
    }
    if (is_next(scan, "eE")) {
        scan->at++;
        if (is_next(scan, "+-"))
            scan->at++;
        if (!scan_digits(scan))
            return fail(scan, "a number without digits in its exponent");
    }
    part->len = (size_t)(scan->at - part->text);
    return true;
}

static bool scan_word(struct tq_json_scan *scan, const char *word, enum tq_json_kind kind,
                      struct tq_json_part *part)
{
    size_t len = strlen(word);

    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
        return fail(scan, "not a value (a text needs double quotes)");
    *part = (struct tq_json_part){.kind = kind, .text = scan->at, .len = len};
    scan->at += len;
    return true;
}

/* The bytes of a string once its escapes are undone, one by one. */
struct bytes {
    const char *at, *end;
    unsigned char rest[3]; /* of a character that was escaped, last byte first */
    int rest_count;
};

static unsigned code_of(const char *digits)
{
    unsigned code = 0;

    for (int i = 0; i < 4; i++)
        code = code << 4 | (unsigned)hex_value(digits[i]);
    return code;
}

/* Of \uXXXX, perhaps a pair of them; the string is known to be valid. Returns the first byte. */
static int decode_unicode(struct bytes *bytes)
{
    unsigned code = code_of(bytes->at + 2);
    unsigned first_bits = 0x7f;
    int more = 0;

    bytes->at += 6;
    if (code >= 0xd800 && code < 0xdc00) {
        code = 0x10000 + ((code - 0xd800) << 10) + (code_of(bytes->at + 2) - 0xdc00);
        bytes->at += 6;
    }
    while (code > first_bits) {
        bytes->rest[more++] = (unsigned char)(0x80 | (code & 0x3f));
        code >>= 6;
        first_bits = more == 1 ? 0x1f : first_bits >> 1;
    }
    bytes->rest_count = more;
    return (int)(more == 0 ? code : (~first_bits << 1 & 0xff) | code);
}

/* -1: there is no more. */
static int next_byte(struct bytes *bytes)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const char *letter;

    if (bytes->rest_count > 0)
        return bytes->rest[--bytes->rest_count];
    if (bytes->at == bytes->end)
        return -1;
    if (*bytes->at != '\\')
        return (unsigned char)*bytes->at++;
    if (bytes->at[1] == 'u')
        return decode_unicode(bytes);
    letter = strchr(letters, bytes->at[1]);
    bytes->at += 2;
    return letter != NULL ? meanings[letter - letters] : bytes->at[-1];
}

/* By what they mean, however they are spelled. */
static int compare_spans(const void *a, const void *b)
{
    const struct tq_json_span *left = a, *right = b;
    struct bytes ours = {.at = left->text, .end = left->text + left->len};
    struct bytes theirs = {.at = right->text, .end = right->text + right->len};
    int byte, other;

    do {
        byte = next_byte(&ours);
        other = next_byte(&theirs);
    } while (byte == other && byte >= 0);
    return byte - other;
}

/* The keys from first on are those of one object. */
static bool has_key_twice(const struct tq_json_scan *scan, size_t first)
{
    struct tq_json_span *keys = scan->keys + first;
    size_t count = scan->key_count - first;

    if (count > FEW_KEYS) {
        qsort(keys, count, sizeof *keys, compare_spans);
        for (size_t i = 1; i < count; i++) {
            if (compare_spans(&keys[i - 1], &keys[i]) == 0)
                return true;
        }
        return false;
    }
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (compare_spans(&keys[i], &keys[j]) == 0)
                return true;
        }
    }
    return false;
}

static void add_key(struct tq_json_scan *scan, const struct tq_json_part *key)
{
    scan->keys = tq_grow(scan->keys, &scan->key_capacity, scan->key_count + 1, sizeof *scan->keys);
    scan->keys[scan->key_count++] = (struct tq_json_span){key->text, key->len};
}

/* After the opening brace. */
static bool scan_members(struct tq_json_scan *scan, int depth)
{
    struct tq_json_part part;

    if (tq_json_scan_take(scan, '}'))
        return true;
    do {
        skip_space(scan);
        if (!is_next(scan, "\""))
            return fail(scan, "a key in double quotes is missing");
        if (!scan_string(scan, &part))
            return false;
        add_key(scan, &part);
        if (!tq_json_scan_take(scan, ':'))
            return fail(scan, "a colon is missing after a key");
        if (!scan_value(scan, depth, &part))
            return false;
    } while (tq_json_scan_take(scan, ','));
    return tq_json_scan_take(scan, '}') || fail(scan, "an object without its closing brace");
}

static bool scan_object(struct tq_json_scan *scan, int depth)
{
    size_t first = scan->key_count;
    bool is_fine = scan_members(scan, depth);

    if (is_fine && has_key_twice(scan, first))
        is_fine = fail(scan, "an object has the same key twice");
    scan->key_count = first;
    return is_fine;
}

/* After the opening bracket. */
static bool scan_array(struct tq_json_scan *scan, int depth)
{
    struct tq_json_part part;

    if (tq_json_scan_take(scan, ']'))
        return true;
    do {
        if (!scan_value(scan, depth, &part))
            return false;
    } while (tq_json_scan_take(scan, ','));
    return tq_json_scan_take(scan, ']') || fail(scan, "an array without its closing bracket");
}

static bool scan_value(struct tq_json_scan *scan, int depth, struct tq_json_part *part)
{
    skip_space(scan);
    if (scan->at == scan->end)
        return fail(scan, "a value is missing");
    if (depth > TQ_JSON_MAX_DEPTH)
        return fail(scan, "nested too deeply");
    switch (*scan->at) {
    case '"':
        return scan_string(scan, part);
    case 't':
        return scan_word(scan, "true", TQ_JSON_TRUE, part);
    case 'f':
        return scan_word(scan, "false", TQ_JSON_FALSE, part);
    case 'n':
        return scan_word(scan, "null", TQ_JSON_NULL, part);
    case '{':
    case '[':
        break;
    default:
        return scan_number(scan, part);
    }
    part->kind = *scan->at == '{' ? TQ_JSON_OBJECT : TQ_JSON_ARRAY;
    part->text = scan->at++;

    bool is_fine =
        part->kind == TQ_JSON_OBJECT ? scan_object(scan, depth + 1) : scan_array(scan, depth + 1);

    part->len = (size_t)(scan->at - part->text);
    return is_fine;
}

void tq_json_scan_begin(struct tq_json_scan *scan, const char *text, size_t len)
{
    scan->start = scan->at = text;
    scan->end = text + len;
    scan->problem = NULL;
    scan->key_count = 0;
}

void tq_json_scan_deinit(struct tq_json_scan *scan)
{
    free(scan->keys);
    *scan = (struct tq_json_scan){0};
}

bool tq_json_scan_value(struct tq_json_scan *scan, struct tq_json_part *part)
{
    return scan_value(scan, 0, part);
}

bool tq_json_scan_end(struct tq_json_scan *scan)
{
    skip_space(scan);
    return scan->at == scan->end || fail(scan, "something follows the value");
}
