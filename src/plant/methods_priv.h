/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methods_priv.h: a run of a method, for its step function
 */
#pragma once

#include "plant/methods.h"

struct _convergeMethodRun {
    const convergeMethod *method;
    convergePlant *plant;
    convergeSample sample;      /* now... */
    convergeSample last;        /* ...and at the last step; zeros at the first */
    gint64 elapsedMs;           /* since memory moves */
    char *said;                 /* what was done in this step, or NULL */

    /* For step functions; all zero at the start. */
    gint64 downtimeMs;          /* last one that was set; 0: the law's */
    gint64 dueMs;               /* of whatever comes next */
    gint64 passMs;              /* when the newest pass began... */
    guint64 passProcessed;      /* ...and what was sent until then... */
    double passRemaining;       /* ...and what it has to send */
    gint64 patienceMs;
    unsigned int counter;
    unsigned int index;
    double bandwidth;           /* bytes/s; 0: unknown */
    double best;
    GArray *passes;             /* of methodPass */
    gboolean done;              /* nothing more to do */
};

typedef struct _methodPass methodPass;
struct _methodPass {
    gint64 ms;
    double remaining;           /* right after the sync that began it */
};

void methodSay(convergeMethodRun *run, convergeVerb verb, gint64 downtimeMs);
void methodThrottle(convergeMethodRun *run, unsigned int throttle);

/* --- methods_steps.c --- */

void methodStepTimed(convergeMethodRun *run);
void methodStepKubevirtRamp(convergeMethodRun *run);
void methodStepKubevirtStall(convergeMethodRun *run);
void methodStepOvirt(convergeMethodRun *run);
void methodStepProxmox(convergeMethodRun *run);
void methodStepCloudHypervisor(convergeMethodRun *run);
void methodStepCloudHypervisorThrottle(convergeMethodRun *run);
void methodStepXen(convergeMethodRun *run);
void methodStepStun(convergeMethodRun *run);
