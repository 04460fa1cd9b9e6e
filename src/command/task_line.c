// SPDX-License-Identifier: MIT
//
// Checking a line of NDJSON.
#include "command/task_line.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"

struct key {
    const char *name;
    bool (*check)(const struct tq_json_part *value, const char *name, struct tq_err *err);
};

static bool refuse(struct tq_err *err, const char *name, const char *expected)
{
    return tq_err_set(err, TQ_ERR_USAGE, 0, "%s must be %s", name, expected);
}

static bool check_type(const struct tq_json_part *value, const char *name, struct tq_err *err)
{
    if (value->kind != TQ_JSON_STRING || value->decoded_len < 1 ||
        value->decoded_len > TQ_TASK_TYPE_MOST_BYTES)
        return refuse(err, name, "a string of 1 to 200 bytes");
    return true;
}

static bool check_payload(const struct tq_json_part *value, const char *name, struct tq_err *err)
{
    (void)value; /* any JSON */
    (void)name;
    (void)err;
    return true;
}

/* A whole number without point and exponent, as PostgreSQL wants it for an integer. */
static bool is_within(const struct tq_json_part *value, long least, long most)
{
    enum { MOST_DIGITS = 9 };
    char text[MOST_DIGITS + 1] = {0};

    if (value->kind == TQ_JSON_NULL)
        return true;
    if (value->kind != TQ_JSON_NUMBER || value->len > MOST_DIGITS)
        return false;
    memcpy(text, value->text, value->len);
    if (strspn(text, "-0123456789") != value->len)
        return false;

    long number = strtol(text, NULL, 10);

    return number >= least && number <= most;
}

static bool check_priority(const struct tq_json_part *value, const char *name, struct tq_err *err)
{
    return is_within(value, TQ_TASK_PRIORITY_LEAST, TQ_TASK_PRIORITY_MOST) ||
           refuse(err, name, "a whole number from -32768 to 32767");
}

static bool check_max_attempts(const struct tq_json_part *value, const char *name,
                               struct tq_err *err)
{
    return is_within(value, 1, TQ_TASK_MAX_ATTEMPTS_MOST) ||
           refuse(err, name, "a whole number from 1 to 1000");
}

static bool check_scheduled_at(const struct tq_json_part *value, const char *name,
                               struct tq_err *err)
{
    int64_t us;

    if (value->kind == TQ_JSON_NULL)
        return true;
    if (value->kind != TQ_JSON_STRING || !tq_timestamp_parse_us(value->text, value->len, &us))
        return refuse(err, name,
                      "a time with its offset, such as \"2026-11-24T09:30:00Z\" or "
                      "\"2026-11-24T09:30:00+05:45\"");
    return true;
}

static const struct key keys[] = {
    {"type", check_type},
    {"payload", check_payload},
    {"priority", check_priority},
    {"max_attempts", check_max_attempts},
    {"scheduled_at", check_scheduled_at},
};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

static bool refuse_json(const struct tq_json_scan *scan, struct tq_err *err)
{
    return tq_err_set(err, TQ_ERR_USAGE, 0, "not JSON at byte %zu: %s",
                      (size_t)(scan->at - scan->start) + 1, scan->problem);
}

static bool check_member(const struct tq_json_part *key, const struct tq_json_part *value,
                         unsigned *seen, struct tq_err *err)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strlen(keys[i].name) != key->len || memcmp(keys[i].name, key->text, key->len) != 0)
            continue;
        if ((*seen & 1U << i) != 0)
            return tq_err_set(err, TQ_ERR_USAGE, 0, "%s is there twice", keys[i].name);
        *seen |= 1U << i;
        return keys[i].check(value, keys[i].name, err);
    }
    return tq_err_set(err, TQ_ERR_USAGE, 0,
                      "there is no key \"%.*s\"; a task has type, payload, priority, max_attempts "
                      "and scheduled_at",
                      (int)(key->len < 100 ? key->len : 100), key->text);
}

/* After the opening brace. */
static bool check_members(struct tq_json_scan *scan, unsigned *seen, struct tq_err *err)
{
    struct tq_json_part key, value;

    if (tq_json_scan_take(scan, '}'))
        return true;
    do {
        if (!tq_json_scan_value(scan, &key))
            return refuse_json(scan, err);
        if (key.kind != TQ_JSON_STRING || !tq_json_scan_take(scan, ':')) {
            scan->problem = "a key and a colon are missing";
            return refuse_json(scan, err);
        }
        if (!tq_json_scan_value(scan, &value))
            return refuse_json(scan, err);
        if (!check_member(&key, &value, seen, err))
            return false;
    } while (tq_json_scan_take(scan, ','));
    if (tq_json_scan_take(scan, '}'))
        return true;
    scan->problem = "an object without its closing brace";
    return refuse_json(scan, err);
}

bool tq_task_line_check(struct tq_json_scan *scan, const char *line, size_t len, struct tq_err *err)
{
    struct tq_json_part value;
    unsigned seen = 0;

    tq_json_scan_begin(scan, line, len);
    if (!tq_json_scan_take(scan, '{')) {
        if (!tq_json_scan_value(scan, &value))
            return refuse_json(scan, err);
        return tq_err_set(err, TQ_ERR_USAGE, 0, "a task must be an object, {\"type\": ...}");
    }
    if (!check_members(scan, &seen, err))
        return false;
    if (!tq_json_scan_end(scan))
        return refuse_json(scan, err);
    if ((seen & 1U) == 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "type is missing");
    return true;
}

bool tq_task_type_check(const char *type, struct tq_err *err)
{
    size_t len = strlen(type);

    if (len < 1 || len > TQ_TASK_TYPE_MOST_BYTES)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "TYPE must have 1 to 200 bytes; \"%.50s\" has %zu",
                          type, len);
    for (const char *at = type; *at != '\0'; at++) {
        if (iscntrl((unsigned char)*at))
            return tq_err_set(err, TQ_ERR_USAGE, 0,
                              "TYPE has a control character: no handler can have such a type");
    }
    return true;
}

bool tq_task_payload_check(const char *payload, size_t len, struct tq_err *err)
{
    struct tq_json_scan scan = {0};
    struct tq_json_part value;

    tq_json_scan_begin(&scan, payload, len);

    bool is_fine = tq_json_scan_value(&scan, &value) && tq_json_scan_end(&scan);

    if (!is_fine) {
        (void)refuse_json(&scan, err);
        (void)tq_err_prefix(err, "PAYLOAD");
    }
    tq_json_scan_deinit(&scan);
    return is_fine;
}
