// SPDX-License-Identifier: MIT
//
// The door between threads: nothing is lost, and what one thread posts arrives in its order.
#include "loop/inbox.h"

#include "unit/unit.h"

enum { THREADS = 8, LETTERS = 20000, CHAIN = 7 };

struct post {
    struct tq_letter letter; /* first */
    int thread, number;
};

struct reader {
    struct tq_inbox inbox;
    int next[THREADS]; /* the number that each thread's next letter has */
    int received, drains, expected;
    bool is_out_of_order, is_closing, is_closed;
};

struct writer {
    uv_thread_t thread;
    struct tq_inbox *inbox;
    int number;
    struct post posts[LETTERS + 1]; /* the last one is never sent */
};

static struct writer writers[THREADS]; /* too large for a stack */

static void on_closed(void *owner)
{
    ((struct reader *)owner)->is_closed = true;
}

static void on_letter(void *owner, struct tq_letter *letter)
{
    struct reader *reader = owner;
    const struct post *post = (const struct post *)letter;

    reader->is_out_of_order |= post->number != reader->next[post->thread];
    reader->next[post->thread] = post->number + 1;
    reader->received++;
}

static void on_drained(void *owner)
{
    struct reader *reader = owner;

    reader->drains++;
    if (reader->received != reader->expected || reader->is_closing)
        return;
    reader->is_closing = true; /* closing delivers once more */
    tq_inbox_close(&reader->inbox, on_closed);
}

/* Single letters and chains in turn. */
static void write_posts(void *arg)
{
    struct writer *writer = arg;
    int length;

    for (int i = 0; i < LETTERS; i += length) {
        length = i % 2 == 0 || i + CHAIN > LETTERS ? 1 : CHAIN;
        for (int k = i; k < i + length; k++) {
            writer->posts[k].thread = writer->number;
            writer->posts[k].number = k;
            writer->posts[k].letter.next = &writer->posts[k + 1].letter;
        }
        tq_inbox_post(writer->inbox, &writer->posts[i].letter,
                      &writer->posts[i + length - 1].letter);
    }
}

static void open_inbox(struct reader *reader, uv_loop_t *loop, int expected)
{
    struct tq_err err;

    reader->expected = expected;
    CHECK_INT(uv_loop_init(loop), 0);
    CHECK_OK(tq_inbox_open(&reader->inbox, loop, on_letter, on_drained, reader, &err), &err);
}

UNIT_TEST(delivers_everything_of_many_threads_in_order)
{
    struct reader reader = {0};
    uv_loop_t loop;

    open_inbox(&reader, &loop, THREADS * LETTERS);
    for (int i = 0; i < THREADS; i++) {
        writers[i].inbox = &reader.inbox;
        writers[i].number = i;
        CHECK_INT(uv_thread_create(&writers[i].thread, write_posts, &writers[i]), 0);
    }
    CHECK_INT(uv_run(&loop, UV_RUN_DEFAULT), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(uv_thread_join(&writers[i].thread), 0);

    CHECK_INT(reader.received, THREADS * LETTERS);
    CHECK(!reader.is_out_of_order);
    CHECK(reader.is_closed);
    CHECK_INT(uv_loop_close(&loop), 0);
}

UNIT_TEST(posts_a_chain_and_leaves_it_empty)
{
    struct reader reader = {0};
    struct post posts[2] = {{.number = 0}, {.number = 1}};
    struct tq_letters letters = {0};
    uv_loop_t loop;

    open_inbox(&reader, &loop, -1);
    tq_inbox_post_all(&reader.inbox, &letters); /* nothing */
    tq_letters_add(&letters, &posts[0].letter);
    tq_letters_add(&letters, &posts[1].letter);
    tq_inbox_post_all(&reader.inbox, &letters);
    tq_inbox_post_all(&reader.inbox, &letters); /* nothing any more */
    tq_inbox_close(&reader.inbox, on_closed);

    CHECK(letters.first == NULL);
    CHECK_INT(reader.received, 2);
    CHECK(!reader.is_out_of_order);
    CHECK_INT(uv_run(&loop, UV_RUN_DEFAULT), 0);
    CHECK_INT(uv_loop_close(&loop), 0);
}

UNIT_TEST(delivers_what_was_posted_before_it_closes)
{
    struct reader reader = {0};
    struct post posts[2] = {{.number = 0}, {.number = 1}};
    uv_loop_t loop;

    open_inbox(&reader, &loop, -1);
    tq_inbox_post(&reader.inbox, &posts[0].letter, &posts[0].letter);
    tq_inbox_post(&reader.inbox, &posts[1].letter, &posts[1].letter);
    tq_inbox_close(&reader.inbox, on_closed);

    CHECK_INT(reader.received, 2);
    CHECK(!reader.is_out_of_order);
    CHECK_INT(uv_run(&loop, UV_RUN_DEFAULT), 0);
    CHECK(reader.is_closed);
    CHECK_INT(uv_loop_close(&loop), 0);
}

UNIT_TEST(tells_once_that_a_delivery_has_ended)
{
    struct reader reader = {0};
    struct post posts[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    uv_loop_t loop;

    open_inbox(&reader, &loop, 3);
    for (int i = 0; i < 3; i++)
        tq_inbox_post(&reader.inbox, &posts[i].letter, &posts[i].letter);
    CHECK_INT(uv_run(&loop, UV_RUN_DEFAULT), 0);

    CHECK_INT(reader.received, 3);
    CHECK_INT(reader.drains, 2); /* the delivery, and the one of closing */
    CHECK_INT(uv_loop_close(&loop), 0);
}

struct seizer {
    struct tq_inbox inbox;
    struct post posts[5];
    struct tq_letter *seized;
    int received;
    bool is_closing, is_closed;
};

static void on_seizer_closed(void *owner)
{
    ((struct seizer *)owner)->is_closed = true;
}

/* In the middle of a delivery of three, after which two more were posted. */
static void on_letter_to_seize(void *owner, struct tq_letter *letter)
{
    struct seizer *seizer = owner;

    (void)letter; /* the first one */
    seizer->received++;
    for (int i = 3; i < 5; i++)
        tq_inbox_post(&seizer->inbox, &seizer->posts[i].letter, &seizer->posts[i].letter);
    seizer->seized = tq_inbox_seize(&seizer->inbox);
}

static void on_seizer_drained(void *owner)
{
    struct seizer *seizer = owner;

    if (seizer->is_closing)
        return;
    seizer->is_closing = true; /* closing delivers once more */
    tq_inbox_close(&seizer->inbox, on_seizer_closed);
}

UNIT_TEST(gives_back_what_was_not_delivered)
{
    struct seizer seizer = {.posts = {{.number = 0}, {.number = 1}, {.number = 2}}};
    struct tq_err err;
    uv_loop_t loop;
    int next = 1;

    seizer.posts[3].number = 3;
    seizer.posts[4].number = 4;
    CHECK_INT(uv_loop_init(&loop), 0);
    CHECK_OK(
        tq_inbox_open(&seizer.inbox, &loop, on_letter_to_seize, on_seizer_drained, &seizer, &err),
        &err);
    for (int i = 0; i < 3; i++)
        tq_inbox_post(&seizer.inbox, &seizer.posts[i].letter, &seizer.posts[i].letter);
    CHECK_INT(uv_run(&loop, UV_RUN_DEFAULT), 0);

    CHECK_INT(seizer.received, 1);
    for (struct tq_letter *letter = seizer.seized; letter != NULL; letter = letter->next)
        CHECK_INT(((const struct post *)letter)->number, next++);
    CHECK_INT(next, 5);
    CHECK(seizer.is_closed);
    CHECK_INT(uv_loop_close(&loop), 0);
}
