// SPDX-License-Identifier: MIT
//
// The executor as the host of its Lua state: the table that the binding calls, and what does not
// wait.
#include "worker/executor_state.h"

static bool is_shutting_down(void *owner)
{
    struct tq_executor *executor = owner;
    bool is_draining = atomic_load_explicit(executor->config.is_draining, memory_order_relaxed);

    if (is_draining && executor->current != NULL)
        executor->current->has_seen_shutdown = true;
    return is_draining;
}

void tq_host_init(struct tq_executor *executor)
{
    executor->host = (struct tq_host){
        .owner = executor,
        .worker_id = executor->config.worker_name,
        .is_shutting_down = is_shutting_down,
    };
    tq_host_add_sleep(&executor->host);
    tq_host_add_mail(&executor->host);
    tq_host_add_progress(&executor->host);
    tq_host_add_query(&executor->host);
    tq_host_add_http(&executor->host);
    tq_host_add_spawn(&executor->host);
    tq_host_add_pipe(&executor->host);
    tq_host_add_transaction(&executor->host);
}
