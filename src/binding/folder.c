// SPDX-License-Identifier: MIT
//
// require("taskq.core").random_name(), and .make_folder(path): the folder and those that lead to
// it. Lua has no such function, and handlers may not start mkdir.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <lauxlib.h>

#include "base/random.h"
#include "binding/module.h"

enum { FOLDER_MODE = 0777 }; /* less the umask, as of any other file */

/* Makes what is missing, from the first folder of the path to the last; changes path meanwhile. */
static bool make_folders(char *path)
{
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        (void)mkdir(path, FOLDER_MODE); /* the last one tells whether all are there */
        *at = '/';
    }
    return mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST;
}

int tq_binding_make_folder(lua_State *L)
{
    size_t len;
    const char *path = luaL_checklstring(L, 1, &len);

    luaL_argcheck(L, len > 0, 1, "a path expected");

    char *copy = lua_newuserdatauv(L, len + 1, 0);

    memcpy(copy, path, len + 1);
    return luaL_fileresult(L, make_folders(copy), path);
}

/* 16 hexadecimal digits that nobody has had before, whatever a handler did to math.random. */
int tq_binding_random_name(lua_State *L)
{
    char text[17];

    (void)snprintf(text, sizeof text, "%016" PRIx64, tq_random());
    (void)lua_pushstring(L, text);
    return 1;
}
