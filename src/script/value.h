// SPDX-License-Identifier: MIT
//
// Values in messages.
#ifndef TQ_SCRIPT_VALUE_H
#define TQ_SCRIPT_VALUE_H

struct lua_State;

/* Pushes the value at index as a message calls it, and returns that: "text", 5, true, nil, a table.
   [-0, +1, m] */
const char *tq_value_push_name(struct lua_State *L, int index);

#endif
