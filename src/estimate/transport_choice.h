/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_choice.h: predicts what each transport would do to a migration
 *
 * To the forecast a transport is the ratio of its compression, and what the threads of both hosts do, see
 * transport_speed.h, which chooses.
 *
 * This code is pure.
 */
#pragma once

#include "estimate/forecast.h"
#include "transport/transport_speed.h"

typedef struct _convergeTransportInput convergeTransportInput;
struct _convergeTransportInput {
    const convergeForecastInput *guest; /* without the bandwidth and what follows from it */
    const char *text;                   /* of .hosts.policy */
    convergeTransportHosts hosts;
};

typedef struct _convergeTransportForecast convergeTransportForecast;
struct _convergeTransportForecast {
    gboolean predicted; /* FALSE: the rest is not known */
    unsigned int streams;
    convergeRange bandwidth;               /* bytes of memory a second */
    convergeForecast course;               /* its ranges have the error of the bandwidth as well */
    convergeRange cpu[CONVERGE_SIDE_LAST]; /* seconds of processor time to send or receive memory */
};

typedef struct _convergeTransportChoice convergeTransportChoice;
struct _convergeTransportChoice {
    convergeTransportForecast transports[CONVERGE_TRANSPORT_LAST]; /* that of AUTO is not predicted */
    convergeTransport chosen;
    convergeTransportSpeeds speeds, plain; /* see convergeTransportFastest() */
};

void convergeTransportChoose(const convergeTransportInput *input, convergeTransportChoice *choice);
