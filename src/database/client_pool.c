// SPDX-License-Identifier: MIT
//
// The line, and the slots that clients live in.
//
//     EMPTY --asked for--> CONNECTING --> USED <--> CLEANING --> IDLE --asked for--> USED
//     all but EMPTY: --broken, or idle for long--> CLOSING --> EMPTY
#include "database/client_pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"

enum state { EMPTY, CONNECTING, USED, CLEANING, IDLE, CLOSING };

struct slot {
    struct tq_client_pool *pool;
    enum state state;
    struct tq_client *client;
    atomic_int backend; /* [atomic] its pid; 0: not connected */
    struct tq_statement cleaning;
    int64_t idle_since_ms; /* uv_now() */
};

struct tq_client_pool {
    struct tq_client_pool_config config;
    uv_loop_t *loop;
    uv_timer_t timer; /* active while something is idle */
    char *reset_text, *begin_text;
    bool is_closing;
    bool is_refused; /* no new connection until a client comes back: the server refused the last */
    int open;        /* slots that are not EMPTY, and the timer */
    struct tq_client_ask *first, **last;
    struct slot slots[];
};

static void serve(struct tq_client_pool *pool);

static void finish_closing(struct tq_client_pool *pool)
{
    if (!pool->is_closing || pool->open > 0)
        return;
    free(pool->reset_text);
    free(pool->begin_text);
    free(pool);
}

static int count(const struct tq_client_pool *pool, enum state state)
{
    int found = 0;

    for (int i = 0; i < pool->config.limit; i++)
        found += pool->slots[i].state == state;
    return found;
}

static struct slot *find(struct tq_client_pool *pool, enum state state)
{
    for (int i = 0; i < pool->config.limit; i++) {
        if (pool->slots[i].state == state)
            return &pool->slots[i];
    }
    return NULL;
}

/* ---- slots ---- */

static void on_client_closed(void *owner)
{
    struct slot *slot = owner;
    struct tq_client_pool *pool = slot->pool;

    slot->state = EMPTY;
    slot->client = NULL;
    pool->open--;
    if (pool->is_closing)
        finish_closing(pool);
    else
        serve(pool);
}

static void close_slot(struct slot *slot)
{
    slot->state = CLOSING;
    atomic_store(&slot->backend, 0);
    tq_client_close(slot->client);
}

/* Whoever waits would wait in vain, unless somebody gives a client back. */
static void fail_line(struct tq_client_pool *pool, const struct tq_err *err)
{
    struct tq_client_ask *ask = pool->first;

    pool->first = NULL;
    pool->last = &pool->first;
    while (ask != NULL) {
        struct tq_client_ask *next = ask->next;

        ask->on_client(ask, NULL, err);
        ask = next;
    }
}

static void on_client_broken(void *owner, const struct tq_err *err)
{
    struct slot *slot = owner;
    struct tq_client_pool *pool = slot->pool;
    bool was_connecting = slot->state == CONNECTING;

    if (slot->state == USED)
        return; /* whoever has it finds out, and gives it back */
    close_slot(slot);
    if (!was_connecting)
        return;
    pool->is_refused = count(pool, USED) + count(pool, CLEANING) > 0;
    if (!pool->is_refused && count(pool, CONNECTING) == 0)
        fail_line(pool, err);
}

static void rest(struct slot *slot)
{
    slot->pool->is_refused = false;
    slot->state = IDLE;
    slot->idle_since_ms = (int64_t)uv_now(slot->pool->loop);
    serve(slot->pool);
}

static void on_client_ready(void *owner)
{
    struct slot *slot = owner;

    atomic_store(&slot->backend, tq_client_backend(slot->client));
    rest(slot);
}

static void on_cleaned(struct tq_statement *statement, const struct tq_err *err)
{
    struct slot *slot = TQ_OWNER(statement, struct slot, cleaning);

    tq_table_deinit(&statement->table);
    slot->pool->is_refused = false;
    if (err != NULL || tq_client_state(slot->client) != TQ_CLIENT_FREE)
        close_slot(slot);
    else
        rest(slot);
}

static void connect_slot(struct slot *slot)
{
    const struct tq_client_config config = {
        .session = slot->pool->config.session,
        .owner = slot,
        .on_ready = on_client_ready,
        .on_broken = on_client_broken,
        .on_closed = on_client_closed,
    };

    slot->state = CONNECTING;
    slot->pool->open++;
    slot->client = tq_client_new(slot->pool->loop, &config);
}

/* ---- the line ---- */

static void on_timer(uv_timer_t *timer)
{
    struct tq_client_pool *pool = timer->data;
    int64_t now_ms = (int64_t)uv_now(pool->loop);

    for (int i = 0; i < pool->config.limit; i++) {
        struct slot *slot = &pool->slots[i];

        if (slot->state == IDLE && now_ms - slot->idle_since_ms >= pool->config.idle_ms)
            close_slot(slot);
    }
    if (count(pool, IDLE) == 0)
        (void)uv_timer_stop(timer); /* always 0 */
}

static void watch_idle(struct tq_client_pool *pool)
{
    uint64_t interval_ms = (uint64_t)pool->config.idle_ms / 2 + 1;

    if (find(pool, IDLE) != NULL && !uv_is_active((uv_handle_t *)&pool->timer))
        (void)uv_timer_start(&pool->timer, on_timer, interval_ms, interval_ms); /* not null */
}

/* Idle clients to those who wait longest, and new ones for the others. */
static void serve(struct tq_client_pool *pool)
{
    struct slot *slot;
    int waiting = 0;

    while (pool->first != NULL && (slot = find(pool, IDLE)) != NULL) {
        struct tq_client_ask *ask = pool->first;

        pool->first = ask->next;
        if (pool->first == NULL)
            pool->last = &pool->first;
        slot->state = USED;
        ask->on_client(ask, slot->client, NULL); /* may give back, and ask */
    }
    for (const struct tq_client_ask *ask = pool->first; ask != NULL; ask = ask->next)
        waiting++;
    for (waiting -= count(pool, CONNECTING); waiting > 0 && !pool->is_refused; waiting--) {
        slot = find(pool, EMPTY);
        if (slot == NULL)
            break;
        connect_slot(slot);
    }
    watch_idle(pool);
}

const char *tq_client_pool_begin_text(const struct tq_client_pool *pool)
{
    return pool->begin_text;
}

void tq_client_pool_ask(struct tq_client_pool *pool, struct tq_client_ask *ask)
{
    ask->next = NULL;
    *pool->last = ask;
    pool->last = &ask->next;
    serve(pool);
}

void tq_client_pool_withdraw(struct tq_client_pool *pool, struct tq_client_ask *ask)
{
    struct tq_client_ask **at = &pool->first;

    while (*at != ask)
        at = &(*at)->next;
    *at = ask->next;
    if (*at == NULL)
        pool->last = at;
}

void tq_client_pool_give_back(struct tq_client_pool *pool, struct tq_client *client, bool is_clean)
{
    struct slot *slot = tq_client_owner(client);

    if (tq_client_state(client) != TQ_CLIENT_FREE) {
        pool->is_refused = false;
        close_slot(slot);
    } else if (is_clean) {
        rest(slot);
    } else {
        slot->state = CLEANING;
        slot->cleaning.on_done = on_cleaned;
        slot->cleaning.timeout_ms = pool->config.session.lease_ms;
        tq_client_run_script(client, &slot->cleaning, pool->reset_text);
    }
}

/* ---- making and closing ---- */

struct tq_client_pool *tq_client_pool_new(uv_loop_t *loop,
                                          const struct tq_client_pool_config *config)
{
    struct tq_client_pool *pool =
        tq_zalloc(sizeof *pool + (size_t)config->limit * sizeof *pool->slots);

    pool->config = *config;
    pool->loop = loop;
    pool->last = &pool->first;
    pool->reset_text = tq_session_reset_text(&config->session);
    pool->begin_text = tq_session_begin_text(&config->session);
    for (int i = 0; i < config->limit; i++)
        pool->slots[i].pool = pool;
    (void)uv_timer_init(loop, &pool->timer); /* always 0 */
    pool->timer.data = pool;
    pool->open = 1;
    return pool;
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct tq_client_pool *pool = timer->data;

    pool->open--;
    finish_closing(pool);
}

void tq_client_pool_close(struct tq_client_pool *pool)
{
    pool->is_closing = true;
    for (int i = 0; i < pool->config.limit; i++) {
        if (pool->slots[i].state != EMPTY && pool->slots[i].state != CLOSING)
            close_slot(&pool->slots[i]);
    }
    uv_close((uv_handle_t *)&pool->timer, on_timer_closed);
}

size_t tq_client_pool_backends(const struct tq_client_pool *pool, int32_t *pids, size_t most)
{
    size_t found = 0;

    for (int i = 0; i < pool->config.limit && found < most; i++) {
        pids[found] = atomic_load(&pool->slots[i].backend);
        found += pids[found] != 0;
    }
    return found;
}
