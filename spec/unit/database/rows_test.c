// SPDX-License-Identifier: MIT
//
// Decoding the cells of an answer.
#include "database/rows.h"

#include <libpq-fe.h>

#include "unit/unit.h"

/* One row of one binary cell; NULL: a null. */
static struct tq_rows cell(const char *bytes, int len)
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc column = {.name = (char *)(uintptr_t) "c", .format = 1};

    CHECK(PQsetResultAttrs(result, 1, &column) == 1);
    CHECK(PQsetvalue(result, 0, 0, (char *)(uintptr_t)bytes, len) == 1);
    return (struct tq_rows){.result = result};
}

#define CELL(bytes) cell(bytes, sizeof(bytes) - 1)

UNIT_TEST(reads_numbers)
{
    struct tq_rows small = CELL("\xff\xfe"), middle = CELL("\1\2\3\4"), yes = CELL("\1"),
                   no = CELL("\0"), large = CELL("\x80\0\0\0\0\0\0\0");

    CHECK_INT(tq_rows_int2(&small, 0, 0), -2);
    CHECK_INT(tq_rows_int4(&middle, 0, 0), 0x01020304);
    CHECK_INT(tq_rows_int8(&large, 0, 0), TQ_PG_TIME_MIN);
    CHECK(tq_rows_bool(&yes, 0, 0));
    CHECK(!tq_rows_bool(&no, 0, 0));
    tq_rows_clear(&small);
    tq_rows_clear(&middle);
    tq_rows_clear(&yes);
    tq_rows_clear(&no);
    tq_rows_clear(&large);
}

UNIT_TEST(reads_places)
{
    struct tq_rows rows = CELL("\xff\xff\xff\xfe\1\2");
    struct tq_tid tid = tq_rows_tid(&rows, 0, 0);

    CHECK_INT(tid.block, 0xfffffffe);
    CHECK_INT(tid.offset, 0x0102);
    tq_rows_clear(&rows);
}

UNIT_TEST(reads_jsonb_without_its_version)
{
    struct tq_rows rows = CELL("\1{\"a\": 1}");
    size_t len;

    CHECK_TEXT(tq_rows_jsonb(&rows, 0, 0, &len), "{\"a\": 1}");
    CHECK_INT(len, 8);
    tq_rows_clear(&rows);
}

UNIT_TEST(tells_nulls_and_counts)
{
    struct tq_rows none = {0}, null = cell(NULL, -1), text = CELL("");

    CHECK_INT(tq_rows_count(&none), 0);
    CHECK_INT(tq_rows_count(&null), 1);
    CHECK(tq_rows_is_null(&null, 0, 0));
    CHECK(!tq_rows_is_null(&text, 0, 0));
    CHECK_TEXT(tq_rows_text(&text, 0, 0), "");
    tq_rows_clear(&null);
    tq_rows_clear(&text);
}

UNIT_TEST(reads_arrays)
{
    struct tq_rows rows = CELL("\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\2\0\0\0\1"
                               "\0\0\0\x8\0\0\0\0\0\0\0\7"
                               "\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xff"),
                   empty = CELL("\0\0\0\0\0\0\0\0\0\0\0\x14");
    size_t count;

    CHECK_INT(tq_rows_int8_item(&rows, 0, 0, 0, &count), 7);
    CHECK_INT(count, 2);
    CHECK_INT(tq_rows_int8_item(&rows, 0, 0, 1, &count), -1);
    CHECK_INT(tq_rows_int8_item(&empty, 0, 0, 0, &count), 0);
    CHECK_INT(count, 0);
    tq_rows_clear(&rows);
    tq_rows_clear(&empty);
}
