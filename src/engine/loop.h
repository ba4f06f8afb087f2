/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop.h: sample, model, control, act, note; again
 *
 * Owns no thread, lock or clock: time comes with each sample, and whoever drives it
 * waits as long as it says, in real or in virtual time.
 */
#pragma once

#include "engine/backend.h"
#include "engine/control.h"
#include "engine/journal.h"

typedef enum {
    CONVERGE_STATE_WAITING,     /* the migration moves no memory yet */
    CONVERGE_STATE_BULK,        /* first pass over all memory */
    CONVERGE_STATE_WATCHING,    /* later passes, no throttle asked for */
    CONVERGE_STATE_THROTTLING,
    CONVERGE_STATE_POSTCOPY,
    CONVERGE_STATE_ASIDE,       /* a command failed: QEMU goes on as stock */
    CONVERGE_STATE_UNRECORDED,  /* the same: what has to be undone cannot be written down */
    CONVERGE_STATE_DONE,
    CONVERGE_STATE_FAILED,
    CONVERGE_STATE_LAST
} convergeState;

const char *convergeStateName(convergeState state);

/* Whether the loop has given up acting, and the migration goes on as stock. */
gboolean convergeStateIsAside(convergeState state);

/* What can be told of a loop at any time. A value: copy it freely. */
typedef struct _convergeStatus convergeStatus;
struct _convergeStatus {
    convergeState state;
    convergeClass class_;
    char reason[512];               /* why the last decision was made, translated */
    unsigned int rungs;             /* of the fallback that were taken... */
    convergeVerb rung;              /* ...the last one... */
    char rungText[512];             /* ...and why, translated */
    char journal[128];              /* file name; "": there is none, or none yet */
    gboolean unjournaled;           /* there should be one, but it cannot be written */
    const convergeThrottleTraits *throttle; /* what throttles; NULL: nothing does */
    unsigned int throttleTarget;    /* % */
    gint64 downtimeMs;              /* allowed pause now; 0: not set yet */
    double bandwidth;               /* bytes/s; 0: unknown */
    double dirtyRate;               /* at full speed, bytes/s; 0: unknown */
    double workingSet;              /* bytes; 0: unknown */
    convergePrediction prediction;
};

typedef struct _convergeLoop convergeLoop;

/* Opens the journal when the migration moves memory; NULL: there is none, with @error set if
 * there should be one. */
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

/* One turn.  Returns after how many ms the next one is due. */
gint64 convergeLoopStep(convergeLoop *loop);

/* Takes back what was done, and acts no more.  CONVERGE_ERROR_RECORD as @why: for want of a
 * record of what to undo. */
void convergeLoopStandAside(convergeLoop *loop, const GError *why);

/* In the bulk pass, with whose end a throttle may come that acts at once: the next turn is due
 * as soon as that pass ends, since until then the guest dirties at full speed. */
gboolean convergeLoopExpectsThrottle(const convergeLoop *loop);

/* The allowed pause that somebody outside set, ms; 0: none. */
void convergeLoopSetCeiling(convergeLoop *loop, gint64 ceilingMs);

/* The migration call returned at @nowMs on the clock of the samples. */
void convergeLoopEnd(convergeLoop *loop, gboolean succeeded, gint64 nowMs);

/* After that: closes the journal, which waits for the disk for a second at most.  So does
 * convergeLoopFree(), which tells of no trouble. */
void convergeLoopCloseJournal(convergeLoop *loop);

const convergeStatus *convergeLoopStatus(const convergeLoop *loop);

/* Why the loop stands aside, or NULL. */
const char *convergeLoopTrouble(const convergeLoop *loop);

/* Why there is no journal, or no more of it, once; NULL: there is, or that was told already.
 * Free with g_free(). */
char *convergeLoopTakeJournalTrouble(convergeLoop *loop);
