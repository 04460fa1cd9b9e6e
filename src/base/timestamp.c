// SPDX-License-Identifier: MIT
//
// Reading and writing RFC 3339.
#include "base/timestamp.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"

enum { DAYS_TO_1970 = 719468, DAYS_AN_ERA = 146097, YEARS_AN_ERA = 400, MOST_OFFSET_HOURS = 15 };

struct reader {
    const char *at, *end;
    bool is_wrong;
};

/* Exactly `digits` digits, between least and most. */
static int take_number(struct reader *reader, int digits, int least, int most)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        if (reader->at == reader->end || *reader->at < '0' || *reader->at > '9') {
            reader->is_wrong = true;
            return least;
        }
        value = value * 10 + (*reader->at++ - '0');
    }
    if (value < least || value > most)
        reader->is_wrong = true;
    return value;
}

/* One character out of a set; 0 when another one is there. */
static char take_one_of(struct reader *reader, const char *set)
{
    if (reader->at == reader->end || *reader->at == '\0' || strchr(set, *reader->at) == NULL) {
        reader->is_wrong = true;
        return 0;
    }
    return *reader->at++;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Days since 1970 of the proleptic Gregorian calendar; years begin in March, so that the leap day
   is the last one. */
static int64_t days_of(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = y / YEARS_AN_ERA, year_of_era = y % YEARS_AN_ERA;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return (int64_t)era * DAYS_AN_ERA + day_of_era - DAYS_TO_1970;
}

/* What follows the point, to the nearest microsecond. */
static int take_fraction(struct reader *reader)
{
    int us = 0, digits = 0;

    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
        if (digits < 6)
            us = us * 10 + (*reader->at - '0');
        else if (digits == 6 && *reader->at >= '5')
            us++;
        digits++;
    }
    if (digits == 0)
        reader->is_wrong = true;
    for (; digits < 6; digits++)
        us *= 10;
    return us;
}

static int take_offset_minutes(struct reader *reader)
{
    char sign = take_one_of(reader, "Zz+-");

    if (sign != '+' && sign != '-')
        return 0;

    int minutes = take_number(reader, 2, 0, MOST_OFFSET_HOURS) * 60;

    (void)take_one_of(reader, ":");
    minutes += take_number(reader, 2, 0, 59);
    return sign == '+' ? minutes : -minutes;
}

bool tq_timestamp_parse_us(const char *text, size_t len, int64_t *us)
{
    struct reader reader = {text, text + len, false};
    int year = take_number(&reader, 4, 1, 9999);

    (void)take_one_of(&reader, "-");
    int month = take_number(&reader, 2, 1, 12);
    (void)take_one_of(&reader, "-");
    int day = take_number(&reader, 2, 1, 31);
    (void)take_one_of(&reader, "Tt ");
    int hour = take_number(&reader, 2, 0, 23);
    (void)take_one_of(&reader, ":");
    int minute = take_number(&reader, 2, 0, 59);
    (void)take_one_of(&reader, ":");
    int second =
        take_number(&reader, 2, 0, 60); /* 60: a leap second, counted into the next minute */
    int fraction_us = 0;

    if (reader.at < reader.end && *reader.at == '.') {
        reader.at++;
        fraction_us = take_fraction(&reader);
    }
    int offset = take_offset_minutes(&reader);

    if (reader.is_wrong || reader.at != reader.end || day > month_days(year, month))
        return false;

    int64_t minutes = (days_of(year, month, day) * 24 + hour) * 60 + minute - offset;

    *us = (minutes * 60 + second) * 1000000 + fraction_us;
    return true;
}

void tq_timestamp_add(struct tq_buf *out, int64_t us)
{
    int64_t part_us = us % 1000000;
    time_t seconds = (time_t)(us / 1000000);
    struct tm utc;
    char text[64];

    if (part_us < 0) {
        part_us += 1000000;
        seconds--;
    }
    (void)gmtime_r(&seconds, &utc); /* fails only for years that an int does not hold */
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    tq_buf_addf(out, "%s.%06" PRId64 "Z", text, part_us);
}
