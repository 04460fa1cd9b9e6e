// SPDX-License-Identifier: MIT
#include "database/version.h"

#include <libpq-fe.h>

int tq_libpq_version(void)
{
    return PQlibVersion();
}
