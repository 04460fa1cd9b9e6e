// SPDX-License-Identifier: MIT
//
// Option tables: every kind, every source, every way to be wrong.
#include "base/options.h"

#include <stdlib.h>
#include <string.h>

#include "unit/unit.h"

struct target {
    bool json;
    int64_t concurrency, timeout_ms, offset;
    const char *name;
    struct tq_texts types;
    int64_t keep_ms;
};

static const struct tq_option table[] = {
    {.name = "json",
     .kind = TQ_OPTION_FLAG,
     .offset = offsetof(struct target, json),
     .help = "print JSON"},
    {.name = "concurrency",
     .kind = TQ_OPTION_INTEGER,
     .offset = offsetof(struct target, concurrency),
     .placeholder = "N",
     .variable = "UNIT_CONCURRENCY",
     .fallback = "5",
     .least = 1,
     .most = 100,
     .help = "tasks at once"},
    {.name = "timeout",
     .kind = TQ_OPTION_DURATION,
     .offset = offsetof(struct target, timeout_ms),
     .placeholder = "TIME",
     .variable = "UNIT_TIMEOUT",
     .fallback = "5m",
     .least = 1000,
     .most = 3600000,
     .help = "time limit"},
    {.name = "offset",
     .kind = TQ_OPTION_INTEGER,
     .offset = offsetof(struct target, offset),
     .placeholder = "N",
     .help = "any number"},
    {.name = "name",
     .kind = TQ_OPTION_TEXT,
     .offset = offsetof(struct target, name),
     .placeholder = "NAME",
     .variable = "UNIT_NAME",
     .help = "a name"},
    {.name = "types",
     .kind = TQ_OPTION_TEXTS,
     .offset = offsetof(struct target, types),
     .placeholder = "LIST",
     .variable = "UNIT_TYPES",
     .fallback = "a,b",
     .help = "types"},
    {.name = "keep",
     .kind = TQ_OPTION_AGE,
     .offset = offsetof(struct target, keep_ms),
     .placeholder = "AGE",
     .variable = "UNIT_KEEP",
     .fallback = "7d",
     .least = 60000,
     .most = 1000000000,
     .help = "how long"},
    {0},
};

static struct target target;
static struct tq_texts rest;
static struct tq_err err;

static const struct tq_option_set sets[] = {{table, &target, NULL}, {0}};

/* Parses the arguments up to NULL. */
static bool parse(const char *const *argv)
{
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    tq_options_free(sets, &rest);
    target = (struct target){0};
    return tq_options_parse(sets, argc, (char **)argv, &rest, &err); /* nothing writes to them */
}

#define PARSE(...) parse((const char *[]){__VA_ARGS__, NULL})
#define PARSE_NOTHING() parse((const char *[]){NULL})

static void check_list(const struct tq_texts *texts, const char *expected)
{
    char joined[256] = "";

    for (size_t i = 0; i < texts->count; i++) {
        (void)strcat(joined, i > 0 ? "|" : "");
        (void)strcat(joined, texts->items[i]);
    }
    CHECK_TEXT(joined, expected);
}

UNIT_TEST(defaults_hold_without_anything)
{
    CHECK_OK(PARSE_NOTHING(), &err);

    CHECK_INT(target.json, false);
    CHECK_INT(target.concurrency, 5);
    CHECK_INT(target.timeout_ms, 300000);
    CHECK_INT(target.offset, 0);
    CHECK_TEXT(target.name, NULL);
    check_list(&target.types, "a|b");
    check_list(&rest, "");
    tq_options_free(sets, &rest);
}

UNIT_TEST(both_forms_of_a_value_are_read)
{
    CHECK_OK(PARSE("--concurrency", "7", "--timeout=30s", "--name=x=y", "--json", "--offset=-3"),
             &err);

    CHECK_INT(target.concurrency, 7);
    CHECK_INT(target.timeout_ms, 30000);
    CHECK_TEXT(target.name, "x=y");
    CHECK_INT(target.json, true);
    CHECK_INT(target.offset, -3);
    tq_options_free(sets, &rest);
}

UNIT_TEST(the_environment_wins_over_defaults)
{
    (void)setenv("UNIT_CONCURRENCY", "9", 1);
    (void)setenv("UNIT_TIMEOUT", "2000", 1);
    (void)setenv("UNIT_NAME", "env", 1);
    (void)setenv("UNIT_TYPES", "c,d", 1);

    CHECK_OK(PARSE_NOTHING(), &err);

    CHECK_INT(target.concurrency, 9);
    CHECK_INT(target.timeout_ms, 2000);
    CHECK_TEXT(target.name, "env");
    check_list(&target.types, "c|d");
    tq_options_free(sets, &rest);
}

UNIT_TEST(flags_win_over_the_environment)
{
    (void)setenv("UNIT_CONCURRENCY", "9", 1);
    (void)setenv("UNIT_TYPES", "c,d", 1);

    CHECK_OK(PARSE("--concurrency", "3", "--types", "e"), &err);

    CHECK_INT(target.concurrency, 3);
    check_list(&target.types, "e");
    tq_options_free(sets, &rest);
}

UNIT_TEST(an_empty_variable_counts_as_unset)
{
    (void)setenv("UNIT_CONCURRENCY", "", 1);
    (void)setenv("UNIT_TYPES", "", 1);

    CHECK_OK(PARSE_NOTHING(), &err);

    CHECK_INT(target.concurrency, 5);
    check_list(&target.types, "a|b");
    tq_options_free(sets, &rest);
}

UNIT_TEST(the_last_of_two_values_wins)
{
    CHECK_OK(PARSE("--concurrency", "3", "--concurrency", "4"), &err);

    CHECK_INT(target.concurrency, 4);
    tq_options_free(sets, &rest);
}

UNIT_TEST(lists_gather_over_several_options)
{
    CHECK_OK(PARSE("--types", "email:*,report:*", "--types=x"), &err);
    check_list(&target.types, "email:*|report:*|x");

    CHECK_OK(PARSE("--types", ",x,,y,"), &err);
    check_list(&target.types, "x|y");

    CHECK_OK(PARSE("--types="), &err);
    check_list(&target.types, "");
    tq_options_free(sets, &rest);
}

UNIT_TEST(what_is_no_option_is_kept_in_order)
{
    CHECK_OK(PARSE("one", "--json", "-", "-5", "--", "--name", "--types"), &err);

    check_list(&rest, "one|-|-5|--name|--types");
    CHECK_TEXT(target.name, NULL);
    check_list(&target.types, "a|b");
    tq_options_free(sets, &rest);
}

UNIT_TEST(a_command_may_have_other_defaults)
{
    static const struct tq_option_default defaults[] = {{"name", "other"}, {NULL, NULL}};
    const struct tq_option_set with_defaults[] = {{table, &target, defaults}, {0}};
    const char *argv[] = {"--name", "given"};

    CHECK_OK(tq_options_parse(with_defaults, 0, (char **)argv, &rest, &err), &err);
    CHECK_TEXT(target.name, "other");
    CHECK_OK(tq_options_parse(with_defaults, 2, (char **)argv, &rest, &err), &err);
    CHECK_TEXT(target.name, "given");
    tq_options_free(with_defaults, &rest);
}

UNIT_TEST(several_tables_fill_several_targets)
{
    struct target other = {0};
    const struct tq_option other_table[] = {
        {.name = "other",
         .kind = TQ_OPTION_TEXT,
         .offset = offsetof(struct target, name),
         .placeholder = "X",
         .help = "other"},
        {0},
    };
    const struct tq_option_set both[] = {{table, &target, NULL}, {other_table, &other, NULL}, {0}};
    const char *argv[] = {"--other", "o", "--name", "n"};

    CHECK_OK(tq_options_parse(both, 4, (char **)argv, &rest, &err), &err);
    CHECK_TEXT(other.name, "o");
    CHECK_TEXT(target.name, "n");
    tq_options_free(both, &rest);
}

UNIT_TEST(ages_are_durations_or_forever)
{
    CHECK_OK(PARSE_NOTHING(), &err);
    CHECK_INT(target.keep_ms, INT64_C(7) * 86400000);

    (void)setenv("UNIT_KEEP", "forever", 1);
    CHECK_OK(PARSE_NOTHING(), &err);
    CHECK(target.keep_ms == TQ_FOREVER_MS);

    CHECK_OK(PARSE("--keep", "2h"), &err);
    CHECK_INT(target.keep_ms, 7200000);
    tq_options_free(sets, &rest);
}

static void check_refused(bool is_parsed, const char *message)
{
    CHECK(!is_parsed);
    CHECK_INT(err.domain, TQ_ERR_USAGE);
    CHECK_TEXT(err.message, message);
    tq_options_free(sets, &rest);
}

UNIT_TEST(refuses_unknown_options)
{
    check_refused(PARSE("--colour", "red"), "there is no option --colour; see --help");
    check_refused(PARSE("--concurrenc=1"),
                  "there is no option --concurrenc; did you mean --concurrency?");
    check_refused(PARSE("--name", ""), "--name needs a value: --name NAME");
    check_refused(PARSE("--=1"), "there is no option --; see --help");
}

UNIT_TEST(refuses_flags_with_a_value)
{
    check_refused(PARSE("--json=yes"), "--json takes no value");
}

UNIT_TEST(refuses_options_without_their_value)
{
    check_refused(PARSE("--name"), "--name needs a value: --name NAME");
}

UNIT_TEST(refuses_numbers_that_are_none)
{
    static const char *const wrong[] = {"x",  "",  "5x", "1.5", "0x10", "99999999999999999999",
                                        " 5", "+5"};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char message[128];

        (void)snprintf(message, sizeof message, "--concurrency: \"%s\" is not a whole number",
                       wrong[i]);
        check_refused(PARSE("--concurrency", wrong[i]), message);
    }
}

UNIT_TEST(refuses_durations_that_are_none)
{
    check_refused(PARSE("--timeout", "soon"),
                  "--timeout: \"soon\" is not a duration: milliseconds, or a number with ms, s, m, "
                  "h or d");
}

UNIT_TEST(refuses_values_out_of_range)
{
    check_refused(PARSE("--concurrency=0"),
                  "--concurrency: 0 is out of range, it must be 1 to 100");
    check_refused(PARSE("--concurrency=101"),
                  "--concurrency: 101 is out of range, it must be 1 to 100");
    check_refused(PARSE("--timeout=2h"), "--timeout: 2h is out of range, it must be 1s to 1h");
}

UNIT_TEST(refuses_ages_that_are_none)
{
    check_refused(PARSE("--keep=always"), "--keep: \"always\" is not an age: `forever`, "
                                          "milliseconds, or a number with ms, s, m, h or d");
    check_refused(PARSE("--keep=0"), "--keep: 0 is out of range, it must be 1m to 1000000s");
}

UNIT_TEST(names_the_variable_that_is_wrong)
{
    (void)setenv("UNIT_CONCURRENCY", "many", 1);
    check_refused(PARSE_NOTHING(), "UNIT_CONCURRENCY: \"many\" is not a whole number");

    (void)setenv("UNIT_CONCURRENCY", "1000", 1);
    check_refused(PARSE_NOTHING(), "UNIT_CONCURRENCY: 1000 is out of range, it must be 1 to 100");
}

UNIT_TEST(help_shows_name_default_and_variable)
{
    char text[2048];
    FILE *out = fmemopen(text, sizeof text, "w");

    CHECK(out != NULL);
    tq_options_print_help(table, NULL, out);
    CHECK_INT(fclose(out), 0);

    CHECK(strstr(text, "  --json                          print JSON\n") == text);
    CHECK(strstr(text, "  --concurrency N                 tasks at once (default 5) "
                       "[UNIT_CONCURRENCY]\n") != NULL);
    CHECK(strstr(text, "  --offset N                      any number\n") != NULL);
}
