// SPDX-License-Identifier: MIT
//
// coroutine.* and xpcall as scripts see them. They behave as Lua's own, and also let what the
// system does pass through: a wait or a preemption in a nested coroutine suspends every coroutine
// around it, up to the run, and the resume of the run goes back down the same way. Such a yield is
// told from a script's own by script->yielded.
//
// A coroutine that is suspended by the system belongs to its run: scripts see it as "normal" and
// cannot resume or close it. So do the runs' own coroutines, which are pooled.
#include "base/memory.h"
#include "script/state.h"

enum { RESUME_FAILED = -1 };

static lua_State *check_coroutine(lua_State *L, int index)
{
    lua_State *co = lua_tothread(L, index);

    luaL_argexpected(L, co != NULL, index, "coroutine");
    return co;
}

static bool is_owned(lua_State *co)
{
    return (*tq_thread_word(co) & TQ_THREAD_OWNED) != 0;
}

static bool is_doomed(lua_State *co)
{
    return (*tq_thread_word(co) & TQ_THREAD_DOOMED) != 0;
}

static bool is_base(const struct tq_script *script, lua_State *L)
{
    return L == script->L || (script->run != NULL && L == script->run->T);
}

/* Closes co, which is dead or suspended; an error object may be left on its stack. */
int tq_coroutine_reset(struct tq_script *script, lua_State *L, lua_State *co)
{
    if (is_doomed(co))
        return LUA_ERRRUN;
    script->current = co;
    if (script->is_ending)
        tq_slice_arm(co);
    else
        tq_slice_disarm(co);

    int status = lua_resetthread(co);

    script->current = L;
    if (script->is_ending && L != NULL)
        tq_slice_arm(L);
    return status;
}

/* A system yield of co passes up: L yields too, and go_on resumes co when L is resumed. */
static int pass_up(struct tq_script *script, lua_State *L, lua_State *co, lua_KFunction go_on)
{
    struct tq_run *run = script->run;

    run->chain =
        tq_grow(run->chain, &run->chain_capacity, run->chain_count + 1, sizeof *run->chain);
    run->chain[run->chain_count++] = co;
    *tq_thread_word(co) |= TQ_THREAD_OWNED;
    return lua_yieldk(L, 0, (lua_KContext)co, go_on);
}

static int finish_death(struct tq_script *script, lua_State *L, lua_State *co)
{
    script->yielded = TQ_YIELD_USER;
    (void)tq_coroutine_reset(script, L, co); /* the forced error is reported instead */
    tq_slice_push_forced_error(L);
    return RESUME_FAILED;
}

/* Resumes co with the count values on top of L. Returns the number of values that it left there, or
   RESUME_FAILED with an error object there. */
static int resume(lua_State *L, lua_State *co, int count, lua_KFunction go_on)
{
    struct tq_script *script = tq_script_of(L);
    int blocks = lua_isyieldable(L) ? 0 : 1;

    if (!lua_checkstack(co, count)) {
        lua_pushliteral(L, "too many arguments to resume");
        return RESUME_FAILED;
    }
    lua_xmove(L, co, count);
    *tq_thread_word(co) &= ~(uintptr_t)TQ_THREAD_OWNED;
    script->yielded = TQ_YIELD_USER;
    script->blocked += blocks;
    script->current = co;

    int status = lua_resume(co, L, count, &count);

    script->current = L;
    script->blocked -= blocks;
    if (script->is_ending)
        tq_slice_arm(L);
    if (status == LUA_YIELD && script->yielded == TQ_YIELD_DEATH)
        return finish_death(script, L, co);
    if (status == LUA_YIELD && script->yielded != TQ_YIELD_USER)
        return pass_up(script, L, co, go_on);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        return RESUME_FAILED;
    }
    if (!lua_checkstack(L, count + 1)) {
        lua_pop(co, count);
        lua_pushliteral(L, "too many results to resume");
        return RESUME_FAILED;
    }
    lua_xmove(co, L, count);
    return count;
}

static bool is_resumable(lua_State *L, lua_State *co)
{
    if (!is_owned(co))
        return true;
    lua_pushliteral(L, "cannot resume non-suspended coroutine");
    return false;
}

static int return_resumed(lua_State *L, int count)
{
    lua_pushboolean(L, count != RESUME_FAILED);
    if (count == RESUME_FAILED)
        count = 1;
    lua_insert(L, -(count + 1));
    return count + 1;
}

static int go_on_resume(lua_State *L, int status, lua_KContext co)
{
    (void)status; /* LUA_YIELD, by the nature of a continuation */
    return return_resumed(L, resume(L, (lua_State *)co, 0, go_on_resume));
}

static int coroutine_resume(lua_State *L)
{
    lua_State *co = check_coroutine(L, 1);

    if (!is_resumable(L, co))
        return return_resumed(L, RESUME_FAILED);
    return return_resumed(L, resume(L, co, lua_gettop(L) - 1, go_on_resume));
}

/* As lcorolib.c: the error of a wrapped coroutine is raised here, with the position added. */
static int return_wrapped(lua_State *L, lua_State *co, int count)
{
    if (count != RESUME_FAILED)
        return count;

    int status = lua_status(co);

    if (status != LUA_OK && status != LUA_YIELD && !is_doomed(co)) {
        lua_xmove(L, co, 1); /* lua_resetthread hands it to the <close> variables */
        status = tq_coroutine_reset(tq_script_of(L), L, co);
        lua_xmove(co, L, 1);
    }
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int go_on_wrap(lua_State *L, int status, lua_KContext co)
{
    (void)status; /* LUA_YIELD, by the nature of a continuation */
    return return_wrapped(L, (lua_State *)co, resume(L, (lua_State *)co, 0, go_on_wrap));
}

static int call_wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));

    if (!is_resumable(L, co))
        return lua_error(L);
    return return_wrapped(L, co, resume(L, co, lua_gettop(L), go_on_wrap));
}

static int coroutine_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);

    lua_State *co = lua_newthread(L);

    tq_slice_disarm(co); /* it has its creator's hook */
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int coroutine_wrap(lua_State *L)
{
    (void)coroutine_create(L); /* returns 1 */
    lua_pushcclosure(L, call_wrapped, 1);
    return 1;
}

static int coroutine_yield(lua_State *L)
{
    if (is_base(tq_script_of(L), L))
        return luaL_error(L, "attempt to yield from outside a coroutine");
    return lua_yield(L, lua_gettop(L));
}

static int coroutine_isyieldable(lua_State *L)
{
    lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;

    lua_pushboolean(L, lua_isyieldable(co) && !is_base(tq_script_of(L), co));
    return 1;
}

static int coroutine_running(lua_State *L)
{
    (void)lua_pushthread(L); /* whether it is the main one is not what scripts mean */
    lua_pushboolean(L, is_base(tq_script_of(L), L));
    return 2;
}

static const char *coroutine_state(lua_State *L, lua_State *co)
{
    lua_Debug ar;

    if (L == co)
        return "running";
    if (lua_status(co) == LUA_YIELD)
        return is_owned(co) ? "normal" : "suspended";
    if (lua_status(co) != LUA_OK)
        return "dead";
    if (lua_getstack(co, 0, &ar))
        return "normal";
    return lua_gettop(co) == 0 ? "dead" : is_owned(co) ? "normal" : "suspended";
}

static int coroutine_status(lua_State *L)
{
    (void)lua_pushstring(L, coroutine_state(L, check_coroutine(L, 1)));
    return 1;
}

static int coroutine_close(lua_State *L)
{
    lua_State *co = check_coroutine(L, 1);
    const char *state = coroutine_state(L, co);

    if (*state != 's' && *state != 'd')
        return luaL_error(L, "cannot close a %s coroutine", state);
    if (is_owned(co)) { /* the idle one of a run that has ended */
        lua_pushboolean(L, 1);
        return 1;
    }
    if (is_doomed(co)) {
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "the coroutine was stopped");
        return 2;
    }
    if (tq_coroutine_reset(tq_script_of(L), L, co) == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushboolean(L, 0);
    lua_xmove(co, L, 1);
    return 2;
}

const luaL_Reg tq_coroutine_functions[] = {
    {"close", coroutine_close},
    {"create", coroutine_create},
    {"isyieldable", coroutine_isyieldable},
    {"resume", coroutine_resume},
    {"running", coroutine_running},
    {"status", coroutine_status},
    {"wrap", coroutine_wrap},
    {"yield", coroutine_yield},
    {NULL, NULL},
};

/* The script's message handler, upvalue 1, must not see an error that the hook raised: Lua runs it
   with hooks disabled then, and nothing could end it. */
static int handle_message(lua_State *L)
{
    if (tq_slice_is_forced_error(L, 1))
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int finish_xpcall(lua_State *L, int status, lua_KContext skipped)
{
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)skipped;
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

int tq_coroutine_xpcall(lua_State *L)
{
    int count = lua_gettop(L);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle_message, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    return finish_xpcall(L, lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, finish_xpcall), 2);
}
