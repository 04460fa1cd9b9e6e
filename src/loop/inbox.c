// SPDX-License-Identifier: MIT
//
// The inbox: a list under a mutex, and a uv_async to wake the receiver.
#include "loop/inbox.h"

/* What others have posted. */
static struct tq_letter *take_posted(struct tq_inbox *inbox)
{
    uv_mutex_lock(&inbox->mutex);
    struct tq_letter *first = inbox->first;

    inbox->first = NULL;
    inbox->last = &inbox->first;
    uv_mutex_unlock(&inbox->mutex);
    return first;
}

static void deliver(struct tq_inbox *inbox)
{
    inbox->taken = take_posted(inbox);
    while (inbox->taken != NULL) {
        struct tq_letter *letter = inbox->taken;

        inbox->taken = letter->next;
        inbox->on_letter(inbox->owner, letter);
    }
    if (inbox->on_drained != NULL)
        inbox->on_drained(inbox->owner);
}

static void on_async(uv_async_t *async)
{
    deliver(async->data);
}

bool tq_inbox_open(struct tq_inbox *inbox, uv_loop_t *loop,
                   void (*on_letter)(void *owner, struct tq_letter *letter),
                   void (*on_drained)(void *owner), void *owner, struct tq_err *err)
{
    int code = uv_mutex_init(&inbox->mutex);

    if (code != 0)
        return tq_err_set(err, TQ_ERR_SYSTEM, code, "cannot make a lock: %s", uv_strerror(code));
    code = uv_async_init(loop, &inbox->async, on_async);
    if (code != 0) {
        uv_mutex_destroy(&inbox->mutex);
        return tq_err_set(err, TQ_ERR_SYSTEM, code, "cannot make an inbox: %s", uv_strerror(code));
    }
    inbox->async.data = inbox;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    inbox->taken = NULL;
    inbox->on_letter = on_letter;
    inbox->on_drained = on_drained;
    inbox->owner = owner;
    return true;
}

static void on_async_closed(uv_handle_t *handle)
{
    struct tq_inbox *inbox = handle->data;

    uv_mutex_destroy(&inbox->mutex);
    if (inbox->on_closed != NULL)
        inbox->on_closed(inbox->owner);
}

void tq_inbox_close(struct tq_inbox *inbox, void (*on_closed)(void *owner))
{
    deliver(inbox);
    inbox->on_closed = on_closed;
    uv_close((uv_handle_t *)&inbox->async, on_async_closed);
}

void tq_inbox_post(struct tq_inbox *inbox, struct tq_letter *first, struct tq_letter *last)
{
    last->next = NULL;
    uv_mutex_lock(&inbox->mutex);
    bool was_empty = inbox->first == NULL;

    *inbox->last = first;
    inbox->last = &last->next;
    uv_mutex_unlock(&inbox->mutex);
    if (was_empty)
        (void)uv_async_send(&inbox->async); /* fails only for a handle that is no async */
}

void tq_inbox_post_all(struct tq_inbox *inbox, struct tq_letters *letters)
{
    if (letters->first != NULL)
        tq_inbox_post(inbox, letters->first, letters->last);
    *letters = (struct tq_letters){0};
}

struct tq_letter *tq_inbox_seize(struct tq_inbox *inbox)
{
    struct tq_letter *first = inbox->taken, **last = &first;

    while (*last != NULL)
        last = &(*last)->next;
    *last = take_posted(inbox);
    inbox->taken = NULL;
    return first;
}
