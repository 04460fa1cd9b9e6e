// SPDX-License-Identifier: MIT
#include "loop/version.h"

#include <uv.h>

const char *tq_uv_version(void)
{
    return uv_version_string();
}
