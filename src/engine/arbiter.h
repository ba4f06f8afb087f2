/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arbiter.h: which of the migrations that leave a host may begin now
 *
 * Migrations that run at the same time starve each other: each gets a part of the link, which
 * carries less than its guest dirties, and all guests are throttled for as long as that lasts.
 * One after the other they send the same memory in the same time, and each converges as if it were
 * alone.  So the link belongs to one migration at a time, and the others wait before QEMU begins
 * them.  A guest whose migration has begun must not wait: it runs slower for as long as QEMU logs what
 * it dirties.
 *
 * Of those that wait, the next is that with the highest priority and, of several, that with the least
 * memory, so that most of them end soonest.
 *
 * Three rules keep the link from being idle or blocked:
 *
 *   - A migration that is limited by a processor, for example by encryption, does not fill the link:
 *     another one may begin beside it.
 *   - A turn ends by itself after CONVERGE_ARBITER_PASSES times what the memory takes at the measured
 *     bandwidth, so that nobody suffers for a hopeless guest or a loop that hangs.
 *   - Nobody waits longer than it is ready to, and begins then as if it were alone.
 *
 * Pure: times and measurements come in as values.
 *
 * Threads: the caller locks.
 */
#pragma once

#include "policy/policy.h"

/* A busy guest under the preset adaptive needs 1.2 times what its memory takes. */
#define CONVERGE_ARBITER_PASSES 2.5

/* Besides, for setting up, and while nothing is known of the bandwidth, ms. */
#define CONVERGE_ARBITER_SETUP_MS 5000
#define CONVERGE_ARBITER_SILENT_MS 30000

/* A migration is limited by a processor if its thread, or its encryption, is busy for this share of the
 * time. */
#define CONVERGE_ARBITER_BUSY 0.8

/* How long one that is limited by a processor runs before another one begins beside it, ms. */
#define CONVERGE_ARBITER_SETTLE_MS 3000

typedef struct _convergeArbiter convergeArbiter;
typedef struct _convergeArbiterMember convergeArbiterMember;

/* What a migration tells of itself before it begins. */
typedef struct _convergeArbiterRequest convergeArbiterRequest;
struct _convergeArbiterRequest {
    gint64 priority;      /* the higher, the sooner it has its turn */
    gint64 longestWaitMs; /* it begins after that in any case */
    double memory;        /* of the guest, bytes */
};

/* By the fields of @policy.  A deadline leaves at least half of its time for the migration itself.
 *
 * @memory: of the guest, bytes */
convergeArbiterRequest convergeArbiterRequestFor(const convergePolicy *policy, double memory);

/* What is seen of a migration that has begun. */
typedef struct _convergeArbiterView convergeArbiterView;
struct _convergeArbiterView {
    double bandwidth;        /* that it gets, bytes/s; 0: unknown */
    gboolean processorBound; /* a processor limits it, not the link */
};

convergeArbiter *convergeArbiterNew(void);

/* All members must have left. */
void convergeArbiterFree(convergeArbiter *arbiter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeArbiter, convergeArbiterFree)

/* The member belongs to the arbiter, and ends with convergeArbiterLeave().
 *
 * @nowMs: here and below on one clock, monotonic */
convergeArbiterMember *convergeArbiterJoin(convergeArbiter *arbiter,
                                           const convergeArbiterRequest *request, gint64 nowMs);
void convergeArbiterLeave(convergeArbiter *arbiter, convergeArbiterMember *member);

/* Whether the migration may begin now.  Once it may, it has its turn until it leaves. */
gboolean convergeArbiterMayBegin(convergeArbiter *arbiter, convergeArbiterMember *member,
                                 gint64 nowMs);

gboolean convergeArbiterHasBegun(const convergeArbiterMember *member);

/* Notes what is seen of a migration that has begun. */
void convergeArbiterNote(convergeArbiterMember *member, const convergeArbiterView *view);
