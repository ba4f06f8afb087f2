/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status.c: what is known about a loop at any time
 */
#include "engine/status.h"

static const char *const stateNames[] = {
    [CONVERGE_STATE_WAITING] = "waiting",
    [CONVERGE_STATE_BULK] = "bulk-pass",
    [CONVERGE_STATE_WATCHING] = "watching",
    [CONVERGE_STATE_THROTTLING] = "throttling",
    [CONVERGE_STATE_POSTCOPY] = "post-copy",
    [CONVERGE_STATE_ASIDE] = "standing-aside",
    [CONVERGE_STATE_UNRECORDED] = "unrecorded",
    [CONVERGE_STATE_DONE] = "done",
    [CONVERGE_STATE_FAILED] = "failed",
};
G_STATIC_ASSERT(G_N_ELEMENTS(stateNames) == CONVERGE_STATE_LAST);

const char *
convergeStateName(convergeState state)
{
    return stateNames[state];
}

gboolean
convergeStateIsAside(convergeState state)
{
    return state == CONVERGE_STATE_ASIDE || state == CONVERGE_STATE_UNRECORDED;
}
