// SPDX-License-Identifier: MIT
//
// taskq test: runs the specs of handlers with busted, as a child that shares our terminal. What
// specs require (lua/taskq/testing.lua and the JSON codec) lies in a temporary folder meanwhile,
// so the program alone is enough. There is no database and no worker.
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/tree.h"
#include "command/command.h"
#include "command/testing_files.h"

extern char **environ;

struct test_options {
    const char *handlers;
};

static const struct tq_option options[] = {
    {"handlers", TQ_OPTION_TEXT, offsetof(struct test_options, handlers), "DIR", "JOB_HANDLERS",
     "./handlers", 0, 0, "the folder with the handlers"},
    {0},
};

/* Puts ours before what the user has set; Lua reads NAME_5_4, else NAME; ";;" is its default. */
static void set_path(const char *name, const char *ours)
{
    char *versioned = tq_format("%s_5_4", name);
    const char *users = getenv(versioned);

    if (users == NULL)
        users = getenv(name);

    char *value = tq_format("%s;%s", ours, users != NULL && *users != '\0' ? users : ";");

    if (setenv(versioned, value, 1) != 0)
        abort(); /* the name is valid, and memory is the host's own */
    free(value);
    free(versioned);
}

/* TASKQ_HANDLERS is as it was given, because messages name files by it. */
static void set_environment(const char *given, const char *handlers, const char *folder)
{
    char *lua = tq_format("%s/?.lua;%s/lib/?.lua;%s/lib/?/init.lua;%s/?.lua", folder, handlers,
                          handlers, handlers);
    char *libraries = tq_format("%s/?.so", folder);

    set_path("LUA_PATH", lua);
    set_path("LUA_CPATH", libraries);
    if (setenv("TASKQ_HANDLERS", given, 1) != 0)
        abort(); /* as above */
    free(libraries);
    free(lua);
}

static bool note_spec(void *owner, const char *name, const char *path, const struct stat *info,
                      struct tq_err *err)
{
    static const char suffix[] = "_spec.lua";
    size_t len = strlen(name), suffix_len = sizeof suffix - 1;
    bool *has_spec = owner;

    (void)path;
    (void)info;
    (void)err;
    *has_spec = *has_spec || (len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0);
    return true;
}

/* busted runs *_spec.lua below the handlers' folder, unless options or a file say otherwise. */
static bool is_plain(const struct tq_call *call)
{
    return call->argument_count == 0 && access(".busted", F_OK) != 0;
}

/* What busted would say of a folder without specs, or of one that it cannot read, helps nobody. */
static bool check_specs(const char *handlers, struct tq_err *err)
{
    bool has_spec = false;
    const struct tq_tree_visitor visitor = {.owner = &has_spec, .on_file = note_spec};

    if (!tq_tree_walk(handlers, &visitor, err))
        return false;
    return has_spec ||
           tq_err_set(err, TQ_ERR_SYSTEM, ENOENT,
                      "there is no spec below %s: put one into %s/spec/NAME_spec.lua, or name "
                      "another folder: taskq test FOLDER",
                      handlers, handlers);
}

static bool names_place(const struct tq_call *call)
{
    size_t i = 0;

    while (i < call->argument_count && *call->arguments[i] == '-')
        i++;
    return i < call->argument_count;
}

/* busted, the interpreter, and the arguments; the handlers' folder when they name no place. */
static const char **make_arguments(const struct tq_call *call, const char *handlers)
{
    const char **arguments = tq_zalloc((call->argument_count + 4) * sizeof *arguments);
    size_t count = 0;

    arguments[count++] = "busted";
    arguments[count++] = "--lua=lua5.4";
    for (size_t i = 0; i < call->argument_count; i++)
        arguments[count++] = call->arguments[i];
    if (!names_place(call))
        arguments[count++] = handlers;
    return arguments;
}

static bool start(const char **arguments, const sigset_t *mask, pid_t *child, struct tq_err *err)
{
    posix_spawnattr_t attributes;
    sigset_t defaults;
    int status;

    (void)sigemptyset(&defaults);        /* cannot fail */
    (void)sigaddset(&defaults, SIGPIPE); /* which we ignore */
    status = posix_spawnattr_init(&attributes);
    if (status == 0) {
        (void)posix_spawnattr_setsigmask(&attributes, mask); /* these cannot fail */
        (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
        (void)posix_spawnattr_setpgroup(&attributes, 0);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                        POSIX_SPAWN_SETPGROUP);
        status = posix_spawnp(child, arguments[0], NULL, &attributes,
                              (char *const *)(uintptr_t)arguments, environ);
        (void)posix_spawnattr_destroy(&attributes); /* likewise */
    }
    if (status == 0)
        return true;
    if (status == ENOENT)
        return tq_err_set(err, TQ_ERR_SYSTEM, status,
                          "there is no busted, which runs the specs: install it with `apt-get "
                          "install lua-busted`, or with `luarocks install busted`");
    errno = status;
    return tq_err_system(err, "cannot start busted");
}

/* busted starts itself once more, with the Lua that we ask for, so a signal goes to the group of
   both. They get none from the terminal: we pass on what we get, outlive them, and clean up. */
static int wait_for(pid_t child, const sigset_t *signals)
{
    int status = 0, signal;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (sigwait(signals, &signal) == 0 && signal != SIGCHLD)
            (void)kill(-child, signal); /* the group is there until we have waited for its first */
    }
    return status;
}

static bool run_busted(const char **arguments, enum tq_exit *code, struct tq_err *err)
{
    static const int held[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    sigset_t signals, before;
    pid_t child;

    (void)sigemptyset(&signals); /* cannot fail */
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        (void)sigaddset(&signals, held[i]); /* nor can this */
    (void)sigprocmask(SIG_BLOCK, &signals, &before);

    bool is_started = start(arguments, &before, &child, err);

    if (is_started && wait_for(child, &signals) != 0)
        *code = TQ_EXIT_FAILED;
    (void)sigprocmask(SIG_SETMASK, &before, NULL); /* as it was */
    return is_started;
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    const struct test_options *given = call->options;
    const char **arguments;
    char *handlers = realpath(given->handlers, NULL), *folder;

    if (handlers == NULL)
        return tq_err_system(err, "--handlers names no folder: %s", given->handlers);
    if ((is_plain(call) && !check_specs(given->handlers, err)) ||
        !tq_testing_files_unpack(&folder, err)) {
        free(handlers);
        return false;
    }
    set_environment(given->handlers, handlers, folder);
    arguments = make_arguments(call, given->handlers);

    bool is_done = run_busted(arguments, code, err);

    tq_testing_files_remove(folder);
    free(arguments);
    free(folder);
    free(handlers);
    return is_done;
}

const struct tq_command tq_command_test = {
    .name = "test",
    .usage = "[FOLDER | FILE]... [-- BUSTED OPTIONS]",
    .summary = "run the specs of handlers",
    .details = "Runs *_spec.lua below the given folders (without any: below the handlers' folder) "
               "with busted,\n"
               "which must be installed. They `require \"taskq.testing\"`: neither a database nor "
               "a worker is\n"
               "needed. What follows -- goes to busted, such as --filter=PATTERN. Exit code 1: a "
               "spec failed.\n",
    .options = options,
    .options_size = sizeof(struct test_options),
    .most_arguments = 1000,
    .run = run,
};
