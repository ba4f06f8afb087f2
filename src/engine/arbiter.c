/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arbiter.c: which of the migrations that leave a host may begin now
 */
#include "engine/arbiter.h"

struct _convergeArbiterMember {
    convergeArbiterRequest request;
    convergeArbiterView view;
    gint64 joinMs;
    gint64 turnMs; /* when it began */
    gboolean begun;
    gboolean over; /* its turn has ended by itself */
};

struct _convergeArbiter {
    GPtrArray *members; /* of convergeArbiterMember, in the order in which they joined */
};

convergeArbiterRequest
convergeArbiterRequestFor(const convergePolicy *policy,
                          double memory)
{
    gint64 longest = convergePolicyGet(policy, CONVERGE_FIELD_LONGEST_WAIT);
    gint64 deadline = convergePolicyGet(policy, CONVERGE_FIELD_DEADLINE);

    return (convergeArbiterRequest) {
        .priority = convergePolicyGet(policy, CONVERGE_FIELD_PRIORITY),
        .longestWaitMs = deadline > 0 ? MIN(longest, deadline / 2) : longest,
        .memory = memory,
    };
}

convergeArbiter *
convergeArbiterNew(void)
{
    convergeArbiter *arbiter = g_new0(convergeArbiter, 1);

    arbiter->members = g_ptr_array_new_with_free_func(g_free);
    return arbiter;
}

void
convergeArbiterFree(convergeArbiter *arbiter)
{
    if (!arbiter)
        return;
    g_ptr_array_unref(arbiter->members);
    g_free(arbiter);
}

convergeArbiterMember *
convergeArbiterJoin(convergeArbiter *arbiter,
                    const convergeArbiterRequest *request,
                    gint64 nowMs)
{
    convergeArbiterMember *member = g_new0(convergeArbiterMember, 1);

    member->request = *request;
    member->joinMs = nowMs;
    g_ptr_array_add(arbiter->members, member);
    return member;
}

void
convergeArbiterLeave(convergeArbiter *arbiter,
                     convergeArbiterMember *member)
{
    g_ptr_array_remove(arbiter->members, member);
}

gboolean
convergeArbiterHasBegun(const convergeArbiterMember *member)
{
    return member->begun;
}

void
convergeArbiterNote(convergeArbiterMember *member,
                    const convergeArbiterView *view)
{
    member->view = *view;
}

/* Whether @member leaves the link to nobody else.  A turn that has ended stays so: beside those that
 * begin then it gets less of the link, and would otherwise have the time for it again. */
static gboolean
fillsLink(convergeArbiterMember *member,
          gint64 nowMs)
{
    double longest = CONVERGE_ARBITER_SILENT_MS;

    if (member->view.bandwidth > 0)
        longest = CONVERGE_ARBITER_SETUP_MS +
            CONVERGE_ARBITER_PASSES * member->request.memory / member->view.bandwidth * 1000;
    if ((double)(nowMs - member->turnMs) > longest)
        member->over = TRUE;
    return !member->over &&
        (!member->view.processorBound || nowMs - member->turnMs < CONVERGE_ARBITER_SETTLE_MS);
}

static gboolean
precedes(const convergeArbiterMember *one,
         const convergeArbiterMember *other)
{
    if (one->request.priority != other->request.priority)
        return one->request.priority > other->request.priority;
    return one->request.memory < other->request.memory;
}

/* Whether the link is free, and nobody else who waits is to be first. */
static gboolean
isNext(const convergeArbiter *arbiter,
       const convergeArbiterMember *member,
       gint64 nowMs)
{
    gboolean earlier = TRUE;
    guint i;

    for (i = 0; i < arbiter->members->len; i++) {
        convergeArbiterMember *other = g_ptr_array_index(arbiter->members, i);

        if (other == member)
            earlier = FALSE;
        else if (other->begun ? fillsLink(other, nowMs) :
                                precedes(other, member) || (earlier && !precedes(member, other)))
            return FALSE;
    }
    return TRUE;
}

gboolean
convergeArbiterMayBegin(convergeArbiter *arbiter,
                        convergeArbiterMember *member,
                        gint64 nowMs)
{
    if (!member->begun && (nowMs - member->joinMs >= member->request.longestWaitMs || isNext(arbiter, member, nowMs))) {
        member->begun = TRUE;
        member->turnMs = nowMs;
    }
    return member->begun;
}
