// SPDX-License-Identifier: MIT
//
// The exact JSON codec between texts and Lua values. It knows Lua and libc and nothing of the host,
// so that it can also be built as a module for plain Lua.
//
//     JSON       Lua
//     integer    integer; past 64 bits the nearest float, as Lua reads such numerals (jsonb prints
//                1e20 as 100000000000000000000)
//     1.0, 1e3   float; one that is integral is written with .0, so that it stays a float
//     []         table marked as an array by its metatable, so that an empty one stays []
//     {}         table; an unmarked table is an array if its keys are 1..n with n > 0
//     null       the light userdata NULL, which is lua-cjson's null too
//     string     string; must be UTF-8 both ways
//
// Encoding reads tables raw: no metamethod runs. All functions raise Lua errors.
#ifndef TQ_SCRIPT_JSON_H
#define TQ_SCRIPT_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct lua_State;

enum { TQ_JSON_MAX_DEPTH = 512 };

/* Where encoded text goes. The caller keeps it somewhere that outlives an error, and frees data. */
struct tq_json_text {
    char *data; /* NUL-terminated after encoding */
    size_t len;
    size_t capacity;
};

struct tq_json_rules {
    const char *root; /* what errors call the value: "result" gives "result.items[3]: ..." */
    size_t max_bytes;
    bool is_for_jsonb; /* refuse strings with a zero byte, which PostgreSQL cannot store */
    bool is_placed;    /* errors begin with the line of the script that is to blame */
};

/* Makes the array mark of a state; before the other functions. [-0, +0, m] */
void tq_json_open(struct lua_State *L);

/* Replaces *text by the JSON of the value at index. [-0, +0, e] */
void tq_json_encode(struct lua_State *L, int index, const struct tq_json_rules *rules,
                    struct tq_json_text *text);

/* Pushes the value of the text; root begins the message of errors. [-0, +1, e] */
void tq_json_decode(struct lua_State *L, const char *text, size_t len, const char *root);

void tq_json_push_null(struct lua_State *L);       /* [-0, +1, -] */
void tq_json_push_array_mark(struct lua_State *L); /* the metatable; [-0, +1, -] */

/* A lua_CFunction: array([table]) -> the table, or a new one, marked so that it encodes as [] when
   it is empty. */
int tq_json_array(struct lua_State *L);
bool tq_json_is_marked(struct lua_State *L, int index); /* [-0, +0, -] */

#endif
