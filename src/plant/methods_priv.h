/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methods_priv.h: a run of a method, for its step function
 */
#pragma once

#include "plant/methods.h"

struct _convergeMethodRun {
    const convergeMethod *method;
    convergePlant *plant;
    convergeSample sample; /* at this step */
    convergeSample last;   /* at the last step; all zero at the first */
    gint64 elapsedMs;      /* since the first byte was sent */
    char *said;            /* what this step has done, or NULL */

    /* State of the step functions; all zero at the start. */
    gint64 downtimeMs;     /* downtime limit set last; 0: that of the law */
    gint64 dueMs;          /* time of the next action */
    gint64 passMs;         /* time at which the newest pass began */
    guint64 passProcessed; /* bytes sent before it */
    double passRemaining;  /* bytes that it had to send */
    gint64 patienceMs;
    unsigned int counter;
    unsigned int index;
    double bandwidth; /* bytes/s; 0: unknown */
    double best;
    GArray *passes; /* of methodPass */
    gboolean done;  /* no further steps */
};

typedef struct _methodPass methodPass;
struct _methodPass {
    gint64 ms;
    double remaining; /* bytes, right after the bitmap sync that began the pass */
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
