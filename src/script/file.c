// SPDX-License-Identifier: MIT
//
// Files for scripts: io.open, io.lines and io.type, on regular files only, since opening or reading
// a pipe, a socket or a terminal could block the thread for ever. Handles are Lua's own
// (luaL_Stream), so all their methods work. There is no default input or output: they would be
// shared by all tasks.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "script/state.h"

enum {
    MAX_FORMATS = 250, /* as in Lua's own io.lines */
    FILE_KB = 16, /* what the collector takes a file for: descriptors are scarcer than memory */
};

static int close_file(lua_State *L)
{
    luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);

    return luaL_fileresult(L, fclose(stream->f) == 0, NULL);
}

static int keep_open(lua_State *L)
{
    luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);

    stream->closef = keep_open;
    lua_pushnil(L);
    lua_pushliteral(L, "cannot close a standard file");
    return 2;
}

/* The flags of open(2) for a mode that fopen(3) knows; -1 for none. */
static int flags_of(const char *mode)
{
    int flags = *mode == 'r' ? 0 : *mode == 'w' ? O_CREAT | O_TRUNC : O_CREAT | O_APPEND;

    if (*mode == '\0' || strchr("rwa", *mode++) == NULL)
        return -1;
    if (*mode == '+') {
        flags |= O_RDWR;
        mode++;
    } else {
        flags |= flags == 0 ? O_RDONLY : O_WRONLY;
    }
    return strspn(mode, "b") == strlen(mode) ? flags : -1;
}

/* A stream on a regular file, or NULL and errno; not regular is ENOTSUP. Opening does not wait for
   a pipe's other end, and does not truncate what turns out not to be regular. */
static FILE *open_regular(const char *path, const char *mode)
{
    int flags = flags_of(mode);
    int fd = open(path, (flags & ~O_TRUNC) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    struct stat info;
    FILE *file;
    int cause;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) != 0)
        goto close_fd;
    errno = ENOTSUP;
    if (!S_ISREG(info.st_mode))
        goto close_fd;
    if ((flags & O_TRUNC) != 0 && ftruncate(fd, 0) != 0)
        goto close_fd;
    file = fdopen(fd, mode);
    if (file != NULL)
        return file;

close_fd:
    cause = errno;
    (void)close(fd); /* nothing was written */
    errno = cause;
    return NULL;
}

/* Opens it into a stream on the stack. Files that nobody has closed, because an error left their
   function, are closed by the collector, which sees their memory in Lua alone and would come after
   thousands of them. */
static bool open_stream(lua_State *L, luaL_Stream *stream, const char *path, const char *mode)
{
    (void)lua_gc(L, LUA_GCSTEP, FILE_KB); /* whether a cycle has ended does not matter */
    stream->f = open_regular(path, mode);
    if (stream->f == NULL && (errno == EMFILE || errno == ENFILE)) {
        (void)lua_gc(L, LUA_GCCOLLECT); /* returns 0 */
        stream->f = open_regular(path, mode);
        tq_script_of(L)->is_out_of_files = stream->f == NULL;
    }
    if (stream->f == NULL)
        return false;
    stream->closef = close_file;
    return true;
}

static int fail_to_open(lua_State *L, const char *path)
{
    if (errno != ENOTSUP)
        return luaL_fileresult(L, 0, path);
    lua_pushnil(L);
    (void)lua_pushfstring(L, "%s: not a regular file", path);
    lua_pushinteger(L, ENOTSUP);
    return 3;
}

static luaL_Stream *push_stream(lua_State *L)
{
    luaL_Stream *stream = lua_newuserdatauv(L, sizeof *stream, 0);

    stream->closef = NULL;
    stream->f = NULL;
    luaL_setmetatable(L, LUA_FILEHANDLE);
    return stream;
}

/* A text that means to C what it means to Lua. */
static const char *check_text(lua_State *L, int index)
{
    size_t len;
    const char *text = luaL_checklstring(L, index, &len);

    luaL_argcheck(L, strlen(text) == len, index, "contains a zero byte");
    return text;
}

static int file_open(lua_State *L)
{
    const char *path = check_text(L, 1), *mode = lua_isnoneornil(L, 2) ? "r" : check_text(L, 2);

    luaL_argcheck(L, flags_of(mode) >= 0, 2, "invalid mode");

    luaL_Stream *stream = push_stream(L);

    return open_stream(L, stream, path, mode) ? 1 : fail_to_open(L, path);
}

/* As io.lines: the iterator, two nils, and the file, which a generic for closes. */
static int file_lines(lua_State *L)
{
    const char *path = check_text(L, 1);
    int count = lua_gettop(L) - 1;

    luaL_argcheck(L, count <= MAX_FORMATS, MAX_FORMATS + 2, "too many arguments");
    luaL_checkstack(L, count + LUA_MINSTACK, "too many arguments");

    luaL_Stream *stream = push_stream(L);

    if (!open_stream(L, stream, path, "r")) {
        (void)fail_to_open(L, path);
        return luaL_error(L, "%s", lua_tostring(L, count + 4));
    }
    lua_replace(L, 1);
    (void)lua_getfield(L, 1, "lines"); /* a method that luaopen_io made */
    lua_pushvalue(L, 1);
    for (int i = 0; i < count; i++)
        lua_pushvalue(L, i + 2);
    lua_call(L, count + 1, 1);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, 1);
    return 4;
}

/* What io.popen returns is a table that says that it is a file; see lua/taskq/pipe.lua. */
static bool is_pipe(lua_State *L)
{
    return lua_istable(L, 1) && luaL_getmetafield(L, 1, "__name") == LUA_TSTRING &&
           strcmp(lua_tostring(L, -1), LUA_FILEHANDLE) == 0;
}

static int file_type(lua_State *L)
{
    luaL_checkany(L, 1);

    luaL_Stream *stream = luaL_testudata(L, 1, LUA_FILEHANDLE);

    if (stream == NULL && is_pipe(L))
        (void)lua_pushstring(L, lua_getfield(L, 1, "number") == LUA_TNIL ? "closed file" : "file");
    else if (stream == NULL)
        luaL_pushfail(L);
    else
        (void)lua_pushstring(L, stream->closef == NULL ? "closed file" : "file");
    return 1;
}

/* io.read: there is no default input, so it is at its end. */
static int file_read(lua_State *L)
{
    luaL_pushfail(L);
    return 1;
}

const luaL_Reg tq_file_io_functions[] = {
    {"lines", file_lines}, {"open", file_open}, {"read", file_read},
    {"type", file_type},   {NULL, NULL},
};

void tq_file_set_standard(lua_State *L)
{
    luaL_Stream *nothing = push_stream(L);

    nothing->f = fopen("/dev/null", "re");
    nothing->closef = nothing->f != NULL ? close_file : NULL;
    lua_setfield(L, -2, "stdin");

    luaL_Stream *output = push_stream(L);

    output->f = stderr;
    output->closef = keep_open;
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "stdout");
    lua_setfield(L, -2, "stderr");
}

bool tq_file_push_text(lua_State *L, const char *path)
{
    luaL_Stream *stream = push_stream(L); /* which closes the file if the reading below raises */
    luaL_Buffer text;
    size_t len;

    stream->f = open_regular(path, "r");
    if (stream->f == NULL) {
        lua_pop(L, 1);
        return false;
    }
    stream->closef = close_file;
    luaL_buffinit(L, &text);
    do {
        len = fread(luaL_prepbuffer(&text), 1, LUAL_BUFFERSIZE, stream->f);
        luaL_addsize(&text, len);
    } while (len > 0);
    luaL_pushresult(&text);
    (void)fclose(stream->f); /* nothing was written */
    stream->closef = NULL;
    lua_remove(L, -2);
    return true;
}
