/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop.h: sample, model, control, act, note; again
 *
 * Owns no thread, lock or clock: the time comes with each sample, and the caller waits between
 * two turns for as long as the loop returns, in real or in virtual time.
 */
#pragma once

#include "engine/backend.h"
#include "engine/control.h"
#include "engine/journal.h"
#include "engine/status.h"

typedef struct _convergeLoop convergeLoop;

/* Opens the journal when the migration begins to move memory.  Returns NULL if there is none, with
 * @error set if there should be one. */
typedef convergeJournal *(*convergeLoopOpenJournal)(void *opaque, GError **error);

/* @policy and @backend must outlive the loop.
 *
 * @postcopy: whether the migration can switch to it
 * @openJournal: may be NULL; is called once, with @opaque */
convergeLoop *convergeLoopNew(const convergePolicy *policy,
                              const convergeBackend *backend,
                              convergePostcopy postcopy,
                              convergeLoopOpenJournal openJournal,
                              void *opaque);
void convergeLoopFree(convergeLoop *loop);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeLoop, convergeLoopFree)

/* Takes one turn.  Returns in how many ms the next one is due. */
gint64 convergeLoopStep(convergeLoop *loop);

/* Puts back what was changed, and acts no more.  If @why is CONVERGE_ERROR_RECORD, the state
 * becomes CONVERGE_STATE_UNRECORDED. */
void convergeLoopStandAside(convergeLoop *loop, const GError *why);

/* Whether the bulk pass is under way, and a throttle may follow that acts at once.  If so, the next
 * turn is due as soon as the pass ends: until the throttle the guest dirties at full speed. */
gboolean convergeLoopExpectsThrottle(const convergeLoop *loop);

/* The downtime that was allowed from outside, ms; 0: none. */
void convergeLoopSetCeiling(convergeLoop *loop, gint64 ceilingMs);

/* The migration call returned at @nowMs on the clock of the samples. */
void convergeLoopEnd(convergeLoop *loop, gboolean succeeded, gint64 nowMs);

/* Closes the journal, after convergeLoopEnd(); waits at most a second for the disk.
 * convergeLoopFree() does the same, but does not report trouble. */
void convergeLoopCloseJournal(convergeLoop *loop);

/* What the downtime takes besides sending memory, ms, where that is known.  To be called before the
 * first step; unless it is, CONVERGE_PAUSE_OVERHEAD_MS is assumed.
 *
 * @why: how it is known, translated, for the journal; may be NULL */
void convergeLoopSetOverhead(convergeLoop *loop, gint64 overheadMs, const char *why);

/* Why memory goes over the link as it does, for the journal; NULL: nothing is said. */
void convergeLoopSetTransport(convergeLoop *loop, const char *why);

const convergeStatus *convergeLoopStatus(const convergeLoop *loop);

/* Why the loop stands aside, or could not stop throttling at the end; NULL: it has no trouble. */
const char *convergeLoopTrouble(const convergeLoop *loop);

/* Why the journal is missing or has ended early.  Each trouble is returned once; NULL: there is no
 * new one.  Free with g_free(). */
char *convergeLoopTakeJournalTrouble(convergeLoop *loop);
