// SPDX-License-Identifier: MIT
//
// A stage for tests of scripts: a handlers folder that is written file by file, a script loaded
// from it, and a fake host whose waits end when the test says so. Checks inside end the process, as
// in unit.h. Every stage that was opened is closed.
#ifndef TQ_SPEC_STAGE_H
#define TQ_SPEC_STAGE_H

#include "binding/host.h"
#include "script/run.h"
#include "script/script.h"

enum { STAGE_FILES = 16, STAGE_LONG_MS = 300000 };

struct stage {
    char folder[64];
    char *files[STAGE_FILES]; /* written, to be removed */
    size_t file_count;
    struct tq_script *script;
    struct tq_host host;
    size_t memory_cap_bytes; /* 0: the default */
    bool is_shutting_down;
    bool is_wait_done_at_once;
    bool is_mail_refused;
    int reports; /* of progress */
    int live_waits, total_waits;
    int64_t slept_ms;         /* of the last sleep */
    char mail[512];           /* of the last letter: url, from, recipients, message; a line each */
    struct tq_wait *pending;  /* the last wait that is not done */
    int64_t soft_ms, hard_ms; /* deadlines of the runs that are started */
};

void stage_open(struct stage *stage);
void stage_write(struct stage *stage, const char *path, const char *text);
void stage_remove(struct stage *stage); /* the file that was written last */

/* Loads what was written; the second form expects that. */
bool stage_try_load(struct stage *stage, struct tq_err *err);
void stage_load(struct stage *stage);

/* Loads one handler of type "t" with this body: function(context) BODY end. */
void stage_load_body(struct stage *stage, const char *body);

struct tq_run *stage_start(struct stage *stage, const char *type, const char *payload);

/* Resumes the run until it waits or is done: any slice may end early, on a machine that is busy. */
enum tq_run_state stage_resume(struct tq_run *run);

/* Resumes the run until it is done; ends each wait at once. Returns its outcome. */
const struct tq_outcome *stage_finish(struct stage *stage, struct tq_run *run);

/* Starts, finishes and frees a run of type "t"; fails the test unless it succeeded with this
 * result. */
void stage_check_result(struct stage *stage, const char *payload, const char *result);

/* The same in one: a stage, one handler with this body, its result. */
void stage_check_body(const char *body, const char *payload, const char *result);

/* The run's wait is over. */
void stage_end_wait(struct stage *stage);

void stage_close(struct stage *stage);

#endif
