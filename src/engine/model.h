/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.h: what the samples tell about link and guest, and what follows from it
 *
 * Pure: samples and time come in as values, estimates and predictions go out.
 *
 * The guest writes to a working set W, the hot set, at a rate r that is proportional to
 * the CPU time it gets.  Pages written twice count once, so in a time t under a
 * throttle p it dirties
 *
 *     D(t, p) = W (1 - exp(-r (1 - q p) t / W))
 *
 * which is r t while t is short and saturates at W.  q is the guest's answer to a
 * throttle: 1 where dirtying is proportional to CPU time, less where it is not.
 * Most guests also write, more slowly, to much more memory than that.  This is the cold
 * set, a second term of the same form that is added to D.  Most of what a long pass leaves
 * may be cold.  Then the next pass is shorter, less of the cold set is written to meanwhile,
 * and even without a throttle each pass leaves less than the one before.
 *
 * One number, QEMU's dirty rate, cannot tell a slow guest from a saturated one, but
 * observations over different times can.  Each pass is an observation (time, throttle,
 * dirtied), and each dirty-rate probe is another over a shorter time.  The guest is the one
 * that fits the recent observations best; its uncertainty is the range of those that fit
 * about as well.
 *
 * The remaining bytes are a saw tooth: they fall during a pass and jump at each bitmap
 * sync.  What the guest dirtied is read off the jump only.
 *
 * A sync does not always end a pass: with auto-converge QEMU 9.2 and later also sync when
 * 5 to 10 s have passed without a sync, and QEMU 11 with the post-copy capability syncs some
 * 20 times a second, from the start.  A pass has ended if what was unsent before the sync was
 * below QEMU's limit, or if as much has been sent as there was to send when the pass began.
 *
 * Where QEMU compresses, a byte on the wire stands for several bytes of memory.  All rates here
 * are of memory, since that is what the guest dirties; .saved leads back to the wire.
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
    double pending;  /* bytes still unsent at the sync: it does not show if they were dirtied again */
};

/* Whether @observation was made under a throttle that is strong enough to tell the answer to one. */
gboolean convergeObservationIsThrottled(const convergeObservation *observation);

/* The newest measurements of one kind, newest last; some with and some without a throttle are
 * kept. */
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
    double coldSet;    /* bytes written to besides, more slowly; 0: none */
    double coldRate;   /* the rate of that at full speed, bytes/s; 0: there is no cold set */
};

/* The pass under way, and those that have ended. */
typedef struct _convergePass convergePass;
struct _convergePass {
    guint64 n; /* passes that have ended; 0 during the bulk pass */

    /* When the pass under way began: */
    gint64 beginMs;
    double beginLeft;   /* left to send, bytes */
    double beginWorked; /* worked off since the start of the migration (model_priv.h), bytes */
    double beginPages;  /* sent as pages since then (model_priv.h), bytes */
    guint64 beginSent;  /* sent over the link since then, bytes */

    double fresh;    /* found dirty by the syncs of this pass so far, bytes */
    guint64 nInside; /* syncs in the middle of this pass so far */

    /* Of the last pass that has ended; 0: none has: */
    double dirtied; /* found dirty by its syncs, bytes */
    double sent;    /* memory sent over the link, bytes */
    double seconds; /* its length */

    /* Of the bulk pass; 0: it has not ended, or its end was missed: */
    gint64 bulkMs;      /* its end */
    double bulkLeft;    /* left to send then, bytes */
    double bulkDirtied; /* found dirty by its syncs, bytes */

    double periodSeconds; /* between syncs in the middle of a pass; 0: there were none */
};

typedef struct _convergeModel convergeModel;
struct _convergeModel {
    convergeSample last; /* newest active sample; .active FALSE: none yet */
    gint64 startMs;      /* first active sample */
    gint64 syncMs;       /* newest bitmap sync seen */
    double throttledMs;  /* integral of throttle (0..1) dt since .syncMs */
    double lostMs;       /* guest time lost since .startMs */
    gboolean passSpoilt; /* the guest stood still since .gatherMs: that is no observation */
    gint64 downtimeMs;   /* QEMU's downtime-limit, see convergeModelNoteDowntime(); 0: unknown */

    convergePass pass;

    /* What the next observation of a pass is made of: all syncs since the last one.  That is one
     * pass with the syncs in its middle, or several passes if they are very short. */
    gint64 gatherMs;        /* the end of the last observation */
    double gatherThrottled; /* integral of throttle (0..1) dt from then to .syncMs, ms */
    double gatherFresh;     /* found dirty by these syncs, bytes */
    guint64 gatherSyncs;    /* their number */
    double gatherPending;   /* the sum of what was unsent at each of them, bytes */

    /* When the current bandwidth window began; see convergeSample. */
    gint64 windowMs;
    guint64 windowProcessed, windowNormal, windowConstant, windowCompressed, windowIteration;

    double bandwidth;          /* memory that the link carries, bytes/s; 0: unknown yet */
    double saved;              /* share of that which compression keeps off the wire, 0..1; 0: none */
    double recentBandwidth;    /* of the newest window, even if it was mostly zero pages, bytes/s */
    double usualBandwidth;     /* what the link has carried for long enough to count on, bytes/s */
    gint64 slowMs;             /* since when it has carried far less than that; -1: it carries enough */
    double bandwidthNews;      /* .bandwidth at the last news of any kind, bytes/s */
    double bandwidthError;     /* mean relative miss of the windows against .bandwidth */
    unsigned int nWindows;     /* windows that told .bandwidth */
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
    CONVERGE_NEWS_PASS = 1 << 3,  /* a pass has ended, with a bitmap sync */
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

/* QEMU's downtime-limit has just been set to @ms. */
void convergeModelNoteDowntime(convergeModel *model, gint64 ms);

/* The downtime-limit with which QEMU leaves as much for the switchover as takes @ms to send, if
 * compression saves @saved (0..1).  QEMU
 * compares the memory that is left with what the wire carries within the limit, as if nothing were
 * compressed (migration_update_counters() and migration_iteration_run() in migration/migration.c). */
gint64 convergeModelLimitFor(double saved, gint64 ms);

/* What QEMU may leave for the switchover, bytes. */
double convergeModelThreshold(const convergeModel *model);

/* Memory that the link has carried since the current bandwidth window began, bytes. */
double convergeModelCarried(const convergeModel *model);

/* How long the link has carried far less than it usually does, ms; 0: it carries what it should. */
gint64 convergeModelLinkSlowMs(const convergeModel *model);
