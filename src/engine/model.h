/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.h: what the samples tell about link and guest, and what follows from it
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
 * throttle: 1 where dirtying is proportional to CPU time, less where it is not.
 *
 * One number, QEMU's dirty rate, cannot tell a slow guest from a saturated one, but
 * observations over different times can.  Each pass is an observation (time, throttle,
 * dirtied), and each dirty-rate probe is another over a shorter time.  W, r and q are
 * those that fit the recent observations best; their uncertainty is the range of those
 * that fit about as well.
 *
 * The remaining bytes are a saw tooth: they fall during a pass and jump at each bitmap
 * sync.  What the guest dirtied is read off the jump only.
 */
#pragma once

#include "engine/sample.h"

/* Observations of each kind; apart, so that the probes of a long pass do not push the passes
 * out. */
#define CONVERGE_MODEL_OBSERVATIONS 6

/* One measurement of the guest's dirtying. */
typedef struct _convergeObservation convergeObservation;
struct _convergeObservation {
    double seconds;
    double throttle; /* 0..1, mean over that time */
    double bytes;    /* distinct memory seen to be dirtied in that time */
    double pending;  /* bytes unsent anyway: that they are dirtied again is not seen */
};

/* The newest measurements of one kind, newest last. */
typedef struct _convergeObservations convergeObservations;
struct _convergeObservations {
    unsigned int n;
    convergeObservation item[CONVERGE_MODEL_OBSERVATIONS];
};

/* What is known about the guest. */
typedef struct _convergeGuest convergeGuest;
struct _convergeGuest {
    double workingSet; /* W, bytes; 0: nothing observed yet */
    double writeRate;  /* r at full speed, bytes/s */
    double answer;     /* q, 0..1 */
};

typedef struct _convergeModel convergeModel;
struct _convergeModel {
    convergeSample last;   /* newest active sample; .active FALSE: none yet */
    gint64 startMs;        /* first active sample */
    gint64 syncMs;         /* newest bitmap sync seen */
    guint64 syncProcessed; /* sent until .syncMs, bytes */
    double throttledMs;    /* integral of throttle (0..1) dt since .syncMs */
    gboolean passSpoilt;   /* the guest stood still for a part of this pass */
    double passDirtied;    /* dirtied in the last complete pass, bytes; 0: unknown */
    double passSent;       /* sent in that pass, bytes */
    gint64 windowMs;       /* start of the current bandwidth window */
    guint64 windowProcessed, windowNormal, windowConstant;

    double bandwidth;          /* of the link, bytes/s; 0: unknown yet */
    double recentBandwidth;    /* of the newest window, even if it was mostly zero pages */
    double bandwidthNews;      /* .bandwidth at the last news of any kind */
    double bandwidthError;     /* mean relative miss of the windows against .bandwidth */
    convergeGuest guest;       /* fits best */
    convergeGuest least, most; /* dirties least and most of all that are plausible */
    double fitError;           /* RMS of ln(predicted / observed) */

    convergeObservations passes, probes;
    unsigned int probesRefuted; /* how often a pass refuted them; from 2 on probes are ignored */
};

/* What an update brought. */
typedef enum {
    CONVERGE_NEWS_NONE = 0,
    CONVERGE_NEWS_SYNC = 1 << 0,  /* a bitmap sync happened */
    CONVERGE_NEWS_PROBE = 1 << 1, /* a dirty-rate probe finished */
    CONVERGE_NEWS_LINK = 1 << 2,  /* the bandwidth differs from that at the last news */
} convergeNews;

/* Takes a sample; does nothing if the sample is not active. */
convergeNews convergeModelUpdate(convergeModel *model, const convergeSample *sample);

/* TRUE once there is enough to predict with. */
gboolean convergeModelReady(const convergeModel *model);

/* Distinct bytes dirtied in @seconds under @throttle (0..1). */
double convergeModelDirtied(const convergeModel *model, double seconds, double throttle);

/* Distinct bytes dirtied since the last bitmap sync. */
double convergeModelPassDirtied(const convergeModel *model);

/* The throttle in force has just been changed to @throttle, %. */
void convergeModelNoteThrottle(convergeModel *model, unsigned int throttle);

/* A course of action from now on. */
typedef struct _convergePlan convergePlan;
struct _convergePlan {
    unsigned int throttle; /* % */
    unsigned int latency;  /* passes that end before .throttle is in force; 0: at once */
    unsigned int floor;    /* %, a throttle in force cannot be reduced below this */
    gint64 downtimeMs;     /* QEMU's downtime-limit */
    gint64 overheadMs;     /* the part of the downtime in which no memory is sent */
};

typedef struct _convergePrediction convergePrediction;
struct _convergePrediction {
    gboolean converges;  /* FALSE: the plan never ends, and the rest is meaningless */
    gint64 remainingMs;  /* from now until the guest runs at the destination */
    gint64 pauseMs;      /* the downtime, at the end of .remainingMs */
    gint64 lostMs;       /* guest time lost: integral of throttle dt, plus the downtime */
    gint64 errorMs;      /* how far .remainingMs may be off; 0: not computed */
    unsigned int passes; /* bitmap syncs still to come */
};

/* Follows @plan to the end, pass by pass, as QEMU does: a pass ends when what is
 * left fits the downtime limit.  If it still fits after the sync, the switchover
 * follows, otherwise another pass. */
convergePrediction convergeModelPredict(const convergeModel *model, const convergePlan *plan);

/* The same for a given guest and bandwidth instead of the likeliest. */
convergePrediction convergeModelPredictFor(const convergeModel *model, const convergeGuest *guest,
                                           double bandwidth, const convergePlan *plan);
