/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h: prints a forecast as text and as JSON
 */
#pragma once

#include "estimate/forecast.h"
#include "estimate/measure.h"
#include "estimate/transport_choice.h"

/* What is known of the transports; borrowed. */
typedef struct _convergeReportTransports convergeReportTransports;
struct _convergeReportTransports {
    const convergeTransportInput *input;
    const convergeTransportChoice *choice;
    const char *unsampled; /* why the guest's memory was not sampled; NULL: it was */
};

/* Everything that a report is made of; borrowed. */
typedef struct _convergeReport convergeReport;
struct _convergeReport {
    const char *domain;
    const convergeMeasured *measured;
    const convergeForecastInput *input;
    double link; /* bytes/s */
    convergeLinkSource source;
    const char *cipher;    /* NULL: the migration will not be encrypted */
    double encrypted;      /* encryption speed of this machine, bytes/s */
    const char *elsewhere; /* the host that runs the guest; NULL: this machine */
    const convergeForecasts *forecasts;
    const convergeReportTransports *transports; /* NULL: they are not shown */
};

/* The report as text or as JSON, with a final newline.  Free with g_free(). */
char *convergeReportText(const convergeReport *report);
char *convergeReportJSON(const convergeReport *report);
