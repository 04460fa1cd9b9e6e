// SPDX-License-Identifier: MIT
//
// Refusals that have been told. A read-only server refuses on a connection that stays open, with an
// error of connections, so whether one is lost is asked of the connection.
#include "worker/refusal.h"

#include <string.h>

#include "database/connection.h"

bool tq_refusal_is_news(struct tq_refusal *refusal, const struct tq_connection *connection,
                        const struct tq_err *err)
{
    enum { MOST = sizeof refusal->told - 1 };
    size_t len = strnlen(err->message, MOST); /* the beginning is enough */

    if (err->domain == TQ_ERR_CONNECT && !tq_connection_is_ready(connection))
        return false;
    if (refusal->told[len] == '\0' && memcmp(refusal->told, err->message, len) == 0)
        return false;
    memcpy(refusal->told, err->message, len);
    refusal->told[len] = '\0';
    return true;
}

void tq_refusal_forget(struct tq_refusal *refusal)
{
    refusal->told[0] = '\0';
}
