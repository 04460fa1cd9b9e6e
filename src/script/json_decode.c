// SPDX-License-Identifier: MIT
//
// Decoding: a recursive descent over the text, RFC 8259 to the letter. Everything that is allocated
// is Lua's, so an error leaves nothing behind, and what a payload needs is charged to the task that
// touched it.
#include "script/json.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/utf8.h"

enum { SHORT_NUMBER_BYTES = 64, SHOWN_BYTES = 20 };

struct parser {
    lua_State *L;
    const char *root;
    const char *start;
    const char *at;
    const char *end;
};

static void parse_value(struct parser *p, int depth);

static int fail(struct parser *p, const char *message)
{
    size_t left = (size_t)(p->end - p->at);

    if (left == 0)
        return luaL_error(p->L, "%s: %s at the end of the text", p->root, message);

    char shown[SHOWN_BYTES + 1];
    size_t len = left < SHOWN_BYTES ? left : SHOWN_BYTES;

    for (size_t i = 0; i < len; i++)
        shown[i] = p->at[i] >= 0x20 && p->at[i] < 0x7f ? p->at[i] : '?';
    shown[len] = '\0';
    return luaL_error(p->L, "%s: %s at byte %d, near '%s'", p->root, message,
                      (int)(p->at - p->start) + 1, shown);
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
        p->at++;
}

/* The next byte that is no space, or NUL at the end (a NUL byte is no JSON either). */
static char peek(struct parser *p)
{
    skip_space(p);
    return p->at < p->end ? *p->at : '\0';
}

void tq_json_decode(lua_State *L, const char *text, size_t len, const char *root)
{
    struct parser p = {.L = L, .root = root, .start = text, .at = text, .end = text + len};

    parse_value(&p, 0);
    skip_space(&p);
    if (p.at < p.end)
        (void)fail(&p, "more text after the value");
}

static void parse_word(struct parser *p, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(p->end - p->at) < len || memcmp(p->at, word, len) != 0)
        (void)fail(p, "not JSON");
    p->at += len;
}

static bool is_digit(const struct parser *p)
{
    return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

static void skip_digits(struct parser *p)
{
    if (!is_digit(p))
        (void)fail(p, "a digit is missing");
    while (is_digit(p))
        p->at++;
}

static void push_float(struct parser *p, const char *digits, size_t len)
{
    char small[SHORT_NUMBER_BYTES];
    char *copy = len < sizeof small ? small : lua_newuserdatauv(p->L, len + 1, 0);

    memcpy(copy, digits, len);
    copy[len] = '\0';

    double value = strtod(copy, NULL);

    if (isinf(value)) {
        p->at = digits;
        (void)fail(p, "a number too large for a float");
    }
    if (copy != small)
        lua_pop(p->L, 1);
    lua_pushnumber(p->L, value);
}

/* False when the digits, a sign apart, do not fit. */
static bool push_integer(struct parser *p, const char *digits, const char *end)
{
    bool is_negative = *digits == '-';
    uint64_t limit = (uint64_t)INT64_MAX + (is_negative ? 1 : 0), value = 0;

    for (const char *at = digits + (is_negative ? 1 : 0); at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');

        if (value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    lua_pushinteger(p->L, (lua_Integer)(is_negative ? 0 - value : value));
    return true;
}

static void parse_number(struct parser *p)
{
    const char *digits = p->at;
    bool is_integer = true;

    if (*p->at == '-')
        p->at++;
    if (p->at < p->end && *p->at == '0')
        p->at++;
    else
        skip_digits(p);
    if (p->at < p->end && *p->at == '.') {
        is_integer = false;
        p->at++;
        skip_digits(p);
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        is_integer = false;
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
            p->at++;
        skip_digits(p);
    }
    if (!is_integer || !push_integer(p, digits, p->at))
        push_float(p, digits, (size_t)(p->at - digits));
}

static unsigned parse_hex(struct parser *p)
{
    unsigned code = 0;

    if (p->end - p->at < 4)
        (void)fail(p, "\\u without four hexadecimal digits");
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *found = p->at[i] != '\0' ? strchr(digits, p->at[i]) : NULL;

        if (found == NULL)
            (void)fail(p, "\\u without four hexadecimal digits");
        code = code * 16 + (unsigned)(found - digits) % 16;
    }
    p->at += 4;
    return code;
}

/* After \u; a pair of surrogates is one code point. */
static void add_code_point(struct parser *p, luaL_Buffer *string)
{
    unsigned code = parse_hex(p);
    char bytes[4];
    size_t len = 0;

    if (code >= 0xD800 && code < 0xDC00 && p->end - p->at >= 6 && p->at[0] == '\\' &&
        p->at[1] == 'u') {
        p->at += 2;

        unsigned low = parse_hex(p);

        if (low < 0xDC00 || low > 0xDFFF)
            (void)fail(p, "half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xD800 && code <= 0xDFFF) {
        (void)fail(p, "half of a surrogate pair");
    }

    if (code < 0x80) {
        bytes[len++] = (char)code;
    } else if (code < 0x800) {
        bytes[len++] = (char)(0xC0 | code >> 6);
        bytes[len++] = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        bytes[len++] = (char)(0xE0 | code >> 12);
        bytes[len++] = (char)(0x80 | (code >> 6 & 0x3F));
        bytes[len++] = (char)(0x80 | (code & 0x3F));
    } else {
        bytes[len++] = (char)(0xF0 | code >> 18);
        bytes[len++] = (char)(0x80 | (code >> 12 & 0x3F));
        bytes[len++] = (char)(0x80 | (code >> 6 & 0x3F));
        bytes[len++] = (char)(0x80 | (code & 0x3F));
    }
    luaL_addlstring(string, bytes, len);
}

static void add_escaped(struct parser *p, luaL_Buffer *string)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char name = ++p->at < p->end ? *p->at : '\0';
    const char *found = name != '\0' ? strchr(names, name) : NULL;

    if (name == 'u') {
        p->at++;
        add_code_point(p, string);
    } else if (found != NULL) {
        p->at++;
        luaL_addchar(string, values[found - names]);
    } else {
        (void)fail(p, "an unknown escape");
    }
}

/* Moves over bytes that stand for themselves, to a quote or a backslash. */
static void skip_plain(struct parser *p)
{
    while (p->at < p->end) {
        unsigned char c = (unsigned char)*p->at;

        if (c == '"' || c == '\\')
            return;
        if (c < 0x20)
            (void)fail(p, "a control character in a string");

        size_t width = tq_utf8_width(p->at, p->end);

        if (width == 0)
            (void)fail(p, "not UTF-8");
        p->at += width;
    }
    (void)fail(p, "a string without its closing quote");
}

static void parse_string(struct parser *p)
{
    const char *plain = ++p->at;
    luaL_Buffer string;

    skip_plain(p);
    if (*p->at == '"') {
        lua_pushlstring(p->L, plain, (size_t)(p->at++ - plain));
        return;
    }
    luaL_buffinit(p->L, &string);
    for (;;) {
        luaL_addlstring(&string, plain, (size_t)(p->at - plain));
        if (*p->at == '"')
            break;
        add_escaped(p, &string);
        plain = p->at;
        skip_plain(p);
    }
    p->at++;
    luaL_pushresult(&string);
}

static void parse_array(struct parser *p, int depth)
{
    lua_Integer count = 0;

    lua_createtable(p->L, 0, 0);
    tq_json_push_array_mark(p->L);
    (void)lua_setmetatable(p->L, -2); /* always returns 1 */
    p->at++;
    if (peek(p) == ']') {
        p->at++;
        return;
    }
    for (;;) {
        parse_value(p, depth);
        lua_rawseti(p->L, -2, ++count);
        if (peek(p) == ']')
            break;
        if (peek(p) != ',')
            (void)fail(p, "',' or ']' is missing");
        p->at++;
    }
    p->at++;
}

static void parse_object(struct parser *p, int depth)
{
    lua_createtable(p->L, 0, 4);
    p->at++;
    if (peek(p) == '}') {
        p->at++;
        return;
    }
    for (;;) {
        if (peek(p) != '"')
            (void)fail(p, "a key in double quotes is missing");
        parse_string(p);
        if (peek(p) != ':')
            (void)fail(p, "':' is missing");
        p->at++;
        parse_value(p, depth);
        lua_rawset(p->L, -3);
        if (peek(p) == '}')
            break;
        if (peek(p) != ',')
            (void)fail(p, "',' or '}' is missing");
        p->at++;
    }
    p->at++;
}

static void parse_value(struct parser *p, int depth)
{
    switch (peek(p)) {
    case '{':
    case '[':
        if (depth >= TQ_JSON_MAX_DEPTH)
            (void)fail(p, "nested deeper than 512 levels");
        luaL_checkstack(p->L, 6, "JSON is nested too deep");
        if (*p->at == '{')
            parse_object(p, depth + 1);
        else
            parse_array(p, depth + 1);
        return;
    case '"':
        parse_string(p);
        return;
    case 't':
        parse_word(p, "true");
        lua_pushboolean(p->L, 1);
        return;
    case 'f':
        parse_word(p, "false");
        lua_pushboolean(p->L, 0);
        return;
    case 'n':
        parse_word(p, "null");
        tq_json_push_null(p->L);
        return;
    default:
        if (peek(p) != '-' && !is_digit(p))
            (void)fail(p, "not JSON");
        parse_number(p);
    }
}
