// SPDX-License-Identifier: MIT
//
// require, in this order:
//
//     modules that the host opened       taskq, cjson, ...
//     taskq.NAME                         lua/taskq/NAME.lua, embedded in the program
//     the snapshot of the handlers       lib/a/b.lua, lib/a/b/init.lua, a/b.lua for "a.b"
//     pure Lua libraries of the system   Lua's package.path, without its relative entries
//     modules written in C, if allowed   lib/a/b.so beside the handlers, then Lua's package.cpath,
//                                        likewise
//
// A snapshot file runs once in a state, whether as a handler file or as a module. While a module
// runs, its place holds a mark, so that a loop of requires is an error and not an endless
// recursion.
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "base/resource.h"
#include "script/source.h"
#include "script/state.h"

static const char loading_mark = 0; /* its address marks a module that is running */

static void push_mark(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&loading_mark);
}

static bool is_mark(lua_State *L, int index)
{
    return lua_touserdata(L, index) == (const void *)&loading_mark;
}

/* Where the value of a module is kept, and what the module is told as its name. */
struct place {
    int cache; /* index of a table */
    const char *key;
    const char *module;
};

/* Calls the function on top with the module's name and its file, as Lua's require does, and keeps
   its value in its place. A failure clears the place and is raised again. [-1, +1, e] */
static void run_once(lua_State *L, const struct place *place, const char *file)
{
    push_mark(L);
    lua_setfield(L, place->cache, place->key);
    (void)lua_pushstring(L, place->module);
    (void)lua_pushstring(L, file);
    if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
        lua_pushnil(L);
        lua_setfield(L, place->cache, place->key);
        (void)lua_error(L);
    }
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, place->cache, place->key);
}

/* Compiles text, gives it an environment and runs it once; chunk is "@" and the file's name.
   [-0, +1, e] */
static void run_text(lua_State *L, const struct place *place, const char *chunk, const char *text,
                     size_t len)
{
    if (tq_chunk_load(L, text, len, chunk) != LUA_OK)
        (void)lua_error(L);
    tq_chunk_push_environment(L);
    (void)lua_setupvalue(L, -2, 1); /* a main function always has its _ENV */
    run_once(L, place, chunk + 1);
}

void tq_require_run_file(lua_State *L, const struct tq_source_file *file, const char *module)
{
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, tq_script_of(L)->files_ref); /* always a table */

    struct place place = {lua_gettop(L), file->path, module};

    if (lua_getfield(L, place.cache, file->path) == LUA_TNIL) {
        lua_pop(L, 1);
        const char *name = lua_pushfstring(L, "@%s", file->name);

        run_text(L, &place, name, file->text, file->len);
        lua_remove(L, -2);
    } else if (is_mark(L, -1)) {
        (void)luaL_error(L, "%s requires itself, directly or through other modules", file->name);
    }
    lua_remove(L, place.cache);
}

/* "a.b" with dots as slashes, in a string on the stack. */
static const char *push_path(lua_State *L, const char *name)
{
    return luaL_gsub(L, name, ".", "/");
}

static bool require_builtin(lua_State *L, int cache, const char *name)
{
    struct tq_source *source = tq_script_of(L)->source;
    const char *path = lua_pushfstring(L, "lua/%s.lua", push_path(L, name));

    for (size_t i = 0; i < source->resource_count; i++) {
        const struct tq_resource *resource = source->resources[i];

        if (strcmp(resource->path, path) == 0) {
            const char *shown = lua_pushfstring(L, "@%s", path);
            struct place place = {cache, name, name};

            run_text(L, &place, shown, resource->text, resource->len);
            if (lua_istable(L, -1)) {
                tq_view_push(L, -1);
                lua_pushvalue(L, -1);
                lua_setfield(L, cache, name);
            }
            return true;
        }
    }
    return false;
}

static bool require_snapshot(lua_State *L, const char *name)
{
    static const char *const places[] = {"lib/%s.lua", "lib/%s/init.lua", "%s.lua"};
    struct tq_source *source = tq_script_of(L)->source;
    const char *path = push_path(L, name);

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const struct tq_source_file *file =
            tq_source_find(source, lua_pushfstring(L, places[i], path));

        if (file != NULL) {
            tq_require_run_file(L, file, name);
            return true;
        }
    }
    return false;
}

/* Calls visit for each absolute template of a path such as package.path, filled in. */
static bool search_path(lua_State *L, const char *templates, const char *name,
                        bool (*visit)(lua_State *L, int cache, const char *name, const char *file),
                        int cache)
{
    const char *path = push_path(L, name);

    while (*templates != '\0') {
        size_t len = strcspn(templates, ";");

        if (*templates == '/') {
            const char *file = luaL_gsub(L, lua_pushlstring(L, templates, len), "?", path);

            if (visit(L, cache, name, file))
                return true;
            lua_pop(L, 2);
        }
        templates += templates[len] == ';' ? len + 1 : len;
    }
    return false;
}

static bool run_system_file(lua_State *L, int cache, const char *name, const char *file)
{
    size_t len;

    if (!tq_file_push_text(L, file))
        return false;

    const char *text = lua_tolstring(L, -1, &len);
    struct place place = {cache, name, name};

    run_text(L, &place, lua_pushfstring(L, "@%s", file), text, len);
    return true;
}

/* ---- modules written in C ---- */

static bool is_allowed(const struct tq_texts *allowed, const char *name)
{
    for (size_t i = 0; allowed != NULL && i < allowed->count; i++) {
        if (strcmp(allowed->items[i], name) == 0)
            return true;
    }
    return false;
}

/* Libraries stay open: what they have registered, in whatever state, refers to their code. */
static lua_CFunction open_c_module(lua_State *L, const char *name, const char *file)
{
    const char *symbol = lua_pushfstring(L, "luaopen_%s", luaL_gsub(L, name, ".", "_"));
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    void *function = library != NULL ? dlsym(library, symbol) : NULL;

    if (function == NULL)
        (void)luaL_error(L, "module '%s' cannot be loaded: %s", name, dlerror());
    return (lua_CFunction)(uintptr_t)function;
}

static bool run_c_module(lua_State *L, int cache, const char *name, const char *file)
{
    struct place place = {cache, name, name};

    if (access(file, F_OK) != 0)
        return false;
    if (!is_allowed(tq_script_of(L)->source->c_modules, name))
        (void)luaL_error(
            L,
            "module '%s' is written in C (%s): handlers may load it only if the worker "
            "is started with --allow-c-module %s",
            name, file, name);
    lua_pushcfunction(L, open_c_module(L, name, file));
    run_once(L, &place, file);
    return true;
}

static bool require_c_module(lua_State *L, int cache, const char *name)
{
    const char *folder = tq_script_of(L)->source->folder;
    const char *file = lua_pushfstring(L, "%s/lib/%s.so", folder, push_path(L, name));

    return run_c_module(L, cache, name, file) ||
           search_path(L, LUA_CPATH_DEFAULT, name, run_c_module, cache);
}

int tq_require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    struct tq_script *script = tq_script_of(L);

    lua_settop(L, 1);
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, script->loaded_ref); /* always a table */
    if (lua_getfield(L, 2, name) != LUA_TNIL) {
        if (is_mark(L, -1))
            return luaL_error(L, "module '%s' requires itself, directly or through others", name);
        return 1;
    }
    if (require_builtin(L, 2, name) || require_snapshot(L, name) ||
        search_path(L, LUA_PATH_DEFAULT, name, run_system_file, 2) || require_c_module(L, 2, name))
        return 1;
    return luaL_error(L,
                      "module '%s' not found: there is no lib/%s.lua beside the handlers, "
                      "and no such library in Lua's path",
                      name, push_path(L, name));
}
