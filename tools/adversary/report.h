/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h: where a contender is worse than stock QEMU, counted
 */
#pragma once

#include <stdio.h>

#include "adversary/run.h"

/* A way in which a run can be worse than stock's. */
typedef enum {
    ADVERSARY_NEVER_ENDS,  /* stock does */
    ADVERSARY_LOST_WORSE,  /* by more than 10 % and a second */
    ADVERSARY_TOTAL_WORSE, /* by more than 10 % and a second; both complete */
    ADVERSARY_PAUSE_OVER,  /* by more than a millisecond over the limit; it completed */
    ADVERSARY_FAULT_LAST
} adversaryFault;

const char *adversaryFaultName(adversaryFault fault);

/* The fault of that name; ADVERSARY_FAULT_LAST: there is none. */
adversaryFault adversaryFaultFind(const char *name);

/* An end that stock does not reach is worth any price: lost and total are not worse then. */
gboolean adversaryRowHas(const adversaryRow *row, adversaryFault fault);

/* Number of rows of @contender in worlds of @kind (NULL: all) that have @fault;
 * ADVERSARY_FAULT_LAST: of all rows. */
guint adversaryReportCount(const GArray *rows, const char *contender, const char *kind,
                           adversaryFault fault);

/* A number that some rows have, such as a ratio to stock. */
typedef enum {
    ADVERSARY_LOST_RATIO,           /* ours / stock, where both complete */
    ADVERSARY_LOST_RATIO_THROTTLED, /* the same, where stock throttles */
    ADVERSARY_TOTAL_RATIO,          /* ours / stock, where both complete */
    ADVERSARY_HELD_SECONDS,         /* held without an end */
    ADVERSARY_PAUSE_SHARE,          /* pause / limit, where ours throttles and completes */
    ADVERSARY_BEST_LOST,            /* lost, ours / the best constant throttle's */
    ADVERSARY_BEST_TOTAL,           /* the same of the total time */
    ADVERSARY_NUMBER_LAST
} adversaryNumber;

/* The value below which a @share (0..1) of the numbers of @contender lies; NAN: none has one.
 *
 * @n: set to how many rows have the number; may be NULL */
double adversaryReportQuantile(const GArray *rows, const char *contender, const char *kind,
                               adversaryNumber number, double share, guint *n);

/* Share of the predictions of @quantity that came true, 0..1, and of those above the interval.
 * Each migration counts the same.  A prediction without an interval has not come true.  NAN:
 * nothing was predicted. */
double adversaryReportInside(const GArray *rows, const char *contender, adversaryQuantity quantity,
                             double *above);

/* Names of the contenders in @rows (const char *, interned), in the order of appearance. */
GPtrArray *adversaryReportContenders(const GArray *rows);

/* Prints counts, shares, quantiles and the worst seeds of each fault.
 *
 * @worst: how many of the worst are named */
void adversaryReportPrint(FILE *file, const GArray *rows, guint worst);
