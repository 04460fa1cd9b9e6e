// SPDX-License-Identifier: MIT
//
// Parameters, byte by byte.
#include "database/params.h"

#include <stddef.h>
#include <string.h>

#include "unit/unit.h"

static void check_bytes(const struct tq_params *params, int index, const char *bytes, size_t len)
{
    CHECK_INT(params->lengths[index], len);
    CHECK(memcmp(params->data.data + params->starts[index], bytes, len) == 0);
}

#define CHECK_BYTES(params, index, bytes) check_bytes(params, index, bytes, sizeof(bytes) - 1)

UNIT_TEST(knows_what_is_before_a_time)
{
    CHECK_INT(tq_pg_time_before(tq_pg_time_to_epoch_us(0)), -1);
    CHECK_INT(tq_pg_time_before(tq_pg_time_to_epoch_us(-TQ_PG_EPOCH_US)), -TQ_PG_EPOCH_US - 1);
    CHECK(tq_pg_time_before(tq_pg_time_to_epoch_us(INT64_MAX)) < INT64_MAX);
    CHECK_INT(tq_pg_time_before(tq_pg_time_to_epoch_us(TQ_PG_TIME_MIN)), TQ_PG_TIME_MIN);
    CHECK_INT(tq_pg_time_before(tq_pg_time_to_epoch_us(INT64_C(-210000000000000000))),
              TQ_PG_TIME_MIN); /* in the year 4655 BC */
}

UNIT_TEST(writes_numbers_in_network_order)
{
    struct tq_params params = {0};

    tq_params_int4(&params, 0x01020304);
    tq_params_int8(&params, -2);
    tq_params_bool(&params, true);
    tq_params_tid(&params, (struct tq_tid){.block = 0xfffffffe, .offset = 0x0102});

    CHECK_INT(params.count, 4);
    CHECK_BYTES(&params, 0, "\1\2\3\4");
    CHECK_BYTES(&params, 1, "\xff\xff\xff\xff\xff\xff\xff\xfe");
    CHECK_BYTES(&params, 2, "\1");
    CHECK_BYTES(&params, 3, "\xff\xff\xff\xfe\1\2");
    tq_params_deinit(&params);
}

UNIT_TEST(writes_texts_and_nulls)
{
    struct tq_params params = {0};

    tq_params_text(&params, "Zo\xc3\xab");
    tq_params_text(&params, "");
    tq_params_text(&params, NULL);
    tq_params_null(&params);

    CHECK_BYTES(&params, 0, "Zo\xc3\xab");
    CHECK_INT(params.lengths[1], 0);
    CHECK_INT(params.lengths[2], -1);
    CHECK_INT(params.lengths[3], -1);
    tq_params_deinit(&params);
}

UNIT_TEST(writes_jsonb_with_its_version)
{
    struct tq_params params = {0};

    tq_params_jsonb(&params, "[1]", 3);
    tq_params_jsonb(&params, "[", 1);
    tq_params_more(&params, "2", 1);
    tq_params_more(&params, "]", 1);

    CHECK_BYTES(&params, 0, "\1[1]");
    CHECK_BYTES(&params, 1, "\1[2]");
    tq_params_deinit(&params);
}

UNIT_TEST(writes_arrays)
{
    const struct {
        int64_t id;
        int16_t priority;
    } lanes[] = {{7, -1}};
    const char *const texts[] = {"ab", NULL};
    struct tq_params params = {0};

    tq_params_texts(&params, texts, 2);
    tq_params_column(&params, TQ_ELEMENT_INT2, &(struct tq_structs){lanes, sizeof *lanes, 1},
                     sizeof(int64_t));
    tq_params_array(&params, TQ_ELEMENT_JSONB, 2);
    tq_params_item_jsonb(&params, "{}", 2);
    tq_params_item_jsonb(&params, NULL, 0);

    CHECK_INT(params.count, 3);
    CHECK_BYTES(&params, 0,
                "\0\0\0\1\0\0\0\1\0\0\0\x19" /* one dimension, may have nulls, text */
                "\0\0\0\2\0\0\0\1"           /* two items, counted from 1 */
                "\0\0\0\2"
                "ab\xff\xff\xff\xff");
    CHECK_BYTES(&params, 1, "\0\0\0\1\0\0\0\1\0\0\0\x15\0\0\0\1\0\0\0\1\0\0\0\2\xff\xff");
    CHECK_BYTES(&params, 2,
                "\0\0\0\1\0\0\0\1\0\0\x0e\xda\0\0\0\2\0\0\0\1"
                "\0\0\0\3\1{}\xff\xff\xff\xff");
    tq_params_deinit(&params);
}

UNIT_TEST(writes_a_column_of_structs_or_of_pointers_to_them)
{
    struct row {
        bool is_fine;
        struct tq_tid tid;
        const char *json;
    };
    const struct row rows[] = {{true, {1, 2}, "{}"}, {false, {3, 4}, NULL}};
    const struct row *const pointers[] = {&rows[1], &rows[0]};
    const struct tq_structs in_order = {rows, sizeof *rows, 2}, reversed = {pointers, 0, 2};
    struct tq_params params = {0};

    tq_params_column(&params, TQ_ELEMENT_BOOL, &in_order, offsetof(struct row, is_fine));
    tq_params_column(&params, TQ_ELEMENT_TID, &reversed, offsetof(struct row, tid));
    tq_params_column(&params, TQ_ELEMENT_JSONB, &reversed, offsetof(struct row, json));

    CHECK_BYTES(&params, 0,
                "\0\0\0\1\0\0\0\1\0\0\0\x10\0\0\0\2\0\0\0\1"
                "\0\0\0\1\1\0\0\0\1\0");
    CHECK_BYTES(&params, 1,
                "\0\0\0\1\0\0\0\1\0\0\0\x1b\0\0\0\2\0\0\0\1"
                "\0\0\0\6\0\0\0\3\0\4\0\0\0\6\0\0\0\1\0\2");
    CHECK_BYTES(&params, 2,
                "\0\0\0\1\0\0\0\1\0\0\x0e\xda\0\0\0\2\0\0\0\1"
                "\xff\xff\xff\xff\0\0\0\3\1{}");
    tq_params_deinit(&params);
}

UNIT_TEST(writes_an_empty_array_without_a_dimension)
{
    struct tq_params params = {0};

    tq_params_array(&params, TQ_ELEMENT_INT8, 0);

    CHECK_BYTES(&params, 0, "\0\0\0\0\0\0\0\1\0\0\0\x14");
    tq_params_deinit(&params);
}

UNIT_TEST(begins_anew_after_clearing)
{
    struct tq_params params = {0};

    tq_params_text(&params, "old");
    tq_params_clear(&params);
    tq_params_text(&params, "new");

    CHECK_INT(params.count, 1);
    CHECK_BYTES(&params, 0, "new");
    tq_params_deinit(&params);
}
