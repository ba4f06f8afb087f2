/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transport_choice.h: predicts what each transport would do to a migration, and chooses
 *
 * To the forecast a transport is the ratio of its compression, and a bandwidth in bytes of memory a second:
 * what the link carries times that ratio, or what the threads of either host can send, encrypt and compress,
 * if that is less.  A transport that takes more of the hosts is chosen only if it is still better when everything that was
 * measured is at the worse end of its range.
 *
 * This code is pure.
 */
#pragma once

#include "estimate/forecast.h"
#include "transport/page_sample.h"
#include "transport/transport.h"

typedef struct _convergeTransportInput convergeTransportInput;
struct _convergeTransportInput {
    const convergeForecastInput *guest; /* without the bandwidth and what follows from it */
    convergeForecastPolicy policy;      /* with the fields for streams, level and processors */
    const convergePageSample *sample;   /* NULL: what compression does is not known */
    double link;                        /* bytes/s on the wire */
    double encryption;                  /* of one thread, bytes/s; 0: the migration is not encrypted */
    double freeCpus[CONVERGE_SIDE_LAST];
    gboolean cpusKnown[CONVERGE_SIDE_LAST];        /* FALSE: there are as many free as the policy allows */
    const char *refusals[CONVERGE_TRANSPORT_LAST]; /* borrowed; NULL: can be used */
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
