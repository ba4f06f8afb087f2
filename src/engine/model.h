/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.h: what the samples say about link and guest, and what follows from it
 *
 * Pure: samples and time come in as values, estimates and predictions go out.
 *
 * The guest writes to a working set W at a rate r that is proportional to the
 * CPU time it gets.  Pages written twice count once, so in a time t under a
 * throttle p it dirties
 *
 *     D(t, p) = W (1 - exp(-r (1 - q p) t / W))
 *
 * which is r t while t is short and saturates at W.  q is the guest's answer to a
 * throttle: 1 where dirtying is proportional to CPU time, less where it is not.  One number, QEMU's dirty
 * rate, cannot tell a slow guest from a saturated one; observations over
 * different times can: each pass is one (time, throttle, dirtied), each
 * dirty-rate probe another over a shorter time.  W, r and q are those that fit
 * the recent ones best; how far others would fit as well is their uncertainty.
 *
 * remaining is a saw tooth: it falls through a pass and jumps at each bitmap
 * sync.  What the guest dirtied is read off the jump only.
 */
#pragma once

#include "engine/sample.h"

/* Of each kind, so that the probes of a long pass do not push the passes out. */
#define CONVERGE_MODEL_OBSERVATIONS 6

/* One measurement of the guest's dirtying. */
typedef struct _convergeObservation convergeObservation;
struct _convergeObservation {
    double seconds;
    double throttle;            /* 0..1, mean over that time */
    double bytes;               /* distinct memory dirtied meanwhile... */
    double pending;             /* ...not counting what of so much was unsent anyway */
};

/* The newest measurements of one kind, newest last. */
typedef struct _convergeObservations convergeObservations;
struct _convergeObservations {
    unsigned int n;
    convergeObservation item[CONVERGE_MODEL_OBSERVATIONS];
};

/* What is known of the guest. */
typedef struct _convergeGuest convergeGuest;
struct _convergeGuest {
    double workingSet;          /* W, bytes; 0: nothing observed yet */
    double writeRate;           /* r at full speed, bytes/s */
    double answer;              /* q, 0..1 */
};

typedef struct _convergeModel convergeModel;
struct _convergeModel {
    convergeSample last;        /* newest active sample; .active FALSE: none yet */
    gint64 startMs;             /* first active sample */
    gint64 syncMs;              /* newest bitmap sync seen */
    guint64 syncProcessed;      /* sent until then */
    double throttledMs;         /* integral of throttle (0..1) dt since then */
    gboolean passSpoilt;        /* the guest stood still for some of this pass */
    double passDirtied;         /* in the last complete pass, bytes; 0: unknown... */
    double passSent;            /* ...and sent in it */
    gint64 windowMs;            /* start of the current bandwidth window */
    guint64 windowProcessed, windowNormal, windowConstant;

    double bandwidth;           /* of the link, bytes/s; 0: unknown yet */
    double recentBandwidth;     /* of the newest window, zero pages or not */
    double bandwidthNews;       /* ...as it was at the last news of any kind */
    double bandwidthError;      /* mean relative miss of the windows against it */
    convergeGuest guest;        /* fits best... */
    convergeGuest least, most;  /* ...and what dirties least and most of all that may be */
    double fitError;            /* RMS of ln(predicted / observed) */

    convergeObservations passes, probes;
    unsigned int probesRefuted; /* by passes; probes are ignored from 2 on */
};

/* What an update brought. */
typedef enum {
    CONVERGE_NEWS_NONE = 0,
    CONVERGE_NEWS_SYNC = 1 << 0,    /* a bitmap sync happened */
    CONVERGE_NEWS_PROBE = 1 << 1,   /* a dirty-rate probe finished */
    CONVERGE_NEWS_LINK = 1 << 2,    /* the link is faster or slower than at the last news */
} convergeNews;

/* Takes an active sample.  Samples of other kinds are ignored. */
convergeNews convergeModelUpdate(convergeModel *model, const convergeSample *sample);

/* TRUE once there is enough to predict with. */
gboolean convergeModelReady(const convergeModel *model);

/* Distinct bytes dirtied in @seconds under @throttle (0..1). */
double convergeModelDirtied(const convergeModel *model, double seconds, double throttle);

/* ...and since the last bitmap sync. */
double convergeModelPassDirtied(const convergeModel *model);

/* We have just changed the throttle in force to @throttle, %. */
void convergeModelNoteThrottle(convergeModel *model, unsigned int throttle);

/* A course of action from now on. */
typedef struct _convergePlan convergePlan;
struct _convergePlan {
    unsigned int throttle;      /* %, for vCPUs... */
    unsigned int latency;       /* ...from the end of so many passes on; 0: from now on */
    unsigned int floor;         /* %: a throttle in force cannot be driven below it */
    gint64 downtimeMs;          /* QEMU's downtime-limit */
    gint64 overheadMs;          /* what the pause costs beside sending memory */
};

typedef struct _convergePrediction convergePrediction;
struct _convergePrediction {
    gboolean converges;         /* FALSE: never within the plan; rest is moot */
    gint64 remainingMs;         /* from now to the guest running elsewhere */
    gint64 pauseMs;             /* the part of it in which the guest stands still */
    gint64 lostMs;              /* guest milliseconds lost: integral of throttle, and pause */
    gint64 errorMs;             /* by so much remainingMs may be wrong; 0: not asked */
    unsigned int passes;        /* bitmap syncs still to come */
};

/* Follows @plan to the end, pass by pass, as QEMU would go: a pass ends when
 * what is left fits the downtime limit; after the sync either it still fits, and
 * the switchover comes, or another pass does. */
convergePrediction convergeModelPredict(const convergeModel *model, const convergePlan *plan);

/* The same for another guest or link than the likeliest. */
convergePrediction convergeModelPredictFor(const convergeModel *model, const convergeGuest *guest,
                                           double bandwidth, const convergePlan *plan);
