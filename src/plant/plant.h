/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant.h: a modelled guest, link and QEMU, in virtual time
 *
 * The plant implements backend.h, so the loop drives it unchanged; the other methods
 * (methods.h) drive the same plant.  It is deterministic: the same configuration, including
 * the seed, gives the same numbers.  It is never linked into the module.
 *
 * A configuration needs memory, used, bandwidth and a writer; all else may be zero.
 * Units: bytes, bytes/s, ms; % where noted.
 *
 * Threads: a plant belongs to one thread; nothing is shared between plants.
 */
#pragma once

#include "engine/backend.h"

#define CONVERGE_PLANT_WRITERS 8
#define CONVERGE_PLANT_PHASES 8
#define CONVERGE_PLANT_LINK_CHANGES 16

/* A group of vCPUs, and the memory that they write to. */
typedef struct _convergePlantWriter convergePlantWriter;
struct _convergePlantWriter {
    unsigned int vcpus; /* number of vCPUs; 0: one */
    double set;         /* bytes, the memory that they write to together */
    double rate;        /* bytes/s, written at full speed */
    double growth;      /* bytes/s by which the set grows */
    double growTo;      /* bytes, final size of the set; 0: it does not grow */
    double background;  /* bytes/s written in addition, all over the used memory */
    double fixedShare;  /* 0..1, share of the writing that throttling the vCPUs does
                         * not slow down: by devices, or by vCPUs with idle time */
    gboolean sweep;     /* writes from end to end, over and over; else at random */
};

typedef struct _convergePlantPhase convergePlantPhase;
struct _convergePlantPhase {
    gint64 ms;   /* length, > 0 */
    double rate; /* factor on the rate of all writers */
};

typedef struct _convergePlantLinkChange convergePlantLinkChange;
struct _convergePlantLinkChange {
    gint64 ms;        /* time of the change, > 0 */
    double bandwidth; /* bytes/s from then on; 0: the link is dead */
};

/* What QEMU, or another hypervisor in its place, does by itself. */
typedef struct _convergePlantLaw convergePlantLaw;
struct _convergePlantLaw {
    gboolean autoConverge;
    unsigned int hits;                    /* bad evaluations of the trigger before each step */
    unsigned int initial, increment, max; /* %, of the throttle */
    unsigned int threshold;               /* %, dirtied / sent above which an evaluation is bad */
    gboolean tailslow;                    /* smaller late steps, QEMU 5.1 */
    unsigned int fixedThrottle;           /* %, the only step, QEMU 1.6; 0: steps as above */
    double vcpuDirtyLimit;                /* bytes/s for each vCPU instead of throttling; 0: none */
    gint64 syncEveryMs;                   /* period of bitmap syncs in long passes, QEMU 9.2; 0: none */
    gboolean syncInBulk;                  /* in the bulk pass, too, see convergePlantConfig */
    gint64 downtimeMs;                    /* downtime limit at the start */
};

/* QEMU 7.2 with auto-converge on and all else at its defaults. */
extern const convergePlantLaw convergePlantLawDefault;

typedef struct _convergePlantConfig convergePlantConfig;
struct _convergePlantConfig {
    guint64 seed; /* of the noise */
    double noise; /* 0..1, share by which link and writers vary each second */

    double memory;      /* bytes of guest memory */
    double used;        /* bytes of it in pages that are not zero */
    unsigned int vcpus; /* of the guest; 0: the sum of the writers' */
    double workingSet;  /* short form for the set of a first writer */
    double writeRate;   /* short form for its rate */
    unsigned int nwriters;
    convergePlantWriter writers[CONVERGE_PLANT_WRITERS];
    unsigned int nphases; /* repeated over and over; 0: always full speed */
    convergePlantPhase phases[CONVERGE_PLANT_PHASES];
    gboolean disjoint;    /* never writes to unsent pages, so that each sync finds all
                           * that was written; else writes to sent and unsent alike */
    gint64 pausedFromMs;  /* time at which another client pauses the guest */
    gint64 pausedUntilMs; /* time at which that client resumes it */

    double bandwidth;          /* of the link, bytes/s */
    unsigned int nlinkChanges; /* sorted by time */
    convergePlantLinkChange linkChanges[CONVERGE_PLANT_LINK_CHANGES];
    double tlsBandwidth; /* most that encryption can carry, bytes/s; 0: no TLS */
    double compression;  /* memory that each byte on the wire stands for, 1 or more; 0: 1 */
    double compressRate; /* most memory that is compressed, bytes/s; 0: any */
    double recovery;     /* a link that was dead for a time carries nothing for this share of
                          * that time after it, up to two minutes, since TCP tries ever more
                          * rarely; about 0 to 1 */

    const convergePlantLaw *law;       /* must outlive the plant; NULL: the default one */
    convergeThrottleMethod bestMethod; /* throttle method that "auto" stands for; 0: QEMU's own */
    gint64 syncEveryMs;                /* replaces that of the law; 0: keeps it */
    gboolean syncInBulk;               /* a bitmap sync each syncEveryMs from the start; 0: 55 ms */
    double scanRate;                   /* rate at which zero pages are found, bytes/s; 0: 4e9 */
    gint64 setupMs;                    /* before the first byte is sent */
    double syncMsPerGB;                /* time for which a bitmap sync holds up sending */
    gint64 switchoverMs;               /* downtime in addition to that for memory; 0: 15 */
    gboolean noAutoConverge;           /* the migration was started without that capability */
    gint64 probeMs;                    /* length of a probe; 0: 1000 */
    gboolean noProbe;                  /* this QEMU cannot measure the dirty rate */
    unsigned int probesMost;           /* number of probes that this QEMU takes; 0: any number */
    gboolean blindProbe;               /* the probe measures 0: the guest rewrites the same content */
    unsigned int refuseFrom;           /* number of the first command that QEMU refuses, as all
                                        * later ones; 0: none */
};

typedef struct _convergePlantResult convergePlantResult;
struct _convergePlantResult {
    gboolean completed;
    gboolean aborted;
    gboolean postcopy;         /* completed by switching to post-copy */
    gint64 totalMs;            /* from the first byte sent until the guest runs at the
                                * destination */
    gint64 allMs;              /* until all memory is there: later with post-copy */
    gint64 pauseMs;            /* downtime: no vCPU ran, at the end */
    double lostMs;             /* guest milliseconds lost */
    double sentBytes;          /* over the link */
    guint64 passes;            /* bitmap syncs */
    unsigned int peakThrottle; /* % */
    unsigned int commands;     /* number of commands that changed something */
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

/* Current speed of the guest, as a share of its full speed, 0..1. */
double convergePlantSpeed(const convergePlant *plant);

/* Memory that the link carries now, bytes/s; 0 while it is dead. */
double convergePlantBandwidth(const convergePlant *plant);

/* Memory left to send right after the newest bitmap sync, bytes. */
double convergePlantSyncRemaining(const convergePlant *plant);

/* What other migrations leave of the link to this one from now on, bytes/s; 0: all of it. */
void convergePlantSetPath(convergePlant *plant, double bandwidth);

/* The most that it would send now over a link without end, bytes/s; may be INFINITY. */
double convergePlantDemand(const convergePlant *plant);

/* Throttles the vCPUs by @throttle % at once, for laws that can do so. */
void convergePlantSetThrottle(convergePlant *plant, unsigned int throttle);

/* The sum of all memory, sent and still to send, bytes.  It differs from the guest's memory
 * at the start only if the plant has lost or invented a page. */
double convergePlantAccount(const convergePlant *plant);

extern const convergeBackendOps convergePlantOps;
