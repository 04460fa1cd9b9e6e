// SPDX-License-Identifier: MIT
//
// Which Lua the program runs with.
#ifndef TQ_SCRIPT_VERSION_H
#define TQ_SCRIPT_VERSION_H

const char *tq_lua_version(void);

#endif
