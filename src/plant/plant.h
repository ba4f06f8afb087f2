/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant.h: a modelled guest, link and QEMU, in virtual time
 *
 * Speaks the samples and verbs of backend.h, so the loop drives it unchanged; the
 * laws of other methods (methods.h) drive the same plant.  Deterministic: the same
 * configuration, seed included, gives the same numbers.  Never linked into the module.
 *
 * A configuration of zeros but for memory, used, bandwidth and a writer is complete.
 * Units: bytes, bytes/s, ms, and % where it says so.
 *
 * Threads: a plant belongs to one thread; nothing is shared between plants.
 */
#pragma once

#include "engine/backend.h"

#define CONVERGE_PLANT_WRITERS 8
#define CONVERGE_PLANT_PHASES 8
#define CONVERGE_PLANT_LINK_CHANGES 16

/* Some vCPUs, and the memory that they write to. */
typedef struct _convergePlantWriter convergePlantWriter;
struct _convergePlantWriter {
    unsigned int vcpus;         /* so many; 0: one */
    double set;                 /* bytes that they write to, together... */
    double rate;                /* ...and how fast at full speed, bytes/s */
    double growth;              /* the set grows by so many bytes/s... */
    double growTo;              /* ...up to so many bytes; 0: does not grow */
    double background;          /* bytes/s written besides, all over the used memory */
    double fixedShare;          /* 0..1 of the writing that a throttle of the vCPUs does not
                                 * slow: devices, vCPUs with time to spare */
    gboolean sweep;             /* from end to end, over and over; else anywhere */
};

typedef struct _convergePlantPhase convergePlantPhase;
struct _convergePlantPhase {
    gint64 ms;                  /* lasts so long, > 0... */
    double rate;                /* ...in which all writers write so many times as fast */
};

typedef struct _convergePlantLinkChange convergePlantLinkChange;
struct _convergePlantLinkChange {
    gint64 ms;                  /* from then on, > 0... */
    double bandwidth;           /* ...the link is so fast, bytes/s */
};

/* How QEMU, or another hypervisor in its place, acts by itself. */
typedef struct _convergePlantLaw convergePlantLaw;
struct _convergePlantLaw {
    gboolean autoConverge;
    unsigned int hits;          /* evaluations that must be bad for one step */
    unsigned int initial, increment, max;   /* %, of the throttle */
    unsigned int threshold;     /* %, dirtied / sent above which an evaluation is bad */
    gboolean tailslow;          /* smaller steps late, QEMU 5.1 */
    unsigned int fixedThrottle; /* %, the only step there is, QEMU 1.6; 0: see above */
    double vcpuDirtyLimit;      /* bytes/s for each vCPU instead of throttling; 0: none */
    gint64 syncEveryMs;         /* syncs in long passes so often, QEMU 9.2; 0: not */
    gint64 downtimeMs;          /* limit at the start */
};

/* QEMU 7.2 with auto-converge on and all else at its defaults. */
extern const convergePlantLaw convergePlantLawDefault;

typedef struct _convergePlantConfig convergePlantConfig;
struct _convergePlantConfig {
    guint64 seed;               /* of noise */
    double noise;               /* 0..1: link and writers vary by this share, each second anew */

    double memory;              /* bytes of guest memory... */
    double used;                /* ...of which so many are not zero */
    unsigned int vcpus;         /* of the guest; 0: those that write */
    double workingSet;          /* short for a first writer's set... */
    double writeRate;           /* ...and its rate */
    unsigned int nwriters;
    convergePlantWriter writers[CONVERGE_PLANT_WRITERS];
    unsigned int nphases;       /* over and over; 0: always full speed */
    convergePlantPhase phases[CONVERGE_PLANT_PHASES];
    gboolean disjoint;          /* never writes to what is still unsent, so that each sync finds
                                 * all that was written anew; else it does not care */
    gint64 pausedFromMs;        /* somebody pauses the guest then... */
    gint64 pausedUntilMs;       /* ...and lets it run again */

    double bandwidth;           /* of the link, bytes/s */
    unsigned int nlinkChanges;  /* in order of time */
    convergePlantLinkChange linkChanges[CONVERGE_PLANT_LINK_CHANGES];
    double tlsBandwidth;        /* what encryption can do at most, bytes/s; 0: no TLS */

    const convergePlantLaw *law;    /* must outlive the plant; NULL: the default one */
    convergeThrottleMethod actuator;  /* what "auto" comes to; 0: QEMU's own */
    gint64 syncEveryMs;         /* overrides that of the law; 0: does not */
    double scanRate;            /* zero pages found, bytes/s; 0: 4e9 */
    gint64 setupMs;             /* before memory moves */
    double syncMsPerGB;         /* a sync holds up sending for so long */
    gint64 switchoverMs;        /* a pause takes so long besides memory; 0: 15 */
    gboolean noAutoConverge;    /* the migration was started without that capability */
    gboolean noProbe;           /* this QEMU cannot measure the dirty rate */
    gboolean blindProbe;        /* ...or measures nothing: the guest rewrites the same */
    unsigned int refuseFrom;    /* refuses the n-th command and all later ones; 0: none */
};

typedef struct _convergePlantResult convergePlantResult;
struct _convergePlantResult {
    gboolean completed;
    gboolean aborted;
    gboolean postcopy;          /* completed by switching to post-copy */
    gint64 totalMs;             /* first byte moved to guest running elsewhere */
    gint64 allMs;               /* ...to no memory left behind: later with post-copy */
    gint64 pauseMs;             /* in which no vCPU ran, up to the end */
    double lostMs;              /* guest milliseconds lost */
    double sentBytes;           /* over the link */
    guint64 passes;             /* bitmap syncs */
    unsigned int peakThrottle;  /* % */
    unsigned int commands;      /* that changed something */
};

typedef struct _convergePlant convergePlant;

convergePlant *convergePlantNew(const convergePlantConfig *config);
void convergePlantFree(convergePlant *plant);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergePlant, convergePlantFree)

/* Lets time pass up to @ms from the start; stops at the end of the migration. */
void convergePlantAdvance(convergePlant *plant, gint64 ms);

const convergePlantResult *convergePlantGetResult(const convergePlant *plant);

/* TRUE when every parameter has the value it had at the start. */
gboolean convergePlantIsPristine(const convergePlant *plant);

/* How much of its full speed the guest has now, 0..1. */
double convergePlantSpeed(const convergePlant *plant);

/* What the link carries now, bytes/s. */
double convergePlantBandwidth(const convergePlant *plant);

/* What was left right after the newest sync, bytes. */
double convergePlantSyncRemaining(const convergePlant *plant);

/* Distinct bytes that the guest would dirty in @seconds at full speed. */
double convergePlantDirtied(const convergePlant *plant, double seconds);

/* Throttles the vCPUs by @throttle % at once: for laws that can. */
void convergePlantSetThrottle(convergePlant *plant, unsigned int throttle);

/* All memory, by where it is: sent and not dirty, or still to send.  What the guest had at
 * the start, unless a page was lost or invented. */
double convergePlantAccount(const convergePlant *plant);

extern const convergeBackendOps convergePlantOps;
