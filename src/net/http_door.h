// SPDX-License-Identifier: MIT
//
// The door of an origin (scheme, host and port): requests enter one by one, a limited number at
// once, and fewer while they connect, because servers with a small backlog drop a burst of
// connections, which TCP tries again only after a second.
#ifndef TQ_NET_HTTP_DOOR_H
#define TQ_NET_HTTP_DOOR_H

#include <stdbool.h>
#include <stddef.h>

enum {
    TQ_DOOR_MAX_CONNECTING = 64,
    TQ_DOOR_MAX_INSIDE = 1024, /* they have a connection each */
};

/* What a request has of its place at a door; zeroed at first. */
struct tq_door_place {
    enum tq_door_state { TQ_DOOR_AWAY, TQ_DOOR_WAITING, TQ_DOOR_CONNECTING, TQ_DOOR_INSIDE } state;
    struct tq_door *door;
    struct tq_door_place *previous, *next; /* of those that wait */
};

/* All doors of a thread, those at which somebody is. Zeroed at first. */
struct tq_doors {
    struct tq_door *first;
};

/* Comes to the door of an origin, from another one or from nowhere, and waits behind the others. */
void tq_door_come(struct tq_doors *doors, struct tq_door_place *place, const char *origin);

/* It has its connection: somebody else may enter. */
void tq_door_connected(struct tq_door_place *place);

/* Goes away; nothing happens when it is away. */
void tq_door_leave(struct tq_doors *doors, struct tq_door_place *place);

/* The next one that enters, at whatever door; it is CONNECTING then. NULL: nobody may. */
struct tq_door_place *tq_door_next(struct tq_doors *doors);

#endif
