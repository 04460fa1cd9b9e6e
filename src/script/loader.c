// SPDX-License-Identifier: MIT
//
// Running the files of a source in a new state: handler files, then listener files, each in order
// of path. Modules below lib/ run when they are required.
#include "script/source.h"
#include "script/state.h"

static void add_list(lua_State *L, const char *file)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);

    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(L, -1, i) != LUA_TTABLE)
            (void)luaL_error(L, "%s: item %d of its list is a %s, not a handler", file, (int)i,
                             luaL_typename(L, -1));
        tq_handler_add(L, file, (int)i);
        lua_pop(L, 1);
    }
}

/* What a handler file returned is on top. */
static void add_value(lua_State *L, const char *file)
{
    bool is_table = lua_istable(L, -1);

    if (is_table && lua_rawlen(L, -1) > 0) {
        add_list(L, file);
        return;
    }
    lua_pushnil(L);
    if (!is_table || !lua_next(L, -2))
        (void)luaL_error(L,
                         "%s: must return a handler, such as { type = \"email:send\", handler = "
                         "function(context) ... end }, or a list of them (a module for require "
                         "belongs below lib/)",
                         file);
    lua_pop(L, 2);
    tq_handler_add(L, file, 0);
}

static void run_files(lua_State *L, enum tq_file_kind kind)
{
    struct tq_script *script = tq_script_of(L);

    for (size_t i = 0; i < script->source->count; i++) {
        const struct tq_source_file *file = &script->source->files[i];

        if (file->kind != kind)
            continue;
        script->loading = file;
        tq_require_run_file(L, file, file->path);
        if (kind == TQ_FILE_HANDLERS)
            add_value(L, file->name);
        lua_pop(L, 1);
    }
}

int tq_loader_load(lua_State *L)
{
    run_files(L, TQ_FILE_HANDLERS);
    run_files(L, TQ_FILE_LISTENER);
    tq_script_of(L)->loading = NULL;
    return 0;
}
