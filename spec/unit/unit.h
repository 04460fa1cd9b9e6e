// SPDX-License-Identifier: MIT
//
// Tests of C functions. A test registers itself and runs in a process of its own:
//
//     UNIT_TEST(parses_minutes)
//     {
//         CHECK_INT(parse("5m"), 300000);
//     }
//
// lives in spec/unit/base/duration_test.c and is called base/duration:parses_minutes. The first
// check that fails prints where and why, and ends the process with 1. `taskq-unit --list` prints
// the names, `taskq-unit NAME` runs one test, spec/unit/native_spec.lua runs them all.
#ifndef TQ_SPEC_UNIT_H
#define TQ_SPEC_UNIT_H

#include <stdbool.h>
#include <stdint.h>

struct unit_test {
    const char *name, *file;
    int line;
    void (*run)(void);
    struct unit_test *next;
};

void unit_add(struct unit_test *test);

/* Each returns when the check holds and ends the process when it does not. Actual value first. */
void unit_check(const char *file, int line, bool holds, const char *text);
void unit_check_ok(const char *file, int line, bool holds, const char *text, const char *message);
void unit_check_int(const char *file, int line, const char *text, int64_t actual, int64_t expected);
void unit_check_text(const char *file, int line, const char *text, const char *actual,
                     const char *expected);

#define UNIT_TEST(test_name)                                                                       \
    static void unit_run_##test_name(void);                                                        \
    static struct unit_test unit_entry_##test_name = {                                             \
        .name = #test_name, .file = __FILE__, .line = __LINE__, .run = unit_run_##test_name};      \
    __attribute__((constructor)) static void unit_register_##test_name(void)                       \
    {                                                                                              \
        unit_add(&unit_entry_##test_name);                                                         \
    }                                                                                              \
    static void unit_run_##test_name(void)

#define CHECK(condition) unit_check(__FILE__, __LINE__, (condition), #condition)

/* For calls that fill a struct tq_err: its message is shown when the call fails. */
#define CHECK_OK(call, err) unit_check_ok(__FILE__, __LINE__, (call), #call, (err)->message)

#define CHECK_INT(actual, expected)                                                                \
    unit_check_int(__FILE__, __LINE__, #actual, (int64_t)(actual), (int64_t)(expected))

/* Either may be NULL, which equals only NULL. */
#define CHECK_TEXT(actual, expected)                                                               \
    unit_check_text(__FILE__, __LINE__, #actual, (actual), (expected))

#endif
