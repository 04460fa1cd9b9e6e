// SPDX-License-Identifier: MIT
#include "command/testing_files.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/resource.h"

enum { FOLDER_MODE = 0700, MOST_OPEN_FOLDERS = 8 };

/* The bytes of taskq_json.so; see cmake/embed_binary.cmake. */
extern const unsigned char tq_json_module[];
extern const size_t tq_json_module_len;

/* The folders of path from the offset on; those that are there already are left alone, and what
   cannot be made is noticed when the file is. */
static void make_folders(char *path, size_t offset)
{
    for (char *at = path + offset; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        (void)mkdir(path, FOLDER_MODE); /* as said above */
        *at = '/';
    }
}

static bool write_file(const char *folder, const char *name, const void *bytes, size_t len,
                       struct tq_err *err)
{
    char *path = tq_format("%s/%s", folder, name);
    FILE *file;
    bool is_written;

    make_folders(path, strlen(folder) + 1);
    file = fopen(path, "wbe");
    is_written = file != NULL && fwrite(bytes, 1, len, file) == len;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    if (!is_written)
        (void)tq_err_system(err, "cannot write %s", path); /* false, as is_written is */
    free(path);
    return is_written;
}

static bool write_all(const char *folder, struct tq_err *err)
{
    static const char root[] = "lua/";
    const struct tq_resource *resource;
    size_t index = 0;

    while ((resource = tq_resource_next("lua/taskq/", &index)) != NULL) {
        if (!write_file(folder, resource->path + strlen(root), resource->text, resource->len, err))
            return false;
    }
    return write_file(folder, "taskq_json.so", tq_json_module, tq_json_module_len, err);
}

bool tq_testing_files_unpack(char **folder, struct tq_err *err)
{
    const char *parent = getenv("TMPDIR");
    char *path =
        tq_format("%s/taskq-test-XXXXXX", parent != NULL && *parent != '\0' ? parent : "/tmp");

    if (mkdtemp(path) == NULL) {
        (void)tq_err_system(err, "cannot make the folder %s (set TMPDIR to another)", path);
        free(path);
        return false;
    }
    if (!write_all(path, err)) {
        tq_testing_files_remove(path);
        free(path);
        return false;
    }
    *folder = path;
    return true;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    (void)remove(path); /* what stays makes its folder stay, and is all that can be done */
    return 0;
}

void tq_testing_files_remove(const char *folder)
{
    (void)nftw(folder, remove_entry, MOST_OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS); /* likewise */
}
