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
    gboolean noProbe;           /* this QEMU cannot measure the dirty rate */
    gboolean refuse;            /* this QEMU refuses every parameter */
};

typedef struct _convergePlantResult convergePlantResult;
struct _convergePlantResult {
    gboolean completed;
    gint64 totalMs;             /* first byte moved to guest running elsewhere */
    gint64 pauseMs;
    double lostMs;              /* guest milliseconds lost */
    guint64 passes;             /* bitmap syncs */
    unsigned int peakThrottle;  /* % */
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
