// SPDX-License-Identifier: MIT
//
// The codec: what goes in comes out, and what cannot is refused by name.
#include "script/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "unit/unit.h"

static int p_decode(lua_State *L)
{
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);

    tq_json_decode(L, text, len, "text");
    return 1;
}

static int p_encode(lua_State *L)
{
    struct tq_json_rules rules = {.root = "result", .max_bytes = 1000, .is_for_jsonb = true};
    struct tq_json_text *text = lua_touserdata(L, lua_upvalueindex(1));

    tq_json_encode(L, 1, &rules, text);
    (void)lua_pushlstring(L, text->data, text->len);
    return 1;
}

static int p_array(lua_State *L)
{
    lua_settop(L, 1);
    tq_json_push_array_mark(L);
    (void)lua_setmetatable(L, 1);
    return 1;
}

/* Runs a chunk that sees encode, decode, array and null; returns what it returns, as a string. */
static void check_chunk(const char *chunk, const char *expected)
{
    lua_State *L = luaL_newstate();
    struct tq_json_text text = {0};

    CHECK(L != NULL);
    luaL_openlibs(L);
    tq_json_open(L);
    lua_pushlightuserdata(L, &text);
    lua_pushcclosure(L, p_encode, 1);
    lua_setglobal(L, "encode");
    lua_register(L, "decode", p_decode);
    lua_register(L, "array", p_array);
    tq_json_push_null(L);
    lua_setglobal(L, "null");

    bool is_done = luaL_dostring(L, chunk) == LUA_OK;

    if (!is_done && lua_type(L, -1) != LUA_TSTRING)
        lua_pushliteral(L, "no text");
    CHECK_TEXT(luaL_tolstring(L, -1, NULL), expected);
    lua_close(L);
    free(text.data);
}

static void check_same(const char *json)
{
    char chunk[512];

    (void)snprintf(chunk, sizeof chunk, "return encode(decode([==[%s]==]))", json);
    check_chunk(chunk, json);
}

/* Decoding fails, and the message contains this. */
static void check_refused(const char *json, const char *reason)
{
    char chunk[1024];

    (void)snprintf(chunk, sizeof chunk,
                   "local ok, err = pcall(decode, %s) "
                   "return not ok and err:find([==[%s]==], 1, true) and 'refused' or tostring(err)",
                   json, reason);
    check_chunk(chunk, "refused");
}

static void check_not_encoded(const char *value, const char *message)
{
    char chunk[512];

    (void)snprintf(chunk, sizeof chunk, "local ok, err = pcall(encode, %s) return err", value);
    check_chunk(chunk, message);
}

UNIT_TEST(keeps_numbers_exactly)
{
    check_same("1");
    check_same("1.0");
    check_same("-7");
    check_same("0");
    check_same("9007199254740993");
    check_same("9223372036854775807");
    check_same("-9223372036854775808");
    check_same("0.1");
    check_same("0.30000000000000004");
    check_same("1e-07");
    check_same("1.7976931348623157e+308");
    check_same("4.94065645841247e-324");
    check_same("123456789012345.6");
    check_same("100000000000000000.0");
}

UNIT_TEST(tells_integers_from_floats)
{
    check_chunk(
        "return math.type(decode('1')) .. math.type(decode('1.0')) .. math.type(decode('1e2'))",
        "integerfloatfloat");
    check_chunk("return encode(2^53)", "9007199254740992.0");
    check_chunk("return encode(-0.0)", "-0.0");
}

UNIT_TEST(reads_integers_past_64_bits_as_floats)
{
    check_chunk("return encode(decode('9223372036854775808'))", "9223372036854775808.0");
    check_chunk("return encode(decode('100000000000000000000'))", "1e+20");
    check_chunk(
        "return decode('123456789012345678901234567890') == 123456789012345678901234567890.0",
        "true");
    check_refused("'1e999'", "too large for a float");
}

UNIT_TEST(keeps_empty_arrays_and_objects_apart)
{
    check_same("[]");
    check_same("{}");
    check_same("{\"a\":[]}");
    check_same("[[],{},[[]]]");
    check_chunk("return encode({})", "{}");
    check_chunk("return encode(array{})", "[]");
    check_chunk("local t = decode('[1]') t[1] = nil return encode(t)", "[]");
}

UNIT_TEST(keeps_null)
{
    check_same("null");
    check_same("[null,1,null]");
    check_chunk("return tostring(decode('null') == null)", "true");
    check_chunk("return encode({ a = null })", "{\"a\":null}");
}

UNIT_TEST(keeps_strings)
{
    check_same("\"\"");
    check_same("\"plain\"");
    check_same("\"\\\"\\\\\\n\\t\\r\\b\\f\\u0001\"");
    check_same("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    check_chunk("return decode([==[\"\\u00e9\\u20AC\\ud83d\\ude00\\/\"]==])",
                "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/");
    check_chunk("return #decode([==[\"a\\u0000b\"]==])", "3");
}

UNIT_TEST(encodes_lists_whatever_part_of_the_table_they_are_in)
{
    check_chunk("local t = {} for i = 5, 1, -1 do t[i] = i end return encode(t)", "[1,2,3,4,5]");
    check_chunk("local t = {} t[2] = 'b' t[1] = 'a' return encode(t)", "[\"a\",\"b\"]");
}

UNIT_TEST(skips_space)
{
    check_chunk("return encode(decode(' {\\n\"a\" : [ 1 , 2 ]\\t} \\r\\n'))", "{\"a\":[1,2]}");
}

UNIT_TEST(refuses_what_is_no_json)
{
    check_refused("''", "at the end of the text");
    check_refused("'nul'", "not JSON at byte 1");
    check_refused("'01'", "more text after the value at byte 2");
    check_refused("'+1'", "not JSON");
    check_refused("'.5'", "not JSON");
    check_refused("'1.'", "a digit is missing");
    check_refused("'1e'", "a digit is missing");
    check_refused("'-'", "a digit is missing");
    check_refused("'[1,]'", "not JSON at byte 4");
    check_refused("'[1 2]'", "',' or ']' is missing at byte 4");
    check_refused("'{\"a\" 1}'", "':' is missing");
    check_refused("'{a:1}'", "a key in double quotes is missing");
    check_refused("'{\"a\":1,}'", "a key in double quotes is missing");
    check_refused("'{\"a\":1'", "',' or '}' is missing at the end");
    check_refused("'\"abc'", "without its closing quote");
    check_refused("'\"a\\nb\"'", "a control character");
    check_refused("[==[\"\\x\"]==]", "an unknown escape");
    check_refused("[==[\"\\u12g4\"]==]", "four hexadecimal digits");
    check_refused("[==[\"\\u12\"]==]", "four hexadecimal digits");
    check_refused("[==[\"\\ud800\"]==]", "half of a surrogate pair");
    check_refused("[==[\"\\ud800\\u0041\"]==]", "half of a surrogate pair");
    check_refused("[==[\"\\udc00\"]==]", "half of a surrogate pair");
    check_refused("'1 2'", "more text after the value");
    check_refused("'NaN'", "not JSON");
    check_refused("'1\\0'", "more text after the value");
}

UNIT_TEST(refuses_bytes_that_are_not_utf8)
{
    check_refused("'\"\\xff\"'", "not UTF-8");
    check_refused("'\"\\xc0\\xaf\"'", "not UTF-8");           /* overlong */
    check_refused("'\"\\xe0\\x80\\xaf\"'", "not UTF-8");      /* overlong */
    check_refused("'\"\\xed\\xa0\\x80\"'", "not UTF-8");      /* a surrogate */
    check_refused("'\"\\xf4\\x90\\x80\\x80\"'", "not UTF-8"); /* past U+10FFFF */
    check_refused("'\"\\xe2\\x82\"'", "not UTF-8");           /* cut off */
    check_not_encoded("{ a = 'x\\xff' }", "result.a: a string that is not UTF-8 is not JSON");
}

UNIT_TEST(names_the_path_of_what_is_not_json)
{
    check_not_encoded("{ items = { 1, 2, { cb = print } } }",
                      "result.items[3].cb: a function is not JSON");
    check_not_encoded("print", "result: a function is not JSON");
    check_not_encoded("io.stdout", "result: a userdata is not JSON");
    check_not_encoded("{ co = coroutine.create(print) }", "result.co: a thread is not JSON");
    check_not_encoded("{ x = 0/0 }", "result.x: nan is not JSON");
    check_not_encoded("{ x = 1/0 }", "result.x: an infinite number is not JSON");
    check_not_encoded("{ 1, 2, x = 3 }",
                      "result: a table with both a list and other keys is not JSON");
    check_not_encoded("{ a = { [1] = 1, [3] = 3 } }",
                      "result.a: a list with holes is not JSON (put taskq.null there)");
    check_not_encoded("{ [3] = 3 }", "result: a list with holes or other keys is not JSON");
    check_not_encoded("{ [true] = 3 }", "result: a table with a key that is no string is not JSON");
    check_not_encoded("{ name = 'a\\0b' }",
                      "result.name: PostgreSQL cannot store a string with a zero byte (\\u0000)");
}

UNIT_TEST(refuses_cycles)
{
    check_chunk("local t = { a = {} } t.a.b = { t } local ok, err = pcall(encode, t) return err",
                "result.a.b[1]: the table contains itself");
    check_chunk("local s = {} return encode({ s, s })", "[{},{}]");
}

UNIT_TEST(limits_the_depth)
{
    check_chunk("return #encode(decode(('['):rep(400) .. (']'):rep(400)))", "800");
    check_chunk("local ok, err = pcall(decode, ('['):rep(513)) return err",
                "text: nested deeper than 512 levels at byte 513, near '['");
    check_chunk("local t = {} for _ = 1, 600 do t = array{ t } end "
                "local ok, err = pcall(encode, t) return err:match('nested deeper.*')",
                "nested deeper than 512 levels");
}

UNIT_TEST(limits_the_size)
{
    check_chunk("return #encode(('x'):rep(998))", "1000");
    check_chunk("local ok, err = pcall(encode, ('x'):rep(999)) return err",
                "result: larger than 1000 bytes of JSON");
}
