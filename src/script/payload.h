// SPDX-License-Identifier: MIT
//
// Payload schemas of handlers; for script/ only, see context.h.
#ifndef TQ_SCRIPT_PAYLOAD_H
#define TQ_SCRIPT_PAYLOAD_H

struct lua_State;

/* Reads the schema on top, a table; what is wrong with it is raised, and root begins the path that
   is named. Returns a reference for the check. [-0, +0, e] */
int tq_payload_read(struct lua_State *L, const char *root);

/* Whether the value at index fits: NULL, or what does not ("payload.to: must be a string, not an
   integer"), which is on the stack, perhaps above other things. [-0, +(0|n), e] */
const char *tq_payload_check(struct lua_State *L, int schema_ref, int index);

#endif
