/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h: a forecast for people and for programs
 */
#pragma once

#include "estimate/forecast.h"
#include "estimate/measure.h"

/* All that is known; borrowed. */
typedef struct _convergeReport convergeReport;
struct _convergeReport {
    const char *domain;
    const convergeMeasured *measured;
    const convergeForecastInput *input;
    double link;                /* bytes/s */
    convergeLinkSource source;
    const char *cipher;         /* NULL: the migration is not to be encrypted */
    double encrypted;           /* bytes/s that this machine encrypts */
    const char *elsewhere;      /* the host whose guest it is, NULL: this machine */
    const convergeForecasts *forecasts;
};

/* Both end with a newline.  Free with g_free(). */
char *convergeReportText(const convergeReport *report);
char *convergeReportJSON(const convergeReport *report);
