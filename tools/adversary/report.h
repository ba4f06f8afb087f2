/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h: where this program is worse than stock QEMU, counted
 */
#pragma once

#include <stdio.h>

#include "adversary/run.h"

/* A way in which a run can be worse than stock's. */
typedef enum {
    ADVERSARY_NEVER_ENDS,  /* stock does */
    ADVERSARY_LOST_WORSE,  /* by more than 10 % and a second */
    ADVERSARY_TOTAL_WORSE, /* by more than 10 % and a second */
    ADVERSARY_PAUSE_OVER,  /* by more than a millisecond over the limit; completed */
    ADVERSARY_FAULT_LAST
} adversaryFault;

const char *adversaryFaultName(adversaryFault fault);

gboolean adversaryRowHas(const adversaryRow *row, adversaryFault fault);

/* Writes the header line and @rows (adversaryRow) as CSV. */
void adversaryReportCsv(FILE *file, const GArray *rows);

/* Prints counts, shares, quantiles and the worst seeds of each fault.
 *
 * @worst: how many of the worst are named */
void adversaryReportPrint(FILE *file, const GArray *rows, guint worst);

/* The value below which a @share (0..1) of @values (double, sorted here) lies; NAN: none. */
double adversaryQuantile(GArray *values, double share);
