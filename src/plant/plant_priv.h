/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant_priv.h: the inside of a plant, for the files of this directory
 */
#pragma once

#include "plant/plant.h"
#include "throttle/throttle.h"

/* QEMU looks at what is left after every 50 ms of sending (MAX_WAIT, migration/ram.c);
 * all that happens in a plant happens on this grid. */
#define PLANT_TICK_MS 50

/* A writer's set, or what is left of the used memory.  Pages are counted, not told
 * apart: of those dirtied between two syncs as large a share is still unsent as of
 * the set as a whole. */
typedef struct _plantRegion plantRegion;
struct _plantRegion {
    convergePlantWriter writer;
    double bytes;               /* the region; of a growing set when it is grown */
    double unsent;              /* in QEMU's bitmap */
    double clean;               /* not in it; together always .bytes */
    double dirty;               /* written since the last sync */
};

/* Set by QMP. */
typedef struct _plantParams plantParams;
struct _plantParams {
    gint64 initial, increment, max, threshold, tailslow, downtime;
};

struct _convergePlant {
    convergePlantConfig config;
    const convergePlantLaw *law;
    plantParams original, params;
    convergePlantResult result;
    gint64 timeMs;

    unsigned int nregions;
    plantRegion regions[CONVERGE_PLANT_WRITERS + 2];
    unsigned int vcpus;
    gboolean suspended;
    gint64 suspendedMs;         /* since when */

    double zero;                /* zero pages still to scan in the bulk pass... */
    double zeroDone;            /* ...and those that were scanned */
    double sent;                /* bytes over the link */
    double stallMs;             /* time that a sync still holds up sending */
    guint64 iteration;
    unsigned int throttle;      /* %, QEMU's own, in force */
    convergeSlows slows;        /* how the throttle method in use does */
    unsigned int quota;         /* %, by CPU quota, in force... */
    unsigned int writersQuota;  /* ...and of vCPUs that write, by the dirty limit */
    gboolean limited;           /* the dirty limit is in force... */
    gint64 limitedMs;           /* ...from then on */
    unsigned int bad;           /* trigger evaluations that were bad */
    guint64 timerIteration;     /* iteration at the last tick of the periodic sync */
    double syncRemaining;       /* right after the newest sync */
    gint64 evaluatedMs;
    double evaluatedSent;
    double period;              /* bytes dirtied since the last evaluation */
    double dirtyBps;            /* at the last evaluation */

    gint64 probeStartMs;        /* 0: none runs */
    guint64 probeId;
    double probeBps;
    unsigned int probeThrottle;
};

/* --- plant_guest.c --- */

/* What all vCPUs are slowed down by, %. */
unsigned int plantGuestThrottle(const convergePlant *plant);

void plantGuestInit(convergePlant *plant);
gboolean plantGuestIsPaused(const convergePlant *plant);
double plantGuestUnsent(const convergePlant *plant);

/* The guest runs for @seconds, in which nothing else changes. */
void plantGuestRun(convergePlant *plant, double seconds);

/* @share (0..1) of all that is unsent is sent. */
void plantGuestSend(convergePlant *plant, double share);

/* Takes the log into the bitmap; returns how many bytes that added. */
double plantGuestSync(convergePlant *plant);

/* Distinct bytes dirtied in @seconds under @throttle (%). */
double plantGuestDistinct(const convergePlant *plant, double seconds, unsigned int throttle);

/* The next time at which the guest changes its ways; G_MAXINT64: never. */
gint64 plantGuestNextChange(const convergePlant *plant);

/* Unsent bytes of the writers' sets. */
double plantGuestHotUnsent(const convergePlant *plant);

/* --- plant_link.c --- */

double plantLinkBandwidth(const convergePlant *plant);
gint64 plantLinkNextChange(const convergePlant *plant);

/* What the seed makes of second @second, -1..1. */
double plantNoise(const convergePlant *plant, guint64 stream, gint64 second);

/* --- plant_qemu.c --- */

void plantQemuInit(convergePlant *plant);
void plantQemuAdvance(convergePlant *plant, gint64 ms);
void plantQemuNoteThrottle(convergePlant *plant);
void plantQemuPostcopy(convergePlant *plant);
