/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status.h: what is known about a loop at any time
 */
#pragma once

#include "engine/decision.h"
#include "engine/plan.h"
#include "engine/tally.h"

typedef enum {
    CONVERGE_STATE_WAITING,  /* the migration moves no memory yet */
    CONVERGE_STATE_BULK,     /* first pass over all memory */
    CONVERGE_STATE_WATCHING, /* later passes, without a throttle */
    CONVERGE_STATE_THROTTLING,
    CONVERGE_STATE_POSTCOPY,
    CONVERGE_STATE_ASIDE,      /* a command failed: QEMU goes on as stock */
    CONVERGE_STATE_UNRECORDED, /* the same, since what has to be undone cannot be written down */
    CONVERGE_STATE_DONE,
    CONVERGE_STATE_FAILED,
    CONVERGE_STATE_LAST
} convergeState;

const char *convergeStateName(convergeState state);

/* Whether the loop has given up acting, and the migration goes on as stock. */
gboolean convergeStateIsAside(convergeState state);

/* A value: copy it freely. */
typedef struct _convergeStatus convergeStatus;
struct _convergeStatus {
    convergeState state;
    convergeClass class_;
    char reason[512];                       /* the last decision and its reason, translated */
    unsigned int rungs;                     /* number of rungs of the fallback that were taken */
    convergeVerb rung;                      /* the last one of them */
    char rungText[512];                     /* that decision and its reason, translated */
    char next[256];                         /* what comes next, translated; "": nothing is known */
    unsigned int progress;                  /* %, before the end; never falls; 0: unknown */
    char journal[128];                      /* file name; "": no journal, or not yet */
    gboolean unjournaled;                   /* a journal is wanted, but it cannot be written */
    const convergeThrottleTraits *throttle; /* of the method in use; NULL: none */
    unsigned int throttleTarget;            /* % */
    gint64 downtimeMs;                      /* allowed downtime now; 0: not set yet */
    double bandwidth;                       /* memory carried, bytes/s; 0: unknown */
    double saved;                           /* share of it that compression keeps off the wire, 0..1 */
    double dirtyRate;                       /* at full speed, bytes/s; 0: unknown */
    double workingSet;                      /* bytes; 0: unknown */
    convergePrediction prediction;
    convergeTally tally;
};
