// SPDX-License-Identifier: MIT
//
// Embedded files: they are the files of the source tree, and a source tree can replace them.
#include "base/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "unit/unit.h"

/* The path of a file in the source tree that this program was built from; the caller's to free. */
static char *in_source_tree(const char *path)
{
    const char *own = strstr(__FILE__, "spec/unit/base/");

    CHECK(own != NULL);
    return tq_format("%.*s%s", (int)(own - __FILE__), __FILE__, path);
}

UNIT_TEST(embeds_the_files_of_the_source_tree)
{
    const struct tq_resource *resource;
    size_t index = 0;
    int count = 0;

    while ((resource = tq_resource_next("sql/", &index)) != NULL) {
        struct tq_buf text = {0};
        struct tq_err err;
        char *path = in_source_tree(resource->path);

        CHECK_OK(tq_buf_add_file(&text, path, &err), &err);
        CHECK_INT(resource->len, text.len);
        CHECK_TEXT(resource->text, text.data);
        CHECK(tq_resource_find(resource->path) == resource);
        tq_buf_deinit(&text);
        free(path);
        count++;
    }
    CHECK(count > 0);
}

UNIT_TEST(gives_a_prefix_in_order_of_path)
{
    const struct tq_resource *resource;
    const char *last = "";
    size_t index = 0;

    while ((resource = tq_resource_next("sql/migrations/", &index)) != NULL) {
        CHECK_INT(strncmp(resource->path, "sql/migrations/", 15), 0);
        CHECK(strcmp(last, resource->path) < 0);
        last = resource->path;
    }
}

UNIT_TEST(knows_only_whole_paths)
{
    CHECK(tq_resource_find("sql/queries/no_such_query.sql") == NULL);
    CHECK(tq_resource_find("sql/") == NULL);
    CHECK(tq_resource_find("") == NULL);
}

UNIT_TEST(a_source_tree_replaces_the_embedded_files)
{
    char root[] = "/tmp/taskq-resource-XXXXXX";

    CHECK(mkdtemp(root) != NULL);

    char *folder = tq_format("%s/lua", root), *file = tq_format("%s/lua/new.lua", root);

    CHECK_INT(mkdir(folder, 0700), 0);

    FILE *out = fopen(file, "w");

    CHECK(out != NULL);
    CHECK(fputs("return 1\n", out) >= 0);
    CHECK_INT(fclose(out), 0);
    CHECK_INT(setenv("TASKQ_RESOURCES", root, 1), 0);

    const struct tq_resource *found = tq_resource_find("lua/new.lua");

    CHECK(found != NULL);
    CHECK_TEXT(found->path, "lua/new.lua");
    CHECK_TEXT(found->text, "return 1\n");
    CHECK_INT(found->len, 9);
    CHECK(tq_resource_find("lua/new.lua") == found);
    CHECK(tq_resource_find("lua/other.lua") == NULL);

    CHECK_INT(unlink(file), 0);
    CHECK_INT(rmdir(folder), 0);
    CHECK_INT(rmdir(root), 0);
    free(file);
    free(folder);
}
