// SPDX-License-Identifier: MIT
//
// Doors, in a list that is as long as there are origins with requests at this moment.
#include "net/http_door.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct tq_door {
    char *origin;
    size_t connecting, inside; /* the first are among the second */
    struct tq_door_place *first, *last;
    struct tq_door *previous, *next;
};

static struct tq_door *find(struct tq_doors *doors, const char *origin)
{
    struct tq_door *door = doors->first;

    while (door != NULL && strcmp(door->origin, origin) != 0)
        door = door->next;
    if (door != NULL)
        return door;
    door = tq_zalloc(sizeof *door);
    door->origin = tq_strdup(origin);
    door->next = doors->first;
    if (door->next != NULL)
        door->next->previous = door;
    doors->first = door;
    return door;
}

static void close_if_deserted(struct tq_doors *doors, struct tq_door *door)
{
    if (door->first != NULL || door->inside > 0)
        return;
    if (door->next != NULL)
        door->next->previous = door->previous;
    if (door->previous != NULL)
        door->previous->next = door->next;
    else
        doors->first = door->next;
    free(door->origin);
    free(door);
}

static void unlink_place(struct tq_door_place *place)
{
    struct tq_door *door = place->door;

    if (place->next != NULL)
        place->next->previous = place->previous;
    else
        door->last = place->previous;
    if (place->previous != NULL)
        place->previous->next = place->next;
    else
        door->first = place->next;
    place->previous = place->next = NULL;
}

void tq_door_come(struct tq_doors *doors, struct tq_door_place *place, const char *origin)
{
    tq_door_leave(doors, place);

    struct tq_door *door = find(doors, origin);

    place->door = door;
    place->state = TQ_DOOR_WAITING;
    place->previous = door->last;
    if (door->last != NULL)
        door->last->next = place;
    else
        door->first = place;
    door->last = place;
}

void tq_door_connected(struct tq_door_place *place)
{
    if (place->state != TQ_DOOR_CONNECTING)
        return;
    place->state = TQ_DOOR_INSIDE;
    place->door->connecting--;
}

void tq_door_leave(struct tq_doors *doors, struct tq_door_place *place)
{
    struct tq_door *door = place->door;

    if (place->state == TQ_DOOR_AWAY)
        return;
    tq_door_connected(place);
    if (place->state == TQ_DOOR_WAITING)
        unlink_place(place);
    else
        door->inside--;
    *place = (struct tq_door_place){.state = TQ_DOOR_AWAY};
    close_if_deserted(doors, door);
}

struct tq_door_place *tq_door_next(struct tq_doors *doors)
{
    struct tq_door *door = doors->first;

    while (door != NULL && (door->first == NULL || door->connecting >= TQ_DOOR_MAX_CONNECTING ||
                            door->inside >= TQ_DOOR_MAX_INSIDE))
        door = door->next;
    if (door == NULL)
        return NULL;

    struct tq_door_place *place = door->first;

    unlink_place(place);
    place->state = TQ_DOOR_CONNECTING;
    door->connecting++;
    door->inside++;
    return place;
}
