// SPDX-License-Identifier: MIT
//
// The only door between threads: many may post, the thread of the loop receives. Letters arrive in
// the order of posting, all that are there at once (uv_async_send coalesces, so the receiver must
// take everything). A letter belongs to the inbox from post to delivery.
#ifndef TQ_LOOP_INBOX_H
#define TQ_LOOP_INBOX_H

#include <uv.h>

#include "base/error.h"

struct tq_letter { /* embedded as the first member of what is sent */
    struct tq_letter *next;
    int kind; /* the receiver's business */
};

struct tq_letters { /* a chain of them; zeroed: none */
    struct tq_letter *first, *last;
};

static inline void tq_letters_add(struct tq_letters *letters, struct tq_letter *letter)
{
    letter->next = NULL;
    if (letters->first == NULL)
        letters->first = letter;
    else
        letters->last->next = letter;
    letters->last = letter;
}

struct tq_inbox {
    uv_async_t async;                              /* [loop], but for uv_async_send */
    uv_mutex_t mutex;                              /* [const] */
    struct tq_letter *first, **last;               /* [lock] */
    struct tq_letter *taken;                       /* [loop] being delivered */
    void (*on_letter)(void *, struct tq_letter *); /* [const] */
    void (*on_drained)(void *); /* [const] after the last letter of a delivery; or NULL */
    void (*on_closed)(void *);  /* [loop] */
    void *owner;                /* [const] */
};

/* Opens in the loop's thread, before anyone posts. */
TQ_MUST_CHECK bool tq_inbox_open(struct tq_inbox *inbox, uv_loop_t *loop,
                                 void (*on_letter)(void *owner, struct tq_letter *letter),
                                 void (*on_drained)(void *owner), void *owner, struct tq_err *err);

/* Closes in the loop's thread, after the last post. Undelivered letters are delivered first. */
void tq_inbox_close(struct tq_inbox *inbox, void (*on_closed)(void *owner));

/* Posts a chain of letters, first to last, linked by next; from any thread. */
void tq_inbox_post(struct tq_inbox *inbox, struct tq_letter *first, struct tq_letter *last);

/* The same for what is in the chain, if anything is; it is empty afterwards. */
void tq_inbox_post_all(struct tq_inbox *inbox, struct tq_letters *letters);

/* Takes out every letter that was posted and not yet delivered, in order; NULL: there is none. From
   another thread, while the receiver is known to stand still in a callback at most: it finds
   nothing left to deliver when it goes on. */
struct tq_letter *tq_inbox_seize(struct tq_inbox *inbox);

#endif
