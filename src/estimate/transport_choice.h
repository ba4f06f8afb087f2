/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_choice.h: predicts what each transport would do to a migration, and chooses
 *
 * To the forecast a transport is the ratio of its compression, and what the threads of both hosts do, see
 * transport_speed.h.  A transport that takes more of the hosts is chosen only if it is still better when everything that was
 * measured is at the worse end of its range.
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

/* Why the chosen one is chosen. */
typedef enum {
    CONVERGE_CHOICE_ALONE,     /* no other can be used and predicted */
    CONVERGE_CHOICE_NO_GAIN,   /* plain: no other is better by more than the error */
    CONVERGE_CHOICE_SHORTER,   /* it is better */
    CONVERGE_CHOICE_COMPLETES, /* it has a better end */
    CONVERGE_CHOICE_LAST
} convergeChoiceReason;

typedef struct _convergeTransportChoice convergeTransportChoice;
struct _convergeTransportChoice {
    convergeTransportForecast transports[CONVERGE_TRANSPORT_LAST]; /* that of AUTO is not predicted */
    convergeTransport chosen;
    convergeChoiceReason reason;
};

void convergeTransportChoose(const convergeTransportInput *input, convergeTransportChoice *choice);

/* The word for @reason in JSON. */
const char *convergeChoiceReasonName(convergeChoiceReason reason);
