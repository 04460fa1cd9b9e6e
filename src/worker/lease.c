// SPDX-License-Identifier: MIT
//
// Registering, renewing, and noticing the end.
#include "worker/lease.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "worker/generation.h"
#include "worker/publisher.h"
#include "worker/reaper.h"
#include "worker/refusal.h"

enum { RENEWALS_A_LEASE = 6, RETRY_MS = 250, REFUSED_MOST_MS = 5000 };

struct tq_lease {
    struct tq_lease_config config;
    uv_timer_t renew_timer, expiry_timer; /* the second: another worker's lease runs out */
    struct tq_request request;            /* register, renew or sign off: one at a time */
    bool is_held, is_signing_off;
    bool wants_new; /* row, once the request under way has been answered */
    int64_t *ids;   /* the current row's first, then those before it; the first is always there */
    size_t id_count, id_capacity;
    int64_t sent_us, valid_until_us; /* tq_clock_boot_us() */
    char server[96];                 /* empty before the first registration */
    int64_t refused_ms;              /* until the next try to register, while the server refuses */
    struct tq_refusal refusal;
    int open_timers;
    void (*on_signed_off)(void *owner);
};

static void on_renew_timer(uv_timer_t *timer);

/* In front, for a new current row. */
static void make_room(struct tq_lease *lease)
{
    lease->ids = tq_grow(lease->ids, &lease->id_capacity, lease->id_count + 1, sizeof *lease->ids);
    memmove(lease->ids + 1, lease->ids, lease->id_count++ * sizeof *lease->ids);
    lease->ids[0] = 0;
}

struct tq_lease *tq_lease_new(const struct tq_lease_config *config)
{
    struct tq_lease *lease = tq_zalloc(sizeof *lease);

    lease->config = *config;
    lease->request.connection = config->connection;
    (void)uv_timer_init(config->loop, &lease->renew_timer); /* both always 0 */
    (void)uv_timer_init(config->loop, &lease->expiry_timer);
    lease->renew_timer.data = lease->expiry_timer.data = lease;
    lease->open_timers = 2;
    make_room(lease);
    return lease;
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct tq_lease *lease = timer->data;

    if (--lease->open_timers > 0)
        return;
    free(lease->ids);
    free(lease);
}

void tq_lease_close(struct tq_lease *lease)
{
    uv_close((uv_handle_t *)&lease->renew_timer, on_timer_closed);
    uv_close((uv_handle_t *)&lease->expiry_timer, on_timer_closed);
}

static int64_t interval_ms(const struct tq_lease *lease)
{
    return lease->config.registration.lease_ms / RENEWALS_A_LEASE;
}

static void arm(struct tq_lease *lease, int64_t ms)
{
    (void)uv_timer_start(&lease->renew_timer, on_renew_timer, (uint64_t)ms, 0); /* not null */
}

static void on_expiry_timer(uv_timer_t *timer)
{
    struct tq_lease *lease = timer->data;

    tq_reaper_look(lease->config.reaper);
}

/* ---- registering ---- */

/* Random, so that no two workers and no two lives of one ever meet; positive, so that it reads
 * well. */
static int64_t new_id(void)
{
    return (int64_t)(tq_random() & INT64_MAX);
}

static void watch_followers(const struct tq_lease *lease, const struct tq_renewal *renewal)
{
    if (renewal->followed_ms > 0)
        tq_publisher_follow(lease->config.publisher, renewal->followed_ms);
}

static void on_registered(struct tq_request *request, const struct tq_rows *rows,
                          const struct tq_err *err)
{
    struct tq_lease *lease = TQ_OWNER(request, struct tq_lease, request);
    struct tq_renewal renewal;

    if (err != NULL) {
        if (tq_refusal_is_news(&lease->refusal, lease->config.connection, err))
            tq_log(TQ_LOG_ERROR, "lease", "cannot register this worker; trying again", "error=%s",
                   err->message);
        lease->refused_ms = lease->refused_ms == 0 ? RETRY_MS : 2 * lease->refused_ms;
        if (lease->refused_ms > REFUSED_MOST_MS)
            lease->refused_ms = REFUSED_MOST_MS;
        arm(lease, lease->refused_ms);
        return;
    }
    tq_refusal_forget(&lease->refusal);
    lease->refused_ms = 0;
    tq_repository_read_registered(rows, &renewal);
    (void)snprintf(lease->server, sizeof lease->server, "%s", renewal.server);
    lease->valid_until_us = lease->sent_us + lease->config.registration.lease_ms * 1000;
    lease->is_held = true;
    arm(lease, interval_ms(lease));
    watch_followers(lease, &renewal);
    lease->config.on_held(lease->config.owner, lease->ids[0]);
}

static void enter(struct tq_lease *lease)
{
    struct tq_registration *registration = &lease->config.registration;
    const struct tq_generation *generation = *lease->config.generation;

    lease->wants_new = false;
    lease->ids[0] = registration->id = new_id();
    registration->types = generation->types;
    registration->type_count = generation->type_count;
    lease->sent_us = tq_clock_boot_us();
    lease->request.on_done = on_registered;
    tq_repository_register(&lease->request, registration);
}

static void lose(struct tq_lease *lease)
{
    lease->is_held = false;
    lease->id_count = 1;
    lease->config.on_lost(lease->config.owner);
    tq_log(TQ_LOG_WARN, "lease", "the lease is lost: tasks are stopped, their outcomes dropped",
           "worker=%lld", (long long)lease->ids[0]);
    arm(lease, 1);
}

bool tq_lease_is_held(struct tq_lease *lease)
{
    bool has_any =
        lease->is_held || lease->id_count > 1; /* those before, while a new one is taken */

    if (has_any && tq_clock_boot_us() >= lease->valid_until_us)
        lose(lease);
    return lease->is_held;
}

/* ---- renewing ---- */

static void watch_others(struct tq_lease *lease, const struct tq_renewal *renewal)
{
    watch_followers(lease, renewal);
    lease->config.on_others(lease->config.owner, renewal->next_expiry_us >= 0);
    if (renewal->has_expired)
        tq_reaper_look(lease->config.reaper);
    if (renewal->next_expiry_us < 0)
        (void)uv_timer_stop(&lease->expiry_timer); /* always 0 */
    else
        (void)uv_timer_start(&lease->expiry_timer, on_expiry_timer,
                             (uint64_t)renewal->next_expiry_us / 1000 + 1, 0); /* not null */
}

static void on_renewed(struct tq_request *request, const struct tq_rows *rows,
                       const struct tq_err *err)
{
    struct tq_lease *lease = TQ_OWNER(request, struct tq_lease, request);
    struct tq_renewal renewal;

    if (err != NULL) {
        if (tq_refusal_is_news(&lease->refusal, lease->config.connection, err))
            tq_log(TQ_LOG_ERROR, "lease", "cannot renew the lease; trying again", "error=%s",
                   err->message);
        arm(lease, RETRY_MS);
        return;
    }
    tq_refusal_forget(&lease->refusal);
    if (!tq_repository_read_renewed(rows, lease->ids[0], &renewal)) {
        lose(lease);
        return;
    }
    lease->valid_until_us = lease->sent_us + lease->config.registration.lease_ms * 1000;
    arm(lease, interval_ms(lease));
    watch_others(lease, &renewal);

    bool is_other_server = strcmp(renewal.server, lease->server) != 0;

    if (!is_other_server && !lease->wants_new)
        return;
    tq_log(TQ_LOG_INFO, "lease", "a new worker row is taken", "worker=%lld why=%s",
           (long long)lease->ids[0],
           is_other_server ? "the server was restarted or is another one"
                           : "a claim was lost, which may yet be committed");
    make_room(lease);
    lease->is_held = false;
    if (is_other_server)
        lease->config.on_server_changed(lease->config.owner);
    enter(lease);
}

static void on_renew_timer(uv_timer_t *timer)
{
    struct tq_lease *lease = timer->data;

    if (!tq_connection_is_ready(lease->config.connection)) {
        (void)tq_lease_is_held(lease); /* notices when it runs out meanwhile */
        arm(lease, RETRY_MS);
        return;
    }
    if (lease->request.is_pending || lease->is_signing_off)
        return;
    if (!tq_lease_is_held(lease)) {
        enter(lease);
        return;
    }
    lease->sent_us = tq_clock_boot_us();
    lease->request.on_done = on_renewed;
    tq_repository_renew(&lease->request, lease->ids, lease->id_count,
                        lease->config.registration.lease_ms);
}

int64_t tq_lease_id(const struct tq_lease *lease)
{
    return lease->ids[0];
}

const int64_t *tq_lease_previous(const struct tq_lease *lease, size_t *count)
{
    *count = lease->id_count - 1;
    return lease->ids + 1;
}

void tq_lease_forget(struct tq_lease *lease, int64_t id)
{
    size_t left = 1;

    for (size_t i = 1; i < lease->id_count; i++) {
        if (lease->ids[i] != id)
            lease->ids[left++] = lease->ids[i];
    }
    lease->id_count = left;
}

void tq_lease_take_new(struct tq_lease *lease)
{
    if (!lease->wants_new && !lease->request.is_pending)
        arm(lease, 1);
    lease->wants_new = true;
}

void tq_lease_connected(struct tq_lease *lease)
{
    on_renew_timer(&lease->renew_timer);
}

/* ---- the end ---- */

static void on_signed_off(struct tq_request *request, const struct tq_rows *rows,
                          const struct tq_err *err)
{
    struct tq_lease *lease = TQ_OWNER(request, struct tq_lease, request);

    (void)rows;
    (void)err; /* then the row runs out by itself */
    lease->on_signed_off(lease->config.owner);
}

/* An unanswered renewal shares nothing with this request but its place; so it waits for it. */
static void on_last_renewal(struct tq_request *request, const struct tq_rows *rows,
                            const struct tq_err *err)
{
    struct tq_lease *lease = TQ_OWNER(request, struct tq_lease, request);

    (void)rows;
    (void)err; /* whatever it said, we leave */
    tq_lease_sign_off(lease, lease->on_signed_off);
}

void tq_lease_sign_off(struct tq_lease *lease, void (*on_done)(void *owner))
{
    lease->is_signing_off = true;
    lease->on_signed_off = on_done;
    (void)uv_timer_stop(&lease->renew_timer); /* both always 0 */
    (void)uv_timer_stop(&lease->expiry_timer);
    if (lease->request.is_pending) {
        lease->request.on_done = on_last_renewal;
        return;
    }
    lease->request.on_done = on_signed_off;
    tq_repository_sign_off(&lease->request, lease->ids[0]);
}
