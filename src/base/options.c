// SPDX-License-Identifier: MIT
//
// The option parser.
#include "base/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/hint.h"
#include "base/memory.h"

enum { HELP_COLUMN = 34 };

static bool store(const struct tq_option *option, void *target, const char *text,
                  const char *source, struct tq_err *err);

static void texts_add(struct tq_texts *texts, const char *item)
{
    texts->items = tq_grow(texts->items, &texts->capacity, texts->count + 1, sizeof *texts->items);
    texts->items[texts->count++] = item;
}

static void texts_clear(struct tq_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free((void *)texts->items[i]);
    free(texts->items);
    *texts = (struct tq_texts){0};
}

static const char *default_of(const struct tq_option *option,
                              const struct tq_option_default *defaults)
{
    for (; defaults != NULL && defaults->name != NULL; defaults++) {
        if (strcmp(defaults->name, option->name) == 0)
            return defaults->fallback;
    }
    return option->fallback;
}

static bool apply_defaults(const struct tq_option_set *set, struct tq_err *err)
{
    for (const struct tq_option *option = set->options; option->name != NULL; option++) {
        const char *value = option->variable != NULL ? getenv(option->variable) : NULL;
        bool is_set = value != NULL && *value != '\0';

        if (!is_set)
            value = default_of(option, set->defaults);
        if (value != NULL &&
            !store(option, set->target, value, is_set ? option->variable : NULL, err))
            return false;
    }
    return true;
}

static const struct tq_option *find(const struct tq_option_set *sets, const char *name, size_t len,
                                    void **target)
{
    for (; sets->options != NULL; sets++) {
        for (const struct tq_option *option = sets->options; option->name != NULL; option++) {
            if (strlen(option->name) == len && memcmp(option->name, name, len) == 0) {
                *target = sets->target;
                return option;
            }
        }
    }
    return NULL;
}

/* A list from the command line replaces the one from defaults or environment, once. */
static void forget_defaults(const struct tq_option_set *sets, int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        void *target;

        if (strncmp(argv[i], "--", 2) != 0)
            continue;

        const struct tq_option *option =
            find(sets, argv[i] + 2, strcspn(argv[i] + 2, "="), &target);

        if (option != NULL && option->kind == TQ_OPTION_TEXTS)
            texts_clear((struct tq_texts *)((char *)target + option->offset));
    }
}

static bool refuse_name(const struct tq_option_set *sets, const char *name, size_t len,
                        struct tq_err *err)
{
    enum { MAX_KNOWN = 64 };
    const char *known[MAX_KNOWN + 1];
    size_t count = 0;
    char *word = tq_memdup(name, len);

    for (; sets->options != NULL; sets++) {
        for (const struct tq_option *o = sets->options; o->name != NULL && count < MAX_KNOWN; o++)
            known[count++] = o->name;
    }
    known[count] = NULL;

    const char *hint = tq_hint_find(word, known);

    (void)tq_err_set(err, TQ_ERR_USAGE, 0,
                     hint != NULL ? "there is no option --%s; did you mean --%s?"
                                  : "there is no option --%s; see --help",
                     word, hint);
    free(word);
    return false;
}

/* Takes argv[*i], which begins with two dashes, and its value. */
static bool take_option(const struct tq_option_set *sets, int argc, char **argv, int *i,
                        struct tq_err *err)
{
    const char *name = argv[*i] + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    char source[96];
    void *target;
    const struct tq_option *option = find(sets, name, len, &target);

    if (option == NULL)
        return refuse_name(sets, name, len, err);
    if (option->kind == TQ_OPTION_FLAG && value != NULL)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "--%s takes no value", option->name);
    if (option->kind == TQ_OPTION_FLAG)
        value = "true";
    if (value == NULL && *i + 1 < argc)
        value = argv[++*i];
    if (value == NULL || (*value == '\0' && option->kind == TQ_OPTION_TEXT))
        return tq_err_set(err, TQ_ERR_USAGE, 0, "--%s needs a value: --%s %s", option->name,
                          option->name, option->placeholder);
    (void)snprintf(source, sizeof source, "--%s", option->name);
    return store(option, target, value, source, err);
}

/* "-h" and its like; "-" and negative numbers are arguments. */
static bool is_short(const char *text)
{
    return text[0] == '-' && isalpha((unsigned char)text[1]);
}

bool tq_options_parse(const struct tq_option_set *sets, int argc, char **argv,
                      struct tq_texts *rest, struct tq_err *err)
{
    for (const struct tq_option_set *set = sets; set->options != NULL; set++) {
        if (!apply_defaults(set, err))
            return false;
    }
    forget_defaults(sets, argc, argv);

    bool only_positional = false;

    for (int i = 0; i < argc; i++) {
        if (!only_positional && is_short(argv[i]))
            return tq_err_set(err, TQ_ERR_USAGE, 0,
                              "there is no option %s; see --help (behind -- it is an argument)",
                              argv[i]);
        if (only_positional || strncmp(argv[i], "--", 2) != 0)
            texts_add(rest, argv[i]);
        else if (argv[i][2] == '\0')
            only_positional = true;
        else if (!take_option(sets, argc, argv, &i, err))
            return false;
    }
    return true;
}

void tq_options_free(const struct tq_option_set *sets, struct tq_texts *rest)
{
    for (; sets->options != NULL; sets++) {
        for (const struct tq_option *option = sets->options; option->name != NULL; option++) {
            if (option->kind == TQ_OPTION_TEXTS)
                texts_clear((struct tq_texts *)((char *)sets->target + option->offset));
        }
    }
    free(rest->items); /* its items are argv's */
    *rest = (struct tq_texts){0};
}

/* Where a bad value came from, for messages: "--name", the variable, or (a bug) the default. */
static bool refuse(const struct tq_option *option, const char *text, const char *source,
                   const char *expected, struct tq_err *err)
{
    return tq_err_set(err, TQ_ERR_USAGE, 0, "%s: \"%s\" is not %s",
                      source != NULL ? source : option->name, text, expected);
}

static bool check_range(const struct tq_option *option, int64_t value, const char *text,
                        const char *source, struct tq_err *err)
{
    char least[24], most[24];
    bool is_duration = option->kind != TQ_OPTION_INTEGER;

    if ((option->least == 0 && option->most == 0) ||
        (value >= option->least && value <= option->most))
        return true;
    (void)snprintf(least, sizeof least, "%" PRId64, option->least);
    (void)snprintf(most, sizeof most, "%" PRId64, option->most);
    if (is_duration) {
        (void)tq_duration_format_ms(option->least, least);
        (void)tq_duration_format_ms(option->most, most);
    }
    return tq_err_set(err, TQ_ERR_USAGE, 0, "%s: %s is out of range, it must be %s to %s",
                      source != NULL ? source : option->name, text, least, most);
}

static void store_list(struct tq_texts *list, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ",");

        if (len > 0)
            texts_add(list, tq_memdup(text, len));
        text += len + (text[len] == ',' ? 1 : 0);
    }
}

static bool store(const struct tq_option *option, void *target, const char *text,
                  const char *source, struct tq_err *err)
{
    void *place = (char *)target + option->offset;
    char *end;
    int64_t value;

    switch (option->kind) {
    case TQ_OPTION_FLAG:
        *(bool *)place = strcmp(text, "false") != 0 && strcmp(text, "0") != 0;
        return true;
    case TQ_OPTION_TEXT:
        *(const char **)place = text;
        return true;
    case TQ_OPTION_TEXTS:
        store_list(place, text);
        return true;
    case TQ_OPTION_INTEGER:
        errno = 0;
        value = strtoll(text, &end, 10);
        if (strspn(text, "-0123456789") != strlen(text) || end == text || *end != '\0' ||
            errno != 0)
            return refuse(option, text, source, "a whole number", err);
        break;
    case TQ_OPTION_AGE:
        if (strcmp(text, "forever") == 0) {
            *(int64_t *)place = TQ_FOREVER_MS;
            return true;
        }
        if (!tq_duration_parse_ms(text, &value))
            return refuse(option, text, source,
                          "an age: `forever`, milliseconds, or a number with ms, s, m, h or d",
                          err);
        break;
    case TQ_OPTION_DURATION:
    default:
        if (!tq_duration_parse_ms(text, &value))
            return refuse(option, text, source,
                          "a duration: milliseconds, or a number with ms, s, m, h or d", err);
        break;
    }
    *(int64_t *)place = value;
    return check_range(option, value, text, source, err);
}

void tq_options_print_help(const struct tq_option *options,
                           const struct tq_option_default *defaults, FILE *out)
{
    for (const struct tq_option *option = options; option->name != NULL; option++) {
        const char *fallback = default_of(option, defaults);
        int used = fprintf(out, "  --%s%s%s", option->name, option->placeholder != NULL ? " " : "",
                           option->placeholder != NULL ? option->placeholder : "");

        (void)fprintf(out, "%*s%s", used < HELP_COLUMN ? HELP_COLUMN - used : 1, "", option->help);
        if (fallback != NULL)
            (void)fprintf(out, " (default %s)", fallback);
        if (option->variable != NULL)
            (void)fprintf(out, " [%s]", option->variable);
        (void)fputc('\n', out);
    }
}
