// SPDX-License-Identifier: MIT
//
// Comparing two readings of a folder.
#include <string.h>

#include "base/buffer.h"
#include "script/script.h"
#include "script/source.h"

enum { MOST_NAMES = 8 };

struct change {
    struct tq_buf text;
    size_t count;
    const char *what; /* of the last name: "", "new: ", "gone: " */
};

static void add_name(struct change *change, const char *what, const char *path)
{
    if (++change->count > MOST_NAMES)
        return;
    if (change->count > 1)
        tq_buf_add_text(&change->text, ", ");
    if (strcmp(change->what, what) != 0)
        tq_buf_add_text(&change->text, what);
    tq_buf_add_text(&change->text, path);
    change->what = what;
}

static bool is_same(const struct tq_source_file *a, const struct tq_source_file *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static void add_missing(struct change *change, const char *what, const struct tq_source *of,
                        const struct tq_source *in)
{
    for (size_t i = 0; i < of->count; i++) {
        if (tq_source_find(in, of->files[i].path) == NULL)
            add_name(change, what, of->files[i].path);
    }
}

char *tq_source_describe_change(const struct tq_source *before, const struct tq_source *after)
{
    struct change change = {.what = ""};

    for (size_t i = 0; i < after->count; i++) {
        const struct tq_source_file *old = tq_source_find(before, after->files[i].path);

        if (old != NULL && !is_same(old, &after->files[i]))
            add_name(&change, "", after->files[i].path);
    }
    add_missing(&change, "new: ", after, before);
    add_missing(&change, "gone: ", before, after);
    if (change.count > MOST_NAMES)
        tq_buf_addf(&change.text, " and %zu more", change.count - MOST_NAMES);
    return change.count > 0 ? tq_buf_take(&change.text) : NULL;
}
