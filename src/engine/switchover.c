/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * switchover.c: what a switchover costs besides sending memory
 */
#include <math.h>

#include "engine/switchover.h"
#include "util/number.h"

/* QEMU sends no more than its limit allows, by its own measure of the link.  This much more is never
 * an error of that measure. */
#define FACTOR_MOST 2
#define SLACK_MS 1000

/* From so many on, one may have been an accident. */
#define OUTLIER_COUNT 5

gint64
convergeSwitchoverOverhead(const convergeSwitchover *switchover)
{
    double limit = (double)switchover->limitMs;
    double sending;

    if (switchover->limitMs <= 0 || switchover->downtimeMs <= 0 || switchover->bandwidth <= 0)
        return -1;

    sending = (double)switchover->sentBytes * 1000 / switchover->bandwidth;
    if (sending > FACTOR_MOST * limit + SLACK_MS)
        return -1;
    return CLAMP(convergeRound((double)switchover->downtimeMs - MIN(sending, limit)), 0,
                 CONVERGE_OVERHEAD_MOST_MS);
}

gint64
convergeSwitchoverExpect(const gint64 *overheads,
                         gsize n)
{
    gint64 highest = 0;
    gint64 second = 0;
    gsize i;

    for (i = 0; i < n; i++) {
        second = MAX(second, MIN(highest, overheads[i]));
        highest = MAX(highest, overheads[i]);
    }
    return n >= OUTLIER_COUNT ? second : highest;
}
