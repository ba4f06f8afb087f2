/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant_priv.h: the inside of a plant, for the files of this directory
 */
#pragma once

#include "plant/plant.h"
#include "throttle/throttle.h"

/* QEMU checks the remaining memory after every 50 ms of sending (MAX_WAIT,
 * migration/ram.c).  All events of a plant happen on this grid. */
#define PLANT_TICK_MS 50

/* A writer's set, or the rest of the used memory.  Pages are counted, not told apart: of
 * the pages dirtied between two bitmap syncs, the share that is still unsent is taken to be
 * that of the whole set. */
typedef struct _plantRegion plantRegion;
struct _plantRegion {
    convergePlantWriter writer;
    double bytes;  /* size of the region; for a growing set, its final size */
    double unsent; /* bytes in QEMU's bitmap */
    double clean;  /* bytes not in the bitmap; unsent + clean == bytes */
    double dirty;  /* bytes written since the last bitmap sync */
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
    gboolean suspended; /* another client has paused the guest, and can let it run again */
    gint64 suspendedMs; /* time of the suspension */
    gboolean stopped;   /* QEMU has stopped the guest, to send all that is left */
    gint64 stoppedMs;   /* time from which on no vCPU has run */

    double path; /* bytes/s, what other migrations leave of the link; 0: all of it */

    double zero;      /* bytes of zero pages still to scan in the bulk pass */
    double zeroDone;  /* bytes of zero pages already scanned */
    double sent;      /* bytes of memory */
    double stallMs;   /* time for which a bitmap sync still holds up sending */
    double looked;    /* bytes worked off at the last look at what is left */
    gint64 syncDueMs; /* time of the next sync of a QEMU that syncs in the bulk pass, too */
    guint64 iteration;
    gint64 windowMs;           /* when the present measurement of the bandwidth began */
    double windowSent;         /* bytes sent before it */
    double threshold;          /* bytes, QEMU's threshold_size of the last one */
    unsigned int throttle;     /* %, QEMU's own throttle in force */
    convergeSlows slows;       /* how the throttle method in use acts */
    unsigned int quota;        /* %, throttle by CPU quota in force */
    unsigned int writersQuota; /* %, throttle of the writing vCPUs by the dirty limit */
    gboolean limited;          /* QEMU's law has set a dirty limit */
    gint64 limitedMs;          /* time from which that limit acts */
    unsigned int bad;          /* number of bad evaluations since the last step */
    guint64 timerIteration;    /* iteration at the last tick of the periodic sync */
    double syncRemaining;      /* bytes left right after the newest bitmap sync */
    gint64 evaluatedMs;
    double evaluatedSent;
    double period;   /* bytes dirtied since the last evaluation */
    double dirtyBps; /* at the last evaluation */

    unsigned int probes; /* number of probes asked for */
    gint64 probeStartMs; /* 0: no probe runs */
    guint64 probeId;
    double probeBps;
    unsigned int probeThrottle;
};

/* --- plant_guest.c --- */

/* The throttle of all vCPUs, %. */
unsigned int plantGuestThrottle(const convergePlant *plant);

void plantGuestInit(convergePlant *plant);
gboolean plantGuestIsPaused(const convergePlant *plant);
double plantGuestUnsent(const convergePlant *plant);

/* Lets the guest run for @seconds in which nothing else changes. */
void plantGuestRun(convergePlant *plant, double seconds);

/* Sends @share (0..1) of all unsent pages. */
void plantGuestSend(convergePlant *plant, double share);

/* Moves the dirty pages into the bitmap; returns how many bytes that added. */
double plantGuestSync(convergePlant *plant);

/* Distinct bytes dirtied in @seconds under @throttle (%). */
double plantGuestDistinct(const convergePlant *plant, double seconds, unsigned int throttle);

/* The next time at which the guest changes its behaviour; G_MAXINT64: never. */
gint64 plantGuestNextChange(const convergePlant *plant);

/* Unsent bytes of the writers' sets. */
double plantGuestHotUnsent(const convergePlant *plant);

/* --- plant_link.c --- */

/* The next time at which the bandwidth changes; G_MAXINT64: never. */
gint64 plantLinkNextChange(const convergePlant *plant);

/* What @bytes of memory are on the wire. */
double plantLinkWire(const convergePlant *plant, double bytes);

/* How long the link of this moment takes for @bytes of memory, ms; INFINITY while it is dead. */
double plantLinkMs(const convergePlant *plant, double bytes);

/* The same for the link with its changes from now on; finite. */
double plantLinkCarryMs(const convergePlant *plant, double bytes);

/* The noise of the given second in the given stream, -1..1. */
double plantNoise(const convergePlant *plant, guint64 stream, gint64 second);

/* --- plant_qemu.c --- */

void plantQemuInit(convergePlant *plant);
void plantQemuNoteThrottle(convergePlant *plant);
void plantQemuPostcopy(convergePlant *plant);
