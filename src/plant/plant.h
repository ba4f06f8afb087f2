/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant.h: a modelled guest, link and QEMU 7.2, in virtual time
 *
 * Speaks the samples and verbs of actuator.h, so the loop drives it unchanged.
 * Deterministic.  Never linked into the module.
 *
 * Sources: bulk pass, bitmap sync, throttle trigger, switchover test as in QEMU 7.2
 * migration/ram.c and migration/migration.c; throttle as in softmmu/cpu-throttle.c.
 */
#pragma once

#include "actuator/actuator.h"

typedef struct _convergePlantConfig convergePlantConfig;
struct _convergePlantConfig {
    double memory;              /* bytes of guest memory... */
    double used;                /* ...of which so many are not zero */
    double workingSet;          /* bytes */
    double writeRate;           /* bytes/s at full speed */
    double bandwidth;           /* of the link, bytes/s */
    gint64 bandwidthChangeMs;   /* at this time (0: never)... */
    double bandwidthAfter;      /* ...the link becomes this fast */
    gint64 syncEveryMs;         /* QEMU 9.2+ syncs so often in a long pass; 0: not */
    gint64 pausedFromMs;        /* somebody pauses the guest then... */
    gint64 pausedUntilMs;       /* ...and lets it run again */
    convergeThrottleActuator actuator;  /* what "auto" comes to; AUTO: QEMU's own */
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
    gint64 pauseMs;
    double lostMs;              /* guest milliseconds lost */
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

extern const convergeActuatorOps convergePlantOps;
