// SPDX-License-Identifier: MIT
//
// Loading handlers for their facts.
#include "worker/generation.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/glob.h"
#include "base/memory.h"
#include "binding/host.h"
#include "script/script.h"

static bool is_wanted(const struct tq_texts *wanted, const char *type)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (tq_glob_matches(wanted->items[i], type))
            return true;
    }
    return wanted->count == 0;
}

static bool choose_types(struct tq_generation *generation, const char *folder,
                         const struct tq_texts *wanted, struct tq_err *err)
{
    size_t count = tq_script_handler_count(generation->script);

    generation->types = tq_zalloc((count + 1) * sizeof *generation->types);
    for (size_t i = 0; i < count; i++) {
        const char *type = tq_script_handler(generation->script, i)->type;

        if (is_wanted(wanted, type))
            generation->types[generation->type_count++] = type;
    }
    if (count == 0)
        return tq_err_set(err, TQ_ERR_HANDLERS, 0,
                          "there is no handler in %s: put a *.lua file there, or name another "
                          "folder with --handlers",
                          folder);
    if (generation->type_count == 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "--task-types matches none of the %zu handlers in %s", count, folder);
    return true;
}

/* A message that begins with a file gets the line in it too, where that can be told. */
static bool tell_place(const struct tq_source *source, struct tq_err *err)
{
    struct tq_source_place place;

    if (!tq_source_locate(source, err->message, &place) || place.line == 0 ||
        place.reason == err->message)
        return false;

    char *reason = tq_strdup(place.reason);

    (void)tq_err_set(err, err->domain, err->code, "%s:%ld: %s", place.file, place.line, reason);
    free(reason);
    return false;
}

bool tq_generation_open(const struct tq_generation *generation, struct tq_script **script,
                        struct tq_err *err)
{
    static const struct tq_host no_host; /* files are only loaded with it; nothing runs */
    const struct tq_script_config config = {.open_taskq = luaopen_taskq, .host = &no_host};

    return tq_script_new(&config, generation->source, script, err) ||
           tell_place(generation->source, err);
}

/* The facts of a source, of which no type has been chosen. */
static struct tq_generation *make(struct tq_source *source, struct tq_err *err)
{
    struct tq_generation *made = tq_zalloc(sizeof *made);

    atomic_init(&made->references, 1);
    made->number = 1;
    made->loaded_us = tq_clock_us();
    made->source = source;
    tq_source_ref(source);
    if (tq_generation_open(made, &made->script, err))
        return made;
    tq_generation_unref(made);
    return NULL;
}

bool tq_generation_new(struct tq_source *source, const char *folder, const struct tq_texts *wanted,
                       struct tq_generation **generation, struct tq_err *err)
{
    struct tq_generation *made = make(source, err);

    if (made == NULL)
        return false;
    if (!choose_types(made, folder, wanted, err)) {
        tq_generation_unref(made);
        return false;
    }
    *generation = made;
    return true;
}

bool tq_generation_new_empty(const struct tq_texts *c_modules, struct tq_generation **generation,
                             struct tq_err *err)
{
    struct tq_source *source = tq_source_new_empty();

    tq_source_allow(source, c_modules);
    *generation = make(source, err);
    tq_source_unref(source);
    return *generation != NULL;
}

bool tq_generation_load(const char *folder, const struct tq_texts *wanted,
                        const struct tq_texts *c_modules, struct tq_generation **generation,
                        struct tq_err *err)
{
    struct tq_source *source;

    if (!tq_source_read(folder, &source, err))
        return false;
    tq_source_allow(source, c_modules);

    bool is_loaded = tq_generation_new(source, folder, wanted, generation, err);

    tq_source_unref(source);
    return is_loaded;
}

void tq_generation_ref(struct tq_generation *generation)
{
    atomic_fetch_add_explicit(&generation->references, 1, memory_order_relaxed);
}

void tq_generation_unref(struct tq_generation *generation)
{
    if (atomic_fetch_sub(&generation->references, 1) > 1)
        return;
    if (generation->script != NULL)
        tq_script_free(generation->script);
    tq_source_unref(generation->source);
    free(generation->types);
    free(generation);
}
