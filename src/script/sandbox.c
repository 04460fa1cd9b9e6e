// SPDX-License-Identifier: MIT
//
// What scripts see. Lua's libraries are opened, then what would block the thread, end the process
// or break the interpreter is replaced or taken away, and each library is shown through a read-only
// view. The sandbox is there against accidents more than against attackers.
#include <inttypes.h>
#include <string.h>

#include <lualib.h>

#include "base/buffer.h"
#include "base/log.h"
#include "script/context.h"
#include "script/state.h"

static int base_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    if (tq_view_is(L, 1))
        return tq_view_refuse_write(L);
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 1;
}

/* As Lua's, but finalizers are refused: they run with hooks disabled, so nothing could end them. */
static int base_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "__gc is not available in handlers; use a <close> variable");
    }
    lua_settop(L, 2);
    (void)lua_setmetatable(L, 1); /* always returns 1 */
    return 1;
}

/* As Lua's, but the mark of arrays from JSON is one table for all of them, so it is not shown. */
static int base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (tq_json_is_marked(L, 1) || !lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    (void)luaL_getmetafield(L, 1, "__metatable"); /* pushes nothing if there is none */
    return 1;
}

static int base_collectgarbage(lua_State *L)
{
    if (strcmp(luaL_optstring(L, 1, "collect"), "count") != 0)
        return luaL_error(L, "collectgarbage(\"count\") is the only form available in handlers: "
                             "the state is shared by many tasks");

    lua_pushnumber(L, (lua_Number)tq_script_of(L)->bytes / 1024);
    return 1;
}

/* The arguments as print writes them, on top of the stack. */
static const char *push_printed(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_Buffer text;

    luaL_checkstack(L, count + 4, "too many arguments");
    for (int i = 1; i <= count; i++)
        (void)luaL_tolstring(L, i, NULL); /* the result is on the stack */
    luaL_buffinit(L, &text);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&text, '\t');
        lua_pushvalue(L, count + i);
        luaL_addvalue(&text);
    }
    luaL_pushresult(&text);
    return tq_context_push_text(L, -1);
}

static int log_printed(lua_State *L, enum tq_log_level level)
{
    struct tq_run *run = tq_script_of(L)->run;
    const char *text = push_printed(L);

    if (run == NULL) {
        tq_log(level, "handler", text, "");
        return 0;
    }
    tq_log(level, run->task.event == NULL ? "handler" : "listener", text,
           "task=%" PRId64 " type=%s attempt=%d", run->task.id, run->task.type, run->task.attempt);
    tq_context_keep_line(run, level, text, NULL, 0);
    return 0;
}

static int base_print(lua_State *L)
{
    return log_printed(L, TQ_LOG_INFO);
}

static int base_warn(lua_State *L)
{
    return log_printed(L, TQ_LOG_WARN);
}

/* Upvalue 1 is the function's name, 2 the reason. */
static int refuse_call(lua_State *L)
{
    return luaL_error(L, "%s is not available in handlers: %s",
                      lua_tostring(L, lua_upvalueindex(1)), lua_tostring(L, lua_upvalueindex(2)));
}

static const struct {
    const char *library, *function, *reason;
} refused[] = {
    {"os", "exit", "it would end the worker; return or raise an error instead"},
    {"os", "setlocale", "it would change the whole worker"},
    {"io", "input", "the default input would be shared by all tasks; use io.open"},
    {"io", "output", "the default output would be shared by all tasks; use io.open"},
    {"io", "write", "the default output would be shared by all tasks; use io.open or print"},
    {"io", "close", "there is no default output; close the file itself"},
    {"string", "dump", "bytecode cannot be loaded again"},
};

/* Functions of Lua's libraries that our own Lua files replace: they wait, and so need the host. */
static const struct {
    const char *library, *function, *module;
} late[] = {
    {"os", "execute", "taskq.shell"},
    {"io", "popen", "taskq.shell"},
};

static int finish_late(lua_State *L, int status, lua_KContext unused)
{
    (void)status;
    (void)unused;
    return lua_gettop(L);
}

/* Upvalue 1 is the function's name, 2 that of the module. */
int tq_sandbox_call_late(lua_State *L)
{
    int count = lua_gettop(L);

    tq_context_require(L, lua_tostring(L, lua_upvalueindex(2)));
    lua_pushvalue(L, lua_upvalueindex(1));
    (void)lua_gettable(L, -2); /* a function, or it is a fault of the module */
    lua_replace(L, -2);
    lua_insert(L, 1);
    lua_callk(L, count, LUA_MULTRET, 0, finish_late);
    return finish_late(L, LUA_OK, 0);
}

static const luaL_Reg base_functions[] = {
    {"collectgarbage", base_collectgarbage},
    {"getmetatable", base_getmetatable},
    {"print", base_print},
    {"rawset", base_rawset},
    {"require", tq_require},
    {"setmetatable", base_setmetatable},
    {"warn", base_warn},
    {"xpcall", tq_coroutine_xpcall},
    {NULL, NULL},
};

static const luaL_Reg libraries[] = {
    {LUA_TABLIBNAME, luaopen_table}, {LUA_IOLIBNAME, luaopen_io},
    {LUA_OSLIBNAME, luaopen_os},     {LUA_STRLIBNAME, luaopen_string},
    {LUA_MATHLIBNAME, luaopen_math}, {LUA_UTF8LIBNAME, luaopen_utf8},
    {LUA_DBLIBNAME, luaopen_debug},  {NULL, NULL},
};

/* --- opening: `globals` is the index of the table of shared globals --- */

/* Makes a library of the functions alone and puts it among the globals. */
static void set_library(lua_State *L, int globals, const char *name, const luaL_Reg *functions)
{
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, globals, name);
}

static void refuse_functions(lua_State *L, int globals)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        (void)lua_getfield(L, globals, refused[i].library); /* always a table */
        (void)lua_pushfstring(L, "%s.%s", refused[i].library, refused[i].function);
        (void)lua_pushstring(L, refused[i].reason);
        lua_pushcclosure(L, refuse_call, 2);
        lua_setfield(L, -2, refused[i].function);
        lua_pop(L, 1);
    }
}

static void set_late_functions(lua_State *L, int globals)
{
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        (void)lua_getfield(L, globals, late[i].library); /* always a table */
        (void)lua_pushstring(L, late[i].function);
        (void)lua_pushstring(L, late[i].module);
        lua_pushcclosure(L, tq_sandbox_call_late, 2);
        lua_setfield(L, -2, late[i].function);
        lua_pop(L, 1);
    }
}

/* debug: traceback alone. */
static void restrict_debug(lua_State *L, int globals)
{
    (void)lua_getfield(L, globals, "debug"); /* always a table */
    lua_newtable(L);
    (void)lua_getfield(L, -2, "traceback"); /* always a function */
    lua_setfield(L, -2, "traceback");
    lua_setfield(L, globals, "debug");
    lua_pop(L, 1);
}

/* io: luaopen_io is called for the methods of files; its functions are not shown. */
static void replace_io(lua_State *L, int globals)
{
    set_library(L, globals, "io", tq_file_io_functions);
    (void)lua_getfield(L, globals, "io"); /* the table just made */
    tq_file_set_standard(L);
    lua_pop(L, 1);
}

/* package: what libraries read of it. `loaded` is a view of what require knows. */
static void set_package(lua_State *L, int globals)
{
    lua_newtable(L);
    lua_pushliteral(L, "/\n;\n?\n!\n-\n");
    lua_setfield(L, -2, "config");
    lua_pushliteral(L, LUA_PATH_DEFAULT);
    lua_setfield(L, -2, "path");
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, tq_script_of(L)->loaded_ref); /* always a table */
    tq_view_push(L, -1);
    lua_setfield(L, -3, "loaded");
    lua_pop(L, 1);
    lua_setfield(L, globals, "package");
}

/* Strings and files have metatables that scripts could reach. */
static void protect_metatables(lua_State *L)
{
    lua_pushliteral(L, "");
    if (lua_getmetatable(L, -1)) {
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    (void)luaL_getmetatable(L, LUA_FILEHANDLE); /* luaopen_io made it */
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

/* Each table among the globals is replaced by its view, which require returns too. */
static void protect_libraries(lua_State *L, int globals)
{
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, tq_script_of(L)->loaded_ref); /* always a table */

    int loaded = lua_gettop(L);

    lua_pushnil(L);
    while (lua_next(L, globals)) {
        if (lua_istable(L, -1)) {
            tq_view_push(L, -1);
            lua_pushvalue(L, -3);
            lua_pushvalue(L, -2);
            lua_rawset(L, loaded);
            lua_pushvalue(L, -3);
            lua_insert(L, -2);
            lua_rawset(L, globals); /* changing a field that exists is allowed while traversing */
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void add_module(lua_State *L, const char *name, lua_CFunction open)
{
    lua_pushcfunction(L, open);
    (void)lua_pushstring(L, name);
    lua_call(L, 1, 1);
    tq_context_add_module(L, name);
}

static int new_table_ref(lua_State *L)
{
    lua_newtable(L);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void open_environment_metatable(lua_State *L, int globals)
{
    struct tq_script *script = tq_script_of(L);

    lua_createtable(L, 0, 2);
    lua_pushvalue(L, globals);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    script->environment_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* What of the base library stays as it is. */
static const char *const base_names[] = {
    "_VERSION", "assert", "error",  "ipairs", "next",     "pairs",    "pcall",
    "rawequal", "rawget", "rawlen", "select", "tonumber", "tostring", "type",
};

static void set_base(lua_State *L, int globals)
{
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    for (size_t i = 0; i < sizeof base_names / sizeof *base_names; i++) {
        (void)lua_getfield(L, -1, base_names[i]); /* a function of the base library */
        lua_setfield(L, globals, base_names[i]);
    }
    (void)lua_getfield(L, -1, "pcall"); /* likewise */
    tq_script_of(L)->pcall = lua_tocfunction(L, -1);
    lua_settop(L, globals);
    luaL_setfuncs(L, base_functions, 0);
}

void tq_sandbox_open(lua_State *L)
{
    struct tq_script *script = tq_script_of(L);

    lua_newtable(L);

    int globals = lua_gettop(L);

    script->loaded_ref = new_table_ref(L);
    script->files_ref = new_table_ref(L);
    open_environment_metatable(L, globals);
    set_base(L, globals);
    for (const luaL_Reg *library = libraries; library->name != NULL; library++) {
        luaL_requiref(L, library->name, library->func, 0);
        lua_setfield(L, globals, library->name);
    }
    set_library(L, globals, LUA_COLIBNAME, tq_coroutine_functions);
    replace_io(L, globals);
    restrict_debug(L, globals);
    refuse_functions(L, globals);
    set_late_functions(L, globals);
    set_package(L, globals);
    protect_metatables(L);
    protect_libraries(L, globals);
    add_module(L, "taskq", script->config.open_taskq);
    lua_settop(L, globals - 1);
}
