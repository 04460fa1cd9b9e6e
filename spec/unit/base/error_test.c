// SPDX-License-Identifier: MIT
//
// Filling errors.
#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "unit/unit.h"

UNIT_TEST(setting_replaces_everything)
{
    struct tq_err err = {.sqlstate = "40001", .message = "old"};

    CHECK(!tq_err_set(&err, TQ_ERR_USAGE, 7, "no %s here", "cheese"));

    CHECK_INT(err.domain, TQ_ERR_USAGE);
    CHECK_INT(err.code, 7);
    CHECK_TEXT(err.sqlstate, "");
    CHECK_TEXT(err.message, "no cheese here");
}

UNIT_TEST(system_errors_carry_errno_and_its_text)
{
    struct tq_err err;

    errno = ENOENT;
    CHECK(!tq_err_system(&err, "cannot open %s", "/nowhere"));

    CHECK_INT(err.domain, TQ_ERR_SYSTEM);
    CHECK_INT(err.code, ENOENT);
    CHECK_TEXT(err.message, "cannot open /nowhere: No such file or directory");
}

UNIT_TEST(a_prefix_keeps_the_rest)
{
    struct tq_err err;

    (void)tq_err_set(&err, TQ_ERR_QUERY, 3, "boom");
    CHECK(!tq_err_prefix(&err, "claim %d", 4));

    CHECK_TEXT(err.message, "claim 4: boom");
    CHECK_INT(err.domain, TQ_ERR_QUERY);
    CHECK_INT(err.code, 3);
}

UNIT_TEST(long_messages_are_cut)
{
    struct tq_err err;
    char text[3000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    errno = EIO;

    CHECK(!tq_err_system(&err, "%s", text));
    CHECK_INT(strlen(err.message), sizeof err.message - 1);
    CHECK(!tq_err_prefix(&err, "%s", text));
    CHECK_INT(strlen(err.message), sizeof err.message - 1);
}

UNIT_TEST(the_domain_gives_the_exit_code)
{
    static const struct {
        enum tq_err_domain domain;
        enum tq_exit code;
    } rows[] = {
        {TQ_ERR_NONE, TQ_EXIT_DONE},         {TQ_ERR_USAGE, TQ_EXIT_USAGE},
        {TQ_ERR_SYSTEM, TQ_EXIT_FAILED},     {TQ_ERR_CONNECT, TQ_EXIT_UNAVAILABLE},
        {TQ_ERR_QUERY, TQ_EXIT_FAILED},      {TQ_ERR_SCHEMA, TQ_EXIT_SCHEMA},
        {TQ_ERR_HANDLERS, TQ_EXIT_HANDLERS}, {TQ_ERR_NET, TQ_EXIT_FAILED},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct tq_err err = {.domain = rows[i].domain};

        CHECK_INT(tq_err_exit_code(&err), rows[i].code);
    }
}
