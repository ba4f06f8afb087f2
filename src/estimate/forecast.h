/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast.h: how a migration would go, before there is one
 *
 * The engine runs unchanged against the modelled QEMU of src/plant, in virtual time,
 * over the guest as fitted and over the corners of what it may be as well.  Pure.
 */
#pragma once

#include "engine/control.h"
#include "estimate/fit.h"

/* The guest and the way that its memory takes. */
typedef struct _convergeForecastInput convergeForecastInput;
struct _convergeForecastInput {
    double memory;              /* of the guest, bytes */
    convergeRange used;         /* of which so many are not zero */
    convergeSampledFit fit;
    double bandwidth;           /* bytes/s; that of link or encryption, whichever is less */
    convergeThrottleMethod actuator;  /* what slows the vCPUs down where a policy leaves it
                                 * open; AUTO: QEMU's own throttle */
    gint64 pauseMostMs;         /* a longer pause is no end within limits, whatever the policy
                                 * allows; 0: what the policy allows counts */
};

/* How a migration under a policy would end; later ones are worse. */
typedef enum {
    CONVERGE_END_LIMITS,        /* within the pause that is allowed */
    CONVERGE_END_PAUSE,         /* with a longer one */
    CONVERGE_END_POSTCOPY,
    CONVERGE_END_ABORT,         /* by giving up */
    CONVERGE_END_NEVER,
    CONVERGE_END_LAST
} convergeEnd;

const char *convergeEndName(convergeEnd end);

typedef struct _convergeForecast convergeForecast;
struct _convergeForecast {
    char *text;                 /* the policy, as it was asked for */
    convergeEnd end;            /* of the likeliest guest... */
    convergeEnd worst;          /* ...and the worst of all */
    gboolean completes;         /* .end is one that completes: the ranges are over those
                                 * guests that it completes for */
    convergeRange totalMs;      /* first byte moved to guest running elsewhere, with
                                 * post-copy to the last byte */
    convergeRange pauseMs;
    convergeRange lostMs;       /* guest milliseconds lost */
    double switchMs;            /* until the guest ran elsewhere, of the likeliest guest */
    unsigned int peakThrottle;  /* %, of the likeliest guest */
};

typedef struct _convergeForecasts convergeForecasts;
struct _convergeForecasts {
    convergeClass class_;                       /* of the likeliest guest */
    gboolean mayBe[CONVERGE_CLASS_LAST];        /* over all guests */
    GArray *policies;           /* of convergeForecast, in the order asked for */
    int recommended;            /* loses least; index, or -1: none of them completes */
    int cheaper;                /* loses less, but not within its limits; -1: none */
};

/* A policy that the forecast is asked for; borrowed. */
typedef struct _convergeForecastPolicy convergeForecastPolicy;
struct _convergeForecastPolicy {
    const char *text;
    const convergePolicy *policy;
};

/* @free: a policy that may not throttle, @throttled: the same that may; they tell the
 * class.  @policies: what is forecast, @n of them. */
convergeForecasts *convergeForecastsNew(const convergeForecastInput *input,
                                        const convergePolicy *free,
                                        const convergePolicy *throttled,
                                        const convergeForecastPolicy *policies,
                                        gsize n);
void convergeForecastsFree(convergeForecasts *forecasts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeForecasts, convergeForecastsFree)
