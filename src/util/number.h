/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * number.h: safe conversion of untrusted numbers
 *
 * In C, converting a double that does not fit an integer is undefined.  May be called from
 * any thread.
 */
#pragma once

#include <glib.h>
#include <math.h>

/* The largest values that are accepted from outside, for bytes or bytes/s, and for counts or
 * milliseconds.  The sum of two of the former fits a guint64, that of hundreds of the latter
 * a gint64. */
#define CONVERGE_BYTES_MOST (G_GUINT64_CONSTANT(1) << 62)
#define CONVERGE_COUNT_MOST (G_GINT64_CONSTANT(1) << 53)

/* Returns @value rounded to the nearest whole number, halves to the even one.  A value that
 * does not fit becomes G_MININT64 or G_MAXINT64, and NaN becomes 0. */
static inline gint64
convergeRound(double value)
{
    const double end = 9223372036854775808.0; /* 2^63, the first that does not fit */

    if (isnan(value))
        return 0;
    if (value >= end)
        return G_MAXINT64;
    if (value < -end)
        return G_MININT64;
    return llrint(value);
}
