/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decision.h: what is to be done, and why
 */
#pragma once

#include "engine/predict.h"

typedef enum {
    CONVERGE_VERB_HOLD,     /* keep QEMU's own auto-converge from acting */
    CONVERGE_VERB_PRIME,    /* the same, but ready to throttle at the next sync */
    CONVERGE_VERB_STEP,     /* let QEMU act by its own stepped law */
    CONVERGE_VERB_THROTTLE, /* throttle the vCPUs by .throttle */
    CONVERGE_VERB_DOWNTIME, /* allow a downtime of .downtimeMs */
    CONVERGE_VERB_POSTCOPY, /* rungs of the fallback ladder, see policy.h */
    CONVERGE_VERB_SUSPEND,
    CONVERGE_VERB_ABORT,
    CONVERGE_VERB_SKIP,   /* a rung that cannot be taken: nothing is done */
    CONVERGE_VERB_RESUME, /* let the guest run that the rung suspend has paused */
    CONVERGE_VERB_LAST
} convergeVerb;

/* Why; decision.c has one sentence for each. */
typedef enum {
    CONVERGE_REASON_START,     /* the policy starts with this */
    CONVERGE_REASON_CONVERGES, /* no throttle is needed */
    CONVERGE_REASON_HELPS,     /* of those that converge, this throttle loses least */
    CONVERGE_REASON_BEYOND,    /* no allowed throttle is likely to converge, and this one is tried */
    CONVERGE_REASON_IN_VAIN,   /* the same, and the guest is not throttled for nothing */
    CONVERGE_REASON_SHRINKS,   /* passes without a throttle leave less and less, and it costs less later */
    CONVERGE_REASON_BAD_PASS,  /* the progressive law takes a step */
    CONVERGE_REASON_PAUSE,     /* this downtime loses least */
    CONVERGE_REASON_VALLEY,    /* a phase of little dirtying is here, or comes in time */
    CONVERGE_REASON_RAMP,      /* the ramp has reached this downtime */
    CONVERGE_REASON_CEILING,   /* the downtime was limited from outside */
    CONVERGE_REASON_DEADLINE,  /* a limit of the policy is hit, like the next three */
    CONVERGE_REASON_PASSES,
    CONVERGE_REASON_TRANSFER,
    CONVERGE_REASON_STALL,
    CONVERGE_REASON_PREDICTION,  /* predicted not to converge within the limits */
    CONVERGE_REASON_CHEAPER,     /* the rung loses less than any throttle */
    CONVERGE_REASON_NO_POSTCOPY, /* why post-copy is impossible, see convergePostcopy */
    CONVERGE_REASON_POSTCOPY_PARALLEL,
    CONVERGE_REASON_POSTCOPY_VFIO,
    CONVERGE_REASON_LINK,        /* nothing moves, so that a throttle gains nothing */
    CONVERGE_REASON_UNFULFILLED, /* the plan in force did not bring the end when it should have */
    CONVERGE_REASON_BUDGET,      /* a limit of the policy is hit, like the next two */
    CONVERGE_REASON_THROTTLE_TIME,
    CONVERGE_REASON_OVERDUE,     /* ...or a pause takes longer than was foretold */
    CONVERGE_REASON_STALL_TIME,  /* no progress for the allowed time, at a local minimum */
    CONVERGE_REASON_AFTER,       /* the rung before has not ended the migration in time */
    CONVERGE_REASON_COMPRESSION, /* QEMU's limit has to follow how well memory is compressed */
    CONVERGE_REASON_LAST
} convergeReason;

/* Whether a migration can switch to post-copy, see postcopy.h. */
typedef enum {
    CONVERGE_POSTCOPY_NO_FLAG,  /* it was started without VIR_MIGRATE_POSTCOPY */
    CONVERGE_POSTCOPY_PARALLEL, /* it uses multifd, and QEMU before 10.1 cannot do both */
    CONVERGE_POSTCOPY_VFIO,     /* the guest has a VFIO device */
    CONVERGE_POSTCOPY_AVAILABLE,
    CONVERGE_POSTCOPY_LAST
} convergePostcopy;

typedef struct _convergeDecision convergeDecision;
struct _convergeDecision {
    convergeVerb verb;
    convergeReason reason;
    unsigned int throttle;    /* %; STEP: initial */
    unsigned int increment;   /* %; STEP only */
    unsigned int maxThrottle; /* %; STEP only */
    unsigned int threshold;   /* %; STEP only */
    gboolean tailslow;        /* STEP only */
    gint64 downtimeMs;        /* DOWNTIME; RESUME: the limit to put back first, 0: leave it */
    gint64 limitMs;           /* DOWNTIME: QEMU's limit for that, see convergeModelLimitFor() */
    gboolean predicted;       /* .prediction is set */
    convergePrediction prediction;
};

const char *convergeVerbName(convergeVerb verb);
const char *convergeReasonName(convergeReason reason);

/* One translated sentence, without a final period.  Free with g_free(). */
char *convergeDecisionExplain(const convergeDecision *decision, const convergeModel *model);
