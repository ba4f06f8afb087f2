/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arbiter.h: whose turn it is on a link that several migrations share
 *
 * Migrations that run at the same time starve each other: each gets a part of the link, which
 * carries less than its guest dirties, and all guests are throttled for as long as that lasts.
 * One after the other they send the same memory in the same time, but each converges as if it were
 * alone.  So the link belongs to one migration at a time.  The others send CONVERGE_ARBITER_SHARE
 * meanwhile, run at full speed and lose nothing.
 *
 * The turn goes to the migration with the highest priority and, of several, to that with the least
 * left to send, which ends most of them soonest.  One
 * that is new takes over only if it has less than half as much left as the one whose turn it is.
 * The end-game is never interrupted: a guest that is throttled or paused keeps the link.  A throttle
 * that was given up in vain makes a migration count eight times what it has left, so that a hopeless
 * guest is behind the others.
 *
 * Some links are not filled by one migration, for example if encryption is the bottleneck.  The
 * arbiter tries that out: for a short time in a bulk pass it lets one more send.  If together they
 * send clearly more, that many have a turn at once from then on.
 *
 * Nobody waits without a bound: after its longest wait a migration goes on as if alone.  A member that
 * does not claim for CONVERGE_ARBITER_SILENT_MS has no turn, so that nobody waits for a loop that
 * hangs.
 *
 * Pure: time and claims come in as values.
 *
 * Threads: the caller locks.
 */
#pragma once

#include <glib.h>

/* What a migration may send while it waits, bytes/s: enough to be alive for whoever looks. */
#define CONVERGE_ARBITER_SHARE (1024 * 1024)

#define CONVERGE_ARBITER_SILENT_MS 6000

typedef struct _convergeArbiter convergeArbiter;
typedef struct _convergeArbiterMember convergeArbiterMember;

/* What a migration tells of itself. */
typedef struct _convergeArbiterClaim convergeArbiterClaim;
struct _convergeArbiterClaim {
    gboolean moves;   /* it sends memory, and has not begun to switch over to post-copy */
    gboolean bulk;    /* in its bulk pass */
    gboolean endGame; /* the guest is throttled or paused */
    double left;      /* still to send, bytes */
    double bandwidth; /* that it has seen, bytes/s; 0: unknown */
};

convergeArbiter *convergeArbiterNew(void);

/* All members must have left. */
void convergeArbiterFree(convergeArbiter *arbiter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeArbiter, convergeArbiterFree)

/* Called when the turn of a member comes, with the caller's lock held: its loop should take a turn soon,
 * since the link is idle until then. */
typedef void (*convergeArbiterWake)(void *opaque);

/* What does not change during a migration. */
typedef struct _convergeArbiterStanding convergeArbiterStanding;
struct _convergeArbiterStanding {
    gint64 longestWaitMs;     /* all in all */
    gint64 priority;          /* the higher, the sooner it has its turn */
    convergeArbiterWake wake; /* may be NULL; called with .opaque */
    void *opaque;
};

/* The member belongs to the arbiter, and ends with convergeArbiterLeave(). */
convergeArbiterMember *convergeArbiterJoin(convergeArbiter *arbiter,
                                           const convergeArbiterStanding *standing);
void convergeArbiterLeave(convergeArbiter *arbiter, convergeArbiterMember *member, gint64 nowMs);

/* Takes a member's claim, at each of its turns.  Returns whether it has to wait.
 *
 * @nowMs: on one clock for all members, monotonic */
gboolean convergeArbiterClaimLink(convergeArbiter *arbiter, convergeArbiterMember *member,
                                  const convergeArbiterClaim *claim, gint64 nowMs);

/* How many migrations have a turn at once. */
unsigned int convergeArbiterLanes(const convergeArbiter *arbiter);
