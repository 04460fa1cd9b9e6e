// SPDX-License-Identifier: MIT
//
// Doors: in the order of arrival, a few at once, and each origin for itself.
#include "net/http_door.h"

#include "unit/unit.h"

enum { MANY = 2 * TQ_DOOR_MAX_INSIDE };

static int let_in(struct tq_doors *doors)
{
    int count = 0;

    while (tq_door_next(doors) != NULL)
        count++;
    return count;
}

UNIT_TEST(lets_in_few_that_connect_and_many_that_are_connected)
{
    static struct tq_door_place places[MANY];
    struct tq_doors doors = {0};

    for (int i = 0; i < MANY; i++)
        tq_door_come(&doors, &places[i], "http://a:80");
    for (int inside = 0; inside < TQ_DOOR_MAX_INSIDE; inside += TQ_DOOR_MAX_CONNECTING) {
        CHECK_INT(let_in(&doors), TQ_DOOR_MAX_CONNECTING);
        for (int i = 0; i < TQ_DOOR_MAX_CONNECTING; i++)
            tq_door_connected(&places[inside + i]);
    }

    CHECK_INT(let_in(&doors), 0);
    tq_door_leave(&doors, &places[5]);
    CHECK(tq_door_next(&doors) == &places[TQ_DOOR_MAX_INSIDE]);
    for (int i = 0; i < MANY; i++)
        tq_door_leave(&doors, &places[i]);
    CHECK(doors.first == NULL);
}

UNIT_TEST(lets_in_by_order_of_arrival)
{
    struct tq_door_place places[3] = {0};
    struct tq_doors doors = {0};

    for (int i = 0; i < 3; i++)
        tq_door_come(&doors, &places[i], "http://a:80");
    tq_door_leave(&doors, &places[1]);

    CHECK(tq_door_next(&doors) == &places[0]);
    CHECK(tq_door_next(&doors) == &places[2]);
    CHECK(tq_door_next(&doors) == NULL);
    CHECK_INT(places[1].state, TQ_DOOR_AWAY);
    tq_door_leave(&doors, &places[0]);
    tq_door_leave(&doors, &places[1]);
    tq_door_leave(&doors, &places[2]);
    CHECK(doors.first == NULL);
}

UNIT_TEST(holds_nobody_up_for_another_origin)
{
    static struct tq_door_place crowd[TQ_DOOR_MAX_CONNECTING + 1];
    struct tq_door_place one = {0};
    struct tq_doors doors = {0};

    for (int i = 0; i <= TQ_DOOR_MAX_CONNECTING; i++)
        tq_door_come(&doors, &crowd[i], "http://silent:80");
    CHECK_INT(let_in(&doors), TQ_DOOR_MAX_CONNECTING);
    tq_door_come(&doors, &one, "http://quick:80");

    CHECK(tq_door_next(&doors) == &one);
    CHECK(tq_door_next(&doors) == NULL);
    tq_door_come(&doors, &one, "http://silent:80"); /* redirected: it waits behind the crowd */
    CHECK(tq_door_next(&doors) == NULL);
    CHECK_INT(one.state, TQ_DOOR_WAITING);
    tq_door_leave(&doors, &one);
    for (int i = 0; i <= TQ_DOOR_MAX_CONNECTING; i++)
        tq_door_leave(&doors, &crowd[i]);
    CHECK(doors.first == NULL);
}
