// SPDX-License-Identifier: MIT
//
// What specs of handlers require, as files of a temporary folder: lua/taskq/ and the JSON codec as
// a module for plain Lua. The program carries both, so that it is all that a test needs.
#ifndef TQ_COMMAND_TESTING_FILES_H
#define TQ_COMMAND_TESTING_FILES_H

#include "base/error.h"

/* Makes the folder, below TMPDIR or /tmp, and puts the files into it; the caller frees *folder, and
   removes it first. After a failure there is none. */
TQ_MUST_CHECK bool tq_testing_files_unpack(char **folder, struct tq_err *err);

/* Removes the folder with everything in it, as far as the system lets us. */
void tq_testing_files_remove(const char *folder);

#endif
