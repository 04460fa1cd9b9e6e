// SPDX-License-Identifier: MIT
//
// PostgreSQL's binary parameter formats: integers in network order; an array is its number of
// dimensions, a has-null flag, the element's oid, then length and lower bound of the dimension,
// then each element with its own length; a jsonb is a version byte and text.
#include "database/params.h"

#include <endian.h>
#include <string.h>

enum { JSONB_VERSION = 1, TID_BYTES = 6 };

#define FAR_US INT64_C(200000000000000000) /* 6,300 years; PostgreSQL's time begins before that */

int64_t tq_pg_time_to_epoch_us(int64_t time)
{
    if (time > FAR_US)
        time = FAR_US;
    else if (time < -FAR_US)
        time = -FAR_US;
    return time + TQ_PG_EPOCH_US;
}

int64_t tq_pg_time_before(int64_t epoch_us)
{
    int64_t time = epoch_us - TQ_PG_EPOCH_US;

    return time > -FAR_US ? time - 1 : TQ_PG_TIME_MIN; /* it may have been cut */
}

static void put_int2(struct tq_params *params, int16_t value)
{
    uint16_t wire = htobe16((uint16_t)value);

    memcpy(tq_buf_extend(&params->data, sizeof wire), &wire, sizeof wire);
}

static void put_int4(struct tq_params *params, int32_t value)
{
    uint32_t wire = htobe32((uint32_t)value);

    memcpy(tq_buf_extend(&params->data, sizeof wire), &wire, sizeof wire);
}

static void put_int8(struct tq_params *params, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);

    memcpy(tq_buf_extend(&params->data, sizeof wire), &wire, sizeof wire);
}

static void put_tid(struct tq_params *params, struct tq_tid value)
{
    put_int4(params, (int32_t)value.block);
    put_int2(params, (int16_t)value.offset);
}

static void put_jsonb(struct tq_params *params, const char *text, size_t len)
{
    tq_buf_add_char(&params->data, JSONB_VERSION);
    tq_buf_add(&params->data, text, len);
}

/* The current parameter grows with what was put since it began. */
static void extend(struct tq_params *params)
{
    int last = params->count - 1;

    params->lengths[last] = (int)(params->data.len - params->starts[last]);
}

static void begin(struct tq_params *params)
{
    params->starts[params->count] = params->data.len;
    params->lengths[params->count] = 0;
    params->count++;
}

void tq_params_clear(struct tq_params *params)
{
    tq_buf_clear(&params->data);
    params->count = 0;
}

void tq_params_deinit(struct tq_params *params)
{
    tq_buf_deinit(&params->data);
    params->count = 0;
}

void tq_params_null(struct tq_params *params)
{
    begin(params);
    params->lengths[params->count - 1] = -1;
}

void tq_params_bool(struct tq_params *params, bool value)
{
    begin(params);
    tq_buf_add_char(&params->data, value ? 1 : 0);
    extend(params);
}

void tq_params_int4(struct tq_params *params, int32_t value)
{
    begin(params);
    put_int4(params, value);
    extend(params);
}

void tq_params_int8(struct tq_params *params, int64_t value)
{
    begin(params);
    put_int8(params, value);
    extend(params);
}

void tq_params_tid(struct tq_params *params, struct tq_tid value)
{
    begin(params);
    put_tid(params, value);
    extend(params);
}

void tq_params_text(struct tq_params *params, const char *text)
{
    if (text == NULL) {
        tq_params_null(params);
        return;
    }
    begin(params);
    tq_buf_add_text(&params->data, text);
    extend(params);
}

void tq_params_jsonb(struct tq_params *params, const char *text, size_t len)
{
    begin(params);
    put_jsonb(params, text, len);
    extend(params);
}

void tq_params_more(struct tq_params *params, const char *text, size_t len)
{
    tq_buf_add(&params->data, text, len);
    extend(params);
}

void tq_params_array(struct tq_params *params, enum tq_element element, size_t count)
{
    begin(params);
    put_int4(params, count > 0 ? 1 : 0); /* dimensions */
    put_int4(params, 1);                 /* may have nulls */
    put_int4(params, (int32_t)element);
    if (count > 0) {
        put_int4(params, (int32_t)count);
        put_int4(params, 1); /* lower bound */
    }
    extend(params);
}

static void put_null(struct tq_params *params)
{
    put_int4(params, -1);
}

static void put_text_item(struct tq_params *params, const char *text)
{
    if (text == NULL) {
        put_null(params);
        return;
    }
    put_int4(params, (int32_t)strlen(text));
    tq_buf_add_text(&params->data, text);
}

static void put_jsonb_item(struct tq_params *params, const char *text, size_t len)
{
    if (text == NULL) {
        put_null(params);
        return;
    }
    put_int4(params, (int32_t)len + 1);
    put_jsonb(params, text, len);
}

/* The value with its length before it. */
static void put_item(struct tq_params *params, enum tq_element element, const void *value)
{
    const char *text;

    switch (element) {
    case TQ_ELEMENT_BOOL:
        put_int4(params, 1);
        tq_buf_add_char(&params->data, *(const bool *)value ? 1 : 0);
        return;
    case TQ_ELEMENT_INT2:
        put_int4(params, sizeof(int16_t));
        put_int2(params, *(const int16_t *)value);
        return;
    case TQ_ELEMENT_INT4:
        put_int4(params, sizeof(int32_t));
        put_int4(params, *(const int32_t *)value);
        return;
    case TQ_ELEMENT_INT8:
    case TQ_ELEMENT_TIMESTAMPTZ:
        put_int4(params, sizeof(int64_t));
        put_int8(params, *(const int64_t *)value);
        return;
    case TQ_ELEMENT_TID:
        put_int4(params, TID_BYTES);
        put_tid(params, *(const struct tq_tid *)value);
        return;
    case TQ_ELEMENT_TEXT:
        put_text_item(params, *(const char *const *)value);
        return;
    case TQ_ELEMENT_JSONB:
        text = *(const char *const *)value;
        put_jsonb_item(params, text, text != NULL ? strlen(text) : 0);
    }
}

void tq_params_column(struct tq_params *params, enum tq_element element,
                      const struct tq_structs *structs, size_t offset)
{
    const char *item = structs->items;
    size_t stride = structs->size > 0 ? structs->size : sizeof item;

    tq_params_array(params, element, structs->count);
    for (size_t i = 0; i < structs->count; i++, item += stride) {
        const char *start = structs->size > 0 ? item : *(const char *const *)item;

        put_item(params, element, start + offset);
    }
    extend(params);
}

void tq_params_item_null(struct tq_params *params)
{
    put_null(params);
    extend(params);
}

void tq_params_item_int4(struct tq_params *params, int32_t value)
{
    put_item(params, TQ_ELEMENT_INT4, &value);
    extend(params);
}

void tq_params_item_int8(struct tq_params *params, int64_t value)
{
    put_item(params, TQ_ELEMENT_INT8, &value);
    extend(params);
}

void tq_params_item_jsonb(struct tq_params *params, const char *text, size_t len)
{
    put_jsonb_item(params, text, len);
    extend(params);
}

void tq_params_texts(struct tq_params *params, const char *const *texts, size_t count)
{
    const struct tq_structs all = {texts, sizeof *texts, count};

    tq_params_column(params, TQ_ELEMENT_TEXT, &all, 0);
}

void tq_params_int8s(struct tq_params *params, const int64_t *values, size_t count)
{
    const struct tq_structs all = {values, sizeof *values, count};

    tq_params_column(params, TQ_ELEMENT_INT8, &all, 0);
}
