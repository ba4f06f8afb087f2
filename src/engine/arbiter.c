/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arbiter.c: whose turn it is on a link that several migrations share
 */
#include "engine/arbiter.h"

/* Who has its turn keeps it unless another one has less left than this share of what it has left. */
#define KEEP_SHARE 0.5

/* What each throttle in vain multiplies what is left by, and how often at most. */
#define VAIN_FACTOR 8
#define VAIN_MOST 4

/* A trial with one more lane lasts this long: five windows in which a model measures the bandwidth.  It
 * has shown that the link was not full if this much more is sent, and is repeated after a while. */
#define TRIAL_MS 2000
#define TRIAL_GAIN 1.2
#define TRIAL_AGAIN_MS 60000

struct _convergeArbiterMember {
    convergeArbiterStanding standing;
    convergeArbiterClaim claim;
    gint64 claimMs;     /* when it was made; 0: none was */
    gint64 patienceMs;  /* how much longer it waits */
    gboolean turn;      /* it has a turn... */
    gint64 turnMs;      /* ...since then */
    unsigned int nVain; /* end-games that did not bring the end */
};

struct _convergeArbiter {
    GPtrArray *members; /* of convergeArbiterMember, in the order in which they joined */
    unsigned int lanes;
    gint64 trialMs;     /* since when one more lane is tried; 0: it is not */
    double trialBefore; /* what was sent before that, bytes/s */
    gint64 nextTrialMs;
};

convergeArbiter *
convergeArbiterNew(void)
{
    convergeArbiter *arbiter = g_new0(convergeArbiter, 1);

    arbiter->members = g_ptr_array_new_with_free_func(g_free);
    arbiter->lanes = 1;
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
                    const convergeArbiterStanding *standing)
{
    convergeArbiterMember *member = g_new0(convergeArbiterMember, 1);

    member->standing = *standing;
    member->patienceMs = standing->longestWaitMs;
    g_ptr_array_add(arbiter->members, member);
    return member;
}

unsigned int
convergeArbiterLanes(const convergeArbiter *arbiter)
{
    return arbiter->lanes + (arbiter->trialMs > 0);
}

static convergeArbiterMember *
memberAt(const convergeArbiter *arbiter,
         guint index)
{
    return g_ptr_array_index(arbiter->members, index);
}

/* Whether it takes part: it needs the link, and is not known to hang. */
static gboolean
competes(const convergeArbiterMember *member,
         gint64 nowMs)
{
    return member->claim.moves && member->patienceMs > 0 &&
        nowMs - member->claimMs <= CONVERGE_ARBITER_SILENT_MS;
}

static gboolean
isUninterrupted(const convergeArbiterMember *member)
{
    return member->turn && member->claim.endGame;
}

static double
weigh(const convergeArbiterMember *member)
{
    double left = member->claim.left;
    unsigned int i;

    for (i = 0; i < MIN(member->nVain, VAIN_MOST); i++)
        left *= VAIN_FACTOR;
    return member->turn ? left * KEEP_SHARE : left;
}

static gboolean
precedes(const convergeArbiterMember *one,
         const convergeArbiterMember *other)
{
    if (isUninterrupted(one) != isUninterrupted(other))
        return isUninterrupted(one);
    if (one->standing.priority != other->standing.priority)
        return one->standing.priority > other->standing.priority;
    return weigh(one) < weigh(other);
}

/* The next after those in @chosen; of equals the one that has joined first. */
static convergeArbiterMember *
best(const convergeArbiter *arbiter,
     gint64 nowMs,
     const GPtrArray *chosen)
{
    convergeArbiterMember *first = NULL;
    guint i;

    for (i = 0; i < arbiter->members->len; i++) {
        convergeArbiterMember *member = memberAt(arbiter, i);

        if (competes(member, nowMs) && !g_ptr_array_find((GPtrArray *)chosen, member, NULL) &&
            (!first || precedes(member, first)))
            first = member;
    }
    return first;
}

/* Gives the turns.
 *
 * @asking: need not be woken; may be NULL */
static void
choose(convergeArbiter *arbiter,
       gint64 nowMs,
       const convergeArbiterMember *asking)
{
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();
    convergeArbiterMember *member;
    guint i;

    while (chosen->len < convergeArbiterLanes(arbiter) && (member = best(arbiter, nowMs, chosen)))
        g_ptr_array_add(chosen, member);

    for (i = 0; i < arbiter->members->len; i++) {
        gboolean turn;

        member = memberAt(arbiter, i);
        turn = g_ptr_array_find(chosen, member, NULL);
        if (turn && !member->turn) {
            member->turnMs = nowMs;
            if (member != asking && member->standing.wake)
                member->standing.wake(member->standing.opaque);
        }
        member->turn = turn;
    }
}

void
convergeArbiterLeave(convergeArbiter *arbiter,
                     convergeArbiterMember *member,
                     gint64 nowMs)
{
    g_ptr_array_remove(arbiter->members, member);
    choose(arbiter, nowMs, NULL);
    /* The next host that is emptied may have another link. */
    if (arbiter->members->len == 0)
        arbiter->lanes = 1;
}

/* --- One more lane --- */

typedef struct _laneState laneState;
struct _laneState {
    unsigned int nTurns, nWaiting;
    gboolean tells;   /* all that have a turn are in their bulk pass, for long enough, and know what they send */
    double bandwidth; /* of those that have a turn, bytes/s */
};

static laneState
lookAtLanes(const convergeArbiter *arbiter,
            gint64 nowMs)
{
    laneState state = { .tells = TRUE };
    guint i;

    for (i = 0; i < arbiter->members->len; i++) {
        const convergeArbiterMember *member = memberAt(arbiter, i);

        if (!competes(member, nowMs))
            continue;
        if (!member->turn) {
            state.nWaiting++;
            continue;
        }
        state.nTurns++;
        state.bandwidth += member->claim.bandwidth;
        if (!member->claim.bulk || member->claim.bandwidth <= 0 || nowMs - member->turnMs < TRIAL_MS)
            state.tells = FALSE;
    }
    return state;
}

/* Returns whether their number has changed. */
static gboolean
tryLanes(convergeArbiter *arbiter,
         gint64 nowMs)
{
    laneState state = lookAtLanes(arbiter, nowMs);

    if (arbiter->trialMs == 0) {
        if (state.tells && state.nTurns == arbiter->lanes && state.nWaiting > 0 &&
            nowMs >= arbiter->nextTrialMs) {
            arbiter->trialMs = MAX(nowMs, 1);
            arbiter->trialBefore = state.bandwidth;
            return TRUE;
        }
        return FALSE;
    }

    if (nowMs - arbiter->trialMs < TRIAL_MS && state.nTurns == arbiter->lanes + 1)
        return FALSE;

    arbiter->trialMs = 0;
    if (state.tells && state.nTurns == arbiter->lanes + 1 &&
        state.bandwidth >= TRIAL_GAIN * arbiter->trialBefore)
        arbiter->lanes++;
    else
        arbiter->nextTrialMs = nowMs + TRIAL_AGAIN_MS;
    return TRUE;
}

gboolean
convergeArbiterClaimLink(convergeArbiter *arbiter,
                         convergeArbiterMember *member,
                         const convergeArbiterClaim *claim,
                         gint64 nowMs)
{
    gint64 since = member->claimMs > 0 ? nowMs - member->claimMs : 0;
    gboolean waited = member->claimMs > 0 && competes(member, member->claimMs) && !member->turn;

    if (member->turn && member->claim.endGame && claim->moves && !claim->endGame)
        member->nVain++;
    if (waited)
        member->patienceMs -= since;
    member->claim = *claim;
    member->claimMs = MAX(nowMs, 1);

    choose(arbiter, nowMs, member);
    if (tryLanes(arbiter, nowMs))
        choose(arbiter, nowMs, member);
    return competes(member, nowMs) && !member->turn;
}
