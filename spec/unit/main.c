// SPDX-License-Identifier: MIT
//
// The runner behind unit.h: it lists the registered tests in the order of their files and lines, or
// runs one. A test that hangs is ended by SIGALRM. A failed check leaves with _exit(), so that no
// leak report hides the message; a test that passes returns from main, so that leaks are reported.
#include "unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIME_LIMIT_S = 300 };

static struct unit_test *tests; /* sorted; written by constructors, before main */

static int compare(const struct unit_test *a, const struct unit_test *b)
{
    int order = strcmp(a->file, b->file);

    return order != 0 ? order : a->line - b->line;
}

void unit_add(struct unit_test *test)
{
    struct unit_test **place = &tests;

    while (*place != NULL && compare(*place, test) < 0)
        place = &(*place)->next;
    test->next = *place;
    *place = test;
}

_Noreturn static void fail(void)
{
    (void)fflush(NULL);
    _exit(1);
}

void unit_check(const char *file, int line, bool holds, const char *text)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s:%d: %s does not hold\n", file, line, text);
    fail();
}

void unit_check_ok(const char *file, int line, bool holds, const char *text, const char *message)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s:%d: %s failed: %s\n", file, line, text, message);
    fail();
}

void unit_check_int(const char *file, int line, const char *text, int64_t actual, int64_t expected)
{
    if (actual == expected)
        return;
    (void)fprintf(stderr, "%s:%d: %s is %" PRId64 ", expected %" PRId64 "\n", file, line, text,
                  actual, expected);
    fail();
}

void unit_check_text(const char *file, int line, const char *text, const char *actual,
                     const char *expected)
{
    if (actual == expected || (actual != NULL && expected != NULL && strcmp(actual, expected) == 0))
        return;
    (void)fprintf(stderr, "%s:%d: %s is\n    %s\nexpected\n    %s\n", file, line, text,
                  actual != NULL ? actual : "NULL", expected != NULL ? expected : "NULL");
    fail();
}

/* "base/duration:parses_minutes" for a test in .../spec/unit/base/duration_test.c. */
static void full_name(const struct unit_test *test, char *out, size_t size)
{
    static const char folder[] = "spec/unit/";
    const char *path = test->file;

    for (const char *at = path; (at = strstr(at, folder)) != NULL;) {
        at += sizeof folder - 1;
        path = at;
    }

    const char *end = strstr(path, "_test.c");
    int len = end != NULL ? (int)(end - path) : (int)strlen(path);

    (void)snprintf(out, size, "%.*s:%s", len, path, test->name);
}

int main(int argc, char **argv)
{
    char name[512];

    if (argc != 2) {
        (void)fprintf(stderr, "usage: taskq-unit --list | NAME\n");
        return 2;
    }
    for (const struct unit_test *test = tests; test != NULL; test = test->next) {
        full_name(test, name, sizeof name);
        if (strcmp(argv[1], "--list") == 0) {
            (void)printf("%s\n", name);
        } else if (strcmp(argv[1], name) == 0) {
            (void)alarm(TIME_LIMIT_S);
            test->run();
            return 0;
        }
    }
    if (strcmp(argv[1], "--list") == 0)
        return 0;
    (void)fprintf(stderr, "there is no test %s; see --list\n", argv[1]);
    return 2;
}
