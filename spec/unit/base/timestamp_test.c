// SPDX-License-Identifier: MIT
#include "base/timestamp.h"

#include <string.h>

#include "base/buffer.h"
#include "unit/unit.h"

static bool parse(const char *text, int64_t *us)
{
    return tq_timestamp_parse_us(text, strlen(text), us);
}

UNIT_TEST(reads_times_with_an_offset)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01 00:00:00.5z", 500000},
        {"2000-01-01T00:00:00Z", INT64_C(946684800000000)},
        {"2026-11-24T09:30:00+05:45", INT64_C(1795491900000000)},
        {"2026-11-24T03:45:00Z", INT64_C(1795491900000000)},
        {"2026-11-23T19:45:00.000001-08:00", INT64_C(1795491900000001)},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000000)},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"0001-01-01T00:00:00Z", INT64_C(-62135596800000000)},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799000000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000000)},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us;

        CHECK(parse(cases[i].text, &us));
        CHECK_INT(us, cases[i].us);
    }
}

UNIT_TEST(rounds_what_a_microsecond_cannot_hold)
{
    int64_t us;

    CHECK(parse("1970-01-01T00:00:00.1234564999Z", &us));
    CHECK_INT(us, 123456);
    CHECK(parse("1970-01-01T00:00:00.9999995Z", &us));
    CHECK_INT(us, 1000000);
}

UNIT_TEST(refuses_everything_else)
{
    static const char *const texts[] = {
        "",
        "now",
        "2026-11-24",
        "2026-11-24T09:30:00",
        "2026-11-24T09:30Z",
        "2026-11-24T09:30:00+0545",
        "2026-11-24T09:30:00+05",
        "2026-11-24T09:30:00.Z",
        "2026-11-24T09:30:00Z ",
        " 2026-11-24T09:30:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T09:60:00Z",
        "2026-11-24T09:30:00+16:00",
        "2026-11-24T09:30:00+05:60",
        "0000-01-01T00:00:00Z",
        "26-11-24T09:30:00Z",
        "20260-11-24T09:30:00Z",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t us;

        CHECK(!parse(texts[i], &us));
    }
}

UNIT_TEST(reads_no_farther_than_the_length)
{
    int64_t us;

    CHECK(tq_timestamp_parse_us("1970-01-01T00:00:00Zebra", 20, &us));
    CHECK(!tq_timestamp_parse_us("1970-01-01T00:00:00Z", 19, &us));
}

UNIT_TEST(writes_times_in_utc)
{
    struct tq_buf out = {0};

    tq_timestamp_add(&out, INT64_C(1732440600000001));
    tq_buf_add_char(&out, ' ');
    tq_timestamp_add(&out, -1);
    CHECK_TEXT(out.data, "2024-11-24T09:30:00.000001Z 1969-12-31T23:59:59.999999Z");
    tq_buf_deinit(&out);
}
