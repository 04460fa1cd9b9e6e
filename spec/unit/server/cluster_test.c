// SPDX-License-Identifier: MIT
//
// Telling why initdb or the server failed.
#include "server/cluster.h"

#include <errno.h>
#include <unistd.h>

#include "unit/unit.h"

static const char *explain(const char *output)
{
    static struct tq_err err;
    const struct tq_cluster cluster = {.home = "/home/me/.taskq/pg/server"};

    CHECK(chdir("/tmp") == 0); /* where there is room */
    CHECK(!tq_cluster_explain(&cluster, "initdb ended with status 1", output, &err));
    return err.message;
}

UNIT_TEST(finds_the_line_that_tells_why)
{
    CHECK_TEXT(explain("creating ... ok\ninitdb: error: the wind is too strong\nremoving\n"),
               "initdb ended with status 1: error: the wind is too strong");
    CHECK_TEXT(explain("12:00 LOG:  starting\n12:01 FATAL:  no room\n12:02 LOG:  over\n"),
               "initdb ended with status 1: FATAL:  no room");
    CHECK_TEXT(explain("LOG:  invalid value for parameter \"x\"\nFATAL:  contains errors\n"),
               "initdb ended with status 1: LOG:  invalid value for parameter \"x\"");
}

UNIT_TEST(falls_back_to_the_last_line)
{
    CHECK_TEXT(explain("one\ntwo\n"), "initdb ended with status 1: two");
    CHECK_TEXT(explain("one"), "initdb ended with status 1: one");
    CHECK_TEXT(explain(""), "initdb ended with status 1: ");
}

UNIT_TEST(recognizes_a_full_disk)
{
    CHECK_TEXT(explain("FATAL:  could not write: No space left on device\n"),
               "initdb ended with status 1: the disk that holds /home/me/.taskq/pg/server is full; "
               "make room there (100 MB at least), or set DATABASE_URL");
}
