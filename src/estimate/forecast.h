/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast.h: predicts the course of a migration before it starts
 *
 * The engine runs unchanged against the modelled QEMU of src/plant, in virtual time, for the
 * fitted guest and for the other corners of the fit.  This code is pure.
 */
#pragma once

#include "engine/control.h"
#include "estimate/fit.h"

/* The guest and the link. */
typedef struct _convergeForecastInput convergeForecastInput;
struct _convergeForecastInput {
    double memory;      /* of the guest, bytes */
    convergeRange used; /* bytes of it in pages that are not zero */
    convergeSampledFit fit;
    double bandwidth;              /* bytes/s, the lesser of those of link and encryption */
    double compression;            /* memory that each byte on the wire stands for; 0: 1 */
    double compressRate;           /* most memory that is compressed, bytes/s; 0: any */
    convergeThrottleMethod method; /* for policies that do not name one; AUTO: QEMU's own */
    gint64 pauseMostMs;            /* limit on the downtime in addition to that of the policy;
                                    * 0: only the policy's */
};

/* How a migration under a policy would end; later values are worse. */
typedef enum {
    CONVERGE_END_LIMITS, /* completes within the downtime limit */
    CONVERGE_END_PAUSE,  /* completes with a longer downtime */
    CONVERGE_END_POSTCOPY,
    CONVERGE_END_ABORT,
    CONVERGE_END_NEVER,
    CONVERGE_END_LAST
} convergeEnd;

const char *convergeEndName(convergeEnd end);

typedef struct _convergeForecast convergeForecast;
struct _convergeForecast {
    const char *text;          /* the policy, as the caller gave it; borrowed */
    convergeEnd end;           /* for the likeliest guest */
    convergeEnd worst;         /* the worst for any guest */
    gboolean completes;        /* .end completes; the ranges then cover the guests for which
                                * the migration completes */
    convergeRange totalMs;     /* from the first byte sent until the guest runs at the
                                * destination, or with post-copy to the last byte */
    convergeRange pauseMs;     /* downtime */
    convergeRange lostMs;      /* guest milliseconds lost */
    convergeRange sentBytes;   /* over the link */
    double switchMs;           /* until the likeliest guest runs at the destination */
    unsigned int peakThrottle; /* %, for the likeliest guest */
};

typedef struct _convergeForecasts convergeForecasts;
struct _convergeForecasts {
    convergeClass class_;                /* of the likeliest guest */
    gboolean mayBe[CONVERGE_CLASS_LAST]; /* classes of all guests */
    GArray *policies;                    /* of convergeForecast, in the caller's order */
    int recommended;                     /* index of the best policy; -1: no policy completes */
    int cheaper;                         /* index of one that costs the guest less, but beyond its
                                          * limits; -1: none */
};

/* A policy to forecast; borrowed, the text until the forecasts are freed. */
typedef struct _convergeForecastPolicy convergeForecastPolicy;
struct _convergeForecastPolicy {
    const char *text;
    const convergePolicy *policy;
};

/* Forecasts @n policies.
 *
 * @free, @throttled: the same policy without and with throttle, which determine the class; NULL: nobody
 * asks for the class */
convergeForecasts *convergeForecastsNew(const convergeForecastInput *input,
                                        const convergePolicy *free,
                                        const convergePolicy *throttled,
                                        const convergeForecastPolicy *policies,
                                        gsize n);
void convergeForecastsFree(convergeForecasts *forecasts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeForecasts, convergeForecastsFree)
