// SPDX-License-Identifier: MIT
//
// Looking, reading, comparing, loading.
#include "worker/reading.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/tree.h"
#include "script/script.h"
#include "worker/generation.h"

enum {
    YOUNG_US = 2000000, /* the coarsest clock of a file system that is in use */
    MOST_TRIES = 5,     /* to find a moment in which nothing changes */
};

struct survey {
    struct tq_folders *folders;
    uint64_t sum;      /* of the files' hashes: their order does not matter */
    int64_t newest_us; /* of all files' times */
};

/* ---- looking ---- */

static bool on_folder(void *owner, const char *name, const struct stat *info, struct tq_err *err)
{
    struct survey *survey = owner;

    (void)err;
    tq_folders_add(survey->folders, name, info->st_dev, info->st_ino);
    return true;
}

/* FNV-1a. */
static uint64_t hash(uint64_t state, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++)
        state = (state ^ bytes[i]) * UINT64_C(1099511628211);
    return state;
}

static int64_t time_us(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void note_time(struct survey *survey, struct timespec time)
{
    if (time_us(time) > survey->newest_us)
        survey->newest_us = time_us(time);
}

static bool on_file(void *owner, const char *name, const char *path, const struct stat *info,
                    struct tq_err *err)
{
    struct survey *survey = owner;
    const int64_t facts[] = {
        (int64_t)info->st_dev, (int64_t)info->st_ino, info->st_size,         info->st_mtim.tv_sec,
        info->st_mtim.tv_nsec, info->st_ctim.tv_sec,  info->st_ctim.tv_nsec,
    };

    (void)name;
    (void)err;
    if (!tq_source_takes(path))
        return true;
    note_time(survey, info->st_mtim);
    note_time(survey, info->st_ctim);
    survey->sum +=
        hash(hash(UINT64_C(14695981039346656037), path, strlen(path)), facts, sizeof facts);
    return true;
}

/* Fills reading->folders and *sum; the stamp to keep is *sum, or 0 while it cannot be trusted. */
static bool look(struct tq_reading *reading, uint64_t *sum, uint64_t *stamp, struct tq_err *err)
{
    struct survey survey = {.folders = &reading->folders, .sum = 1};
    const struct tq_tree_visitor visitor = {&survey, on_folder, on_file};
    int64_t now_us = tq_clock_wall_us();

    tq_folders_clear(&reading->folders);
    if (!tq_tree_walk(reading->folder, &visitor, err)) {
        err->domain = TQ_ERR_HANDLERS;
        return false;
    }
    *sum = reading->seen = survey.sum;
    *stamp = survey.newest_us + YOUNG_US < now_us ? survey.sum : 0;
    return true;
}

/* ---- reading ---- */

/* All files as they were at one moment: what is read between two equal looks. Without an end to the
   changes the last try counts, and the next reading sees that more has changed. */
static bool read_whole(struct tq_reading *reading, uint64_t before, struct tq_source **source,
                       struct tq_err *err)
{
    for (int i = 1;; i++) {
        uint64_t after, stamp;
        bool is_read = tq_source_read(reading->folder, source, err);

        if (is_read)
            tq_source_allow(*source, tq_source_allowed(reading->current->source));
        reading->stamp = 0;
        if (!look(reading, &after, &stamp, err)) {
            if (is_read)
                tq_source_unref(*source);
            return false;
        }
        if (after == before)
            reading->stamp = stamp;
        if (after == before || i == MOST_TRIES)
            return is_read;
        if (is_read)
            tq_source_unref(*source);
        before = after;
    }
}

/* ---- loading ---- */

static bool begin_state(struct tq_reading *reading, struct tq_err *err)
{
    if (atomic_load(&reading->is_unwanted))
        return tq_err_set(err, TQ_ERR_HANDLERS, 0, "what is read is not wanted any more");
    atomic_store(&reading->step_us, tq_clock_us());
    return true;
}

static bool load(struct tq_reading *reading, struct tq_source *source, struct tq_err *err)
{
    if (!begin_state(reading, err) ||
        !tq_generation_new(source, reading->folder, reading->wanted, &reading->generation, err))
        return false;
    reading->generation->number = reading->current->number + 1;
    reading->scripts = tq_zalloc((size_t)reading->script_count * sizeof(struct tq_script *));
    for (int i = 0; i < reading->script_count; i++) {
        if (!begin_state(reading, err) ||
            !tq_generation_open(reading->generation, &reading->scripts[i], err))
            return false;
    }
    return true;
}

/* source is what was read, or NULL. */
static void fail(struct tq_reading *reading, const struct tq_err *err,
                 const struct tq_source *source)
{
    reading->outcome = TQ_READING_FAILED;
    reading->err = *err;
    if (source != NULL)
        reading->quote = tq_source_quote(source, err->message);
}

static void forget_rejected(struct tq_reading *reading)
{
    if (reading->rejected != NULL)
        tq_source_unref(reading->rejected);
    reading->rejected = NULL;
}

static bool is_rejected(const struct tq_reading *reading, const struct tq_source *source)
{
    char *change;

    if (reading->rejected == NULL || reading->is_forced)
        return false;
    change = tq_source_describe_change(reading->rejected, source);
    free(change);
    return change == NULL;
}

static void take_source(struct tq_reading *reading, struct tq_source *source)
{
    struct tq_err err = {0};

    reading->change = tq_source_describe_change(reading->current->source, source);
    if (reading->change == NULL && !reading->is_forced && reading->current->type_count > 0) {
        forget_rejected(reading);
        reading->outcome = TQ_READING_SAME;
    } else if (is_rejected(reading, source)) {
        fail(reading, &reading->rejection, source);
    } else if (!reading->is_quiet && !reading->is_forced) {
        reading->outcome = TQ_READING_STIRRED;
    } else if (load(reading, source, &err)) {
        forget_rejected(reading);
        reading->outcome = TQ_READING_LOADED;
    } else {
        forget_rejected(reading);
        tq_source_ref(source);
        reading->rejected = source;
        reading->rejection = err;
        fail(reading, &err, source);
    }
}

static void run(struct tq_reading *reading)
{
    uint64_t sum, stamp, known = reading->stamp;
    struct tq_source *source;
    struct tq_err err = {0};

    if (!look(reading, &sum, &stamp, &err)) {
        reading->stamp = 0;
        fail(reading, &err, NULL);
        return;
    }
    if (known == sum && !reading->is_quiet && !reading->is_forced) {
        reading->outcome = TQ_READING_UNCHANGED;
        return;
    }
    if (!read_whole(reading, sum, &source, &err)) {
        fail(reading, &err, NULL);
        return;
    }
    take_source(reading, source);
    tq_source_unref(source);
}

void tq_reading_run(struct tq_reading *reading)
{
    atomic_store(&reading->step_us, tq_clock_us());
    run(reading);
    atomic_store(&reading->step_us, 0);
}

void tq_reading_clear(struct tq_reading *reading)
{
    if (reading->scripts != NULL) {
        for (int i = 0; i < reading->script_count && reading->scripts[i] != NULL; i++)
            tq_script_free(reading->scripts[i]);
    }
    free(reading->scripts);
    reading->scripts = NULL;
    if (reading->generation != NULL)
        tq_generation_unref(reading->generation);
    reading->generation = NULL;
    free(reading->quote);
    free(reading->change);
    reading->quote = reading->change = NULL;
    tq_folders_clear(&reading->folders);
}

void tq_reading_deinit(struct tq_reading *reading)
{
    tq_reading_clear(reading);
    forget_rejected(reading);
}
