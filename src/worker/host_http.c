// SPDX-License-Identifier: MIT
//
// taskq.http: a transfer, and what came of it. The bytes of request and response are charged to the
// task until the wait is released.
#include <stdlib.h>

#include "base/memory.h"
#include "net/http.h"
#include "script/run.h"
#include "worker/executor_state.h"

struct http_wait {
    struct tq_http_wait seen; /* first */
    struct tq_transfer *transfer;
    struct tq_executor *executor;
    struct tq_task *task;
    struct tq_run *run;
    struct tq_http_response response;
    size_t charged_bytes;
};

static void release_http(struct tq_wait *wait)
{
    struct http_wait *http = (struct http_wait *)wait;

    if (http->transfer != NULL)
        tq_transfer_cancel(http->transfer);
    tq_run_discharge(http->run, http->charged_bytes);
    tq_http_response_deinit(&http->response);
    free(http);
}

static bool on_bytes(void *arg, size_t bytes)
{
    struct http_wait *http = arg;

    if (!tq_run_charge(http->run, bytes))
        return false;
    http->charged_bytes += bytes;
    return true;
}

static void on_fetched(void *arg, const struct tq_err *err)
{
    struct http_wait *http = arg;
    const struct tq_http_response *response = &http->response;
    struct tq_http_wait *seen = &http->seen;

    http->transfer = NULL;
    seen->status = response->status;
    seen->url = response->url;
    seen->headers = tq_buf_text(&response->headers);
    seen->headers_len = response->headers.len;
    seen->body = tq_buf_text(&response->body);
    seen->body_len = response->body.len;
    seen->wait.is_done = true;
    seen->wait.is_ok = err == NULL;
    if (err != NULL)
        seen->wait.err = *err;
    tq_executor_wake(http->executor, http->task);
}

static struct tq_wait *host_fetch(void *owner, struct tq_run *run, const struct tq_http_call *call)
{
    struct http_wait *http = tq_zalloc(sizeof *http);
    struct tq_http_request request = {
        .method = call->method,
        .url = call->url,
        .headers = call->headers,
        .header_count = call->header_count,
        .body = call->body,
        .body_len = call->body_len,
        .ca_file = call->ca_file,
        .proxy = call->proxy,
        .timeout_ms = call->timeout_ms,
        .connect_timeout_ms = call->connect_timeout_ms,
        .max_redirects = call->max_redirects,
        .max_bytes = call->max_bytes,
        .response = &http->response,
        .on_bytes = on_bytes,
    };
    struct tq_wait *wait = &http->seen.wait;

    http->executor = owner;
    http->task = tq_run_owner(run);
    http->run = run;
    wait->release = release_http;
    if (!on_bytes(http, call->body_len)) {
        wait->is_done = true;
        (void)tq_err_set(&wait->err, TQ_ERR_NET, 0,
                         "http: the body needs more memory than the task may have");
        return wait;
    }
    http->transfer = tq_net_fetch(http->executor->net, &request, on_fetched, http);
    return wait;
}

void tq_host_add_http(struct tq_host *host)
{
    host->fetch = host_fetch;
}
