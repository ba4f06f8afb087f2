/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * range.h: a number, and the range in which it lies
 */
#pragma once

typedef struct _convergeRange convergeRange;
struct _convergeRange {
    double value, low, high;
};
