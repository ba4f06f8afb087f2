/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decision.h: what is to be done, and why in words
 */
#pragma once

#include "engine/model.h"

typedef enum {
    CONVERGE_VERB_HOLD,         /* keep QEMU's own auto-converge from acting */
    CONVERGE_VERB_PRIME,        /* the same, but ready to throttle at the next sync */
    CONVERGE_VERB_STEP,         /* let QEMU act by its own stepped law */
    CONVERGE_VERB_THROTTLE,     /* throttle the vCPUs by .throttle */
    CONVERGE_VERB_DOWNTIME,     /* allow a pause of .downtimeMs */
    CONVERGE_VERB_POSTCOPY,     /* rungs of the fallback ladder, see policy.h... */
    CONVERGE_VERB_SUSPEND,
    CONVERGE_VERB_ABORT,
    CONVERGE_VERB_SKIP,         /* ...and one that cannot be had: nothing is done */
    CONVERGE_VERB_LAST
} convergeVerb;

/* Why; one sentence each in decision.c. */
typedef enum {
    CONVERGE_REASON_START,      /* the policy says so from the start */
    CONVERGE_REASON_CONVERGES,  /* converges by itself */
    CONVERGE_REASON_HELPS,      /* the middle: this throttle loses least */
    CONVERGE_REASON_BEYOND,     /* no allowed throttle converges */
    CONVERGE_REASON_IN_VAIN,    /* ...and the strongest has shown it */
    CONVERGE_REASON_STUCK,      /* it does not go as predicted */
    CONVERGE_REASON_BAD_PASS,   /* the progressive law's sign */
    CONVERGE_REASON_PAUSE,      /* this pause loses least */
    CONVERGE_REASON_VALLEY,     /* a phase of little dirtying is here, or comes in time */
    CONVERGE_REASON_RAMP,       /* the ramp's time has come */
    CONVERGE_REASON_CEILING,    /* somebody else set a lower limit */
    CONVERGE_REASON_DEADLINE,   /* limits */
    CONVERGE_REASON_PASSES,
    CONVERGE_REASON_TRANSFER,
    CONVERGE_REASON_STALL,
    CONVERGE_REASON_PREDICTION, /* the goal cannot be had */
    CONVERGE_REASON_CHEAPER,    /* the rung loses the guest less */
    CONVERGE_REASON_NO_POSTCOPY,/* why there is none, see convergePostcopy */
    CONVERGE_REASON_POSTCOPY_PARALLEL,
    CONVERGE_REASON_POSTCOPY_VFIO,
    CONVERGE_REASON_LAST
} convergeReason;

/* Whether a migration can switch to post-copy, see postcopy.h. */
typedef enum {
    CONVERGE_POSTCOPY_NO_FLAG,  /* it was started without */
    CONVERGE_POSTCOPY_PARALLEL, /* multifd beside it, which QEMU before 10.1 excludes */
    CONVERGE_POSTCOPY_VFIO,     /* the guest has such a device */
    CONVERGE_POSTCOPY_AVAILABLE,
    CONVERGE_POSTCOPY_LAST
} convergePostcopy;

typedef struct _convergeDecision convergeDecision;
struct _convergeDecision {
    convergeVerb verb;
    convergeReason reason;
    unsigned int throttle;      /* %; STEP: initial */
    unsigned int increment;     /* %; STEP only */
    unsigned int maxThrottle;   /* %; STEP only */
    unsigned int threshold;     /* %; STEP only */
    gboolean tailslow;          /* STEP only */
    gint64 downtimeMs;          /* DOWNTIME only */
    gboolean predicted;         /* .prediction was made */
    convergePrediction prediction;
};

const char *convergeVerbName(convergeVerb verb);
const char *convergeReasonName(convergeReason reason);

/* One translated sentence, without a final period.  Free with g_free(). */
char *convergeDecisionExplain(const convergeDecision *decision, const convergeModel *model);
