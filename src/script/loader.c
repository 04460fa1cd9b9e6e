// SPDX-License-Identifier: MIT
//
// Running the files of a source in a new state: handler files, then listener files, each in order
// of path. Modules below lib/ run when they are required.
#include "script/source.h"
#include "script/state.h"

/* [handler, file, item]: */
static int p_add_item(lua_State *L)
{
    const char *file = lua_touserdata(L, 2);
    int item = (int)lua_tointeger(L, 3);

    lua_settop(L, 1);
    tq_handler_add(L, file, item);
    return 0;
}

/* A handler is on top. Where all problems are wanted, one that is wrong leaves the others alone. */
static void add_item(lua_State *L, const char *file, int item)
{
    struct tq_script *script = tq_script_of(L);

    if (script->config.on_problem == NULL) {
        tq_handler_add(L, file, item);
        return;
    }
    lua_pushcfunction(L, p_add_item);
    lua_pushvalue(L, -2);
    lua_pushlightuserdata(L, (void *)(uintptr_t)file);
    lua_pushinteger(L, item);
    if (lua_pcall(L, 3, 0, 0) == LUA_OK)
        return;
    if (script->is_ending || lua_type(L, -1) != LUA_TSTRING)
        (void)lua_error(L);
    script->config.on_problem(script->config.owner, lua_tostring(L, -1));
    lua_pop(L, 1);
}

static void add_list(lua_State *L, const char *file)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);

    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(L, -1, i) != LUA_TTABLE)
            (void)luaL_error(L, "%s: item %d of its list is a %s, not a handler", file, (int)i,
                             luaL_typename(L, -1));
        add_item(L, file, (int)i);
        lua_pop(L, 1);
    }
}

/* What is on top, for people. A file that returns nothing has the value that require gives it. */
static const char *name_value(lua_State *L)
{
    static const char *const names[] = {
        [LUA_TNIL] = "nothing",     [LUA_TBOOLEAN] = "nothing",      [LUA_TNUMBER] = "a number",
        [LUA_TSTRING] = "a string", [LUA_TTABLE] = "an empty table", [LUA_TFUNCTION] = "a function",
        [LUA_TTHREAD] = "a thread",
    };
    int type = lua_type(L, -1);

    return type >= 0 && type < (int)(sizeof names / sizeof *names) && names[type] != NULL
               ? names[type]
               : "userdata";
}

/* What a handler file returned is on top. */
static void add_value(lua_State *L, const char *file)
{
    bool is_table = lua_istable(L, -1);

    if (is_table && lua_rawlen(L, -1) > 0) {
        add_list(L, file);
        return;
    }

    const char *found = name_value(L);

    lua_pushnil(L);
    if (!is_table || !lua_next(L, -2))
        (void)luaL_error(L,
                         "%s: must return a handler, such as { type = \"email:send\", handler = "
                         "function(context) ... end }, or a list of them, not %s (a module for "
                         "require belongs below lib/)",
                         file, found);
    lua_pop(L, 2);
    tq_handler_add(L, file, 0);
}

static void run_file(lua_State *L, const struct tq_source_file *file)
{
    tq_script_of(L)->loading = file;
    tq_require_run_file(L, file, file->path);
    if (file->kind == TQ_FILE_HANDLERS)
        add_value(L, file->name);
    lua_pop(L, 1);
}

static void run_files(lua_State *L, enum tq_file_kind kind)
{
    const struct tq_source *source = tq_script_of(L)->source;

    for (size_t i = 0; i < source->count; i++) {
        if (source->files[i].kind == kind)
            run_file(L, &source->files[i]);
    }
}

int tq_loader_load(lua_State *L)
{
    run_files(L, TQ_FILE_HANDLERS);
    run_files(L, TQ_FILE_LISTENER);
    tq_script_of(L)->loading = NULL;
    return 0;
}

int tq_loader_load_file(lua_State *L)
{
    const struct tq_source_file *file = lua_touserdata(L, 1);

    if (file->kind != TQ_FILE_MODULE) {
        run_file(L, file);
        return 0;
    }
    tq_script_of(L)->loading = file;
    if (tq_chunk_load(L, file->text, file->len, lua_pushfstring(L, "@%s", file->name)) != LUA_OK)
        (void)lua_error(L);
    return 0;
}
