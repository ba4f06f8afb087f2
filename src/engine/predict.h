/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * predict.h: how a migration goes on from here, under a plan of ours or under QEMU's own law
 *
 * Pure, like the model.
 */
#pragma once

#include "engine/model.h"

/* A course of action from now on. */
typedef struct _convergePlan convergePlan;
struct _convergePlan {
    unsigned int throttle;     /* % */
    unsigned int delay;        /* passes until .throttle is asked for */
    unsigned int before;       /* %, the throttle in these passes */
    unsigned int latency;      /* bitmap syncs after that until it is in force; 0: at once */
    unsigned int floor;        /* %, a throttle in force cannot be reduced below this */
    gint64 downtimeMs;         /* QEMU's downtime-limit */
    unsigned int hardThrottle; /* %, from here on a throttle counts as hard; 0: none does */
    gint64 overheadMs;         /* the part of the downtime in which no memory is sent */
};

/* What comes lies between the two in nine cases of ten. */
typedef struct _convergeInterval convergeInterval;
struct _convergeInterval {
    gint64 leastMs;
    gint64 mostMs;
};

typedef struct _convergePrediction convergePrediction;
struct _convergePrediction {
    gboolean converges;                      /* FALSE: the plan never ends; the next two tell of the time until that is seen */
    gint64 remainingMs;                      /* from now until the guest runs at the destination */
    gint64 lostMs;                           /* guest time lost: integral of throttle dt, plus the downtime */
    gint64 pauseMs;                          /* the downtime, at the end of .remainingMs */
    gint64 hardMs;                           /* time under a hard throttle, see convergePlan */
    gint64 errorMs;                          /* how far .remainingMs may be off; 0: not computed */
    unsigned int passes;                     /* still to come */
    convergeInterval remaining, lost, pause; /* of the members above; all 0: not computed */
};

/* Follows @plan to the end, pass by pass, as QEMU does: a pass ends when what is
 * left fits the downtime limit.  If it still fits after the sync, the switchover
 * follows, otherwise another pass. */
convergePrediction convergeModelPredict(const convergeModel *model, const convergePlan *plan);

/* The same for a given guest and bandwidth instead of the likeliest. */
convergePrediction convergeModelPredictFor(const convergeModel *model, const convergeGuest *guest,
                                           double bandwidth, const convergePlan *plan);

/* What QEMU's own auto-converge, with its defaults and a downtime-limit of @downtimeMs, would have
 * made of this migration, had it controlled it from the end of the bulk pass on.  Only .converges,
 * .remainingMs, .lostMs and .pauseMs are set; the second and third count from the start of the
 * migration. */
convergePrediction convergeModelPredictStock(const convergeModel *model,
                                             const convergeGuest *guest, gint64 downtimeMs);
