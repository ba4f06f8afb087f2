/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * number.h: numbers that may be anything, made whole
 *
 * To convert a double that does not fit is undefined in C.  May be called from any thread.
 */
#pragma once

#include <glib.h>
#include <math.h>

/* Beyond these, nothing is believed that others tell of bytes or bytes/s, and of counts or
 * milliseconds: two of the former can be added in a guint64, hundreds of the latter in a
 * gint64. */
#define CONVERGE_BYTES_MOST (G_GUINT64_CONSTANT(1) << 62)
#define CONVERGE_COUNT_MOST (G_GINT64_CONSTANT(1) << 53)

/* Returns @value rounded to the nearest whole number, halves to the even one; what does not
 * fit becomes G_MININT64 or G_MAXINT64, and NaN 0. */
static inline gint64
convergeRound(double value)
{
    const double end = 9223372036854775808.0;   /* 2^63, the first that does not fit */

    if (isnan(value))
        return 0;
    if (value >= end)
        return G_MAXINT64;
    if (value < -end)
        return G_MININT64;
    return llrint(value);
}
