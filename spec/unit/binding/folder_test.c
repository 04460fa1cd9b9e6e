// SPDX-License-Identifier: MIT
//
// Making folders, and the writing of files that stands on it (lua/taskq/file.lua).
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

UNIT_TEST(makes_a_folder_with_those_that_lead_to_it)
{
    struct stage stage;
    char path[sizeof stage.folder + 32];

    stage_open(&stage);
    stage_load_body(&stage, "local core = require 'taskq.core' local path = context.task.payload "
                            "local made, again = core.make_folder(path .. '/a/b'), "
                            "  core.make_folder(path .. '/a/b/') "
                            "local ok, err, code = core.make_folder '/proc/no/such' "
                            "return made and again and not ok and code == 2 "
                            "  and err:find('^/proc/no/such: ') == 1");
    (void)snprintf(path, sizeof path, "\"%s\"", stage.folder);
    stage_check_result(&stage, path, "true");

    (void)snprintf(path, sizeof path, "%s/a/b", stage.folder);
    CHECK_INT(rmdir(path), 0);
    *strrchr(path, '/') = '\0';
    CHECK_INT(rmdir(path), 0);
    stage_close(&stage);
}

UNIT_TEST(writes_a_file_whole)
{
    struct stage stage;
    char path[sizeof stage.folder + 32];

    stage_open(&stage);
    stage_load_body(&stage, "local taskq = require 'taskq' local path = context.task.payload "
                            "assert(taskq.file.write(path .. '/a/x.txt', 'one')) "
                            "assert(taskq.file.write(path .. '/a/x.txt', 'two')) "
                            "local ok, err = taskq.file.write(path .. '/a/x.txt/y', '') "
                            "return not ok and err ~= nil");
    (void)snprintf(path, sizeof path, "\"%s\"", stage.folder);
    stage_check_result(&stage, path, "true");

    struct tq_buf text = {0};
    struct tq_err err;

    (void)snprintf(path, sizeof path, "%s/a/x.txt", stage.folder);
    CHECK_OK(tq_buf_add_file(&text, path, &err), &err);
    CHECK_TEXT(text.data, "two");
    tq_buf_deinit(&text);
    CHECK_INT(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    CHECK_INT(rmdir(path), 0); /* nothing else was left in it */
    stage_close(&stage);
}
