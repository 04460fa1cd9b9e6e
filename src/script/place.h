// SPDX-License-Identifier: MIT
//
// The line of a script that is to blame.
#ifndef TQ_SCRIPT_PLACE_H
#define TQ_SCRIPT_PLACE_H

struct lua_State;

/* Pushes "file:line: " of the innermost Lua function that is none of the program's own modules, or
   "" when there is none, as after a tail call. [-0, +1, m] */
void tq_place_push(struct lua_State *L);

#endif
