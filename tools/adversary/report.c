/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.c: counts, quantiles and coverage
 */
#include <math.h>

#include "adversary/report.h"

/* Worse is more than this factor and this much. */
#define WORSE_FACTOR 1.1
#define WORSE_MS 1000

/* The pause is rounded. */
#define PAUSE_SLACK_MS 1

static const char *const faultNames[] = {
    [ADVERSARY_NEVER_ENDS] = "never-ends",
    [ADVERSARY_LOST_WORSE] = "lost-worse",
    [ADVERSARY_TOTAL_WORSE] = "total-worse",
    [ADVERSARY_PAUSE_OVER] = "pause-over",
};

const char *
adversaryFaultName(adversaryFault fault)
{
    return faultNames[fault];
}

adversaryFault
adversaryFaultFind(const char *name)
{
    unsigned int fault;

    for (fault = 0; fault < ADVERSARY_FAULT_LAST && !g_str_equal(faultNames[fault], name); fault++)
        continue;
    return fault;
}

static gboolean
isWorse(double ours,
        double stock)
{
    return ours > stock * WORSE_FACTOR && ours > stock + WORSE_MS;
}

static gboolean
bothComplete(const adversaryRow *row)
{
    return row->ours.completed && row->stock.completed;
}

gboolean
adversaryRowHas(const adversaryRow *row,
                adversaryFault fault)
{
    switch (fault) {
    case ADVERSARY_NEVER_ENDS:
        return row->stock.completed && !row->ours.completed;
    case ADVERSARY_LOST_WORSE:
        return (row->stock.completed || !row->ours.completed) &&
            isWorse(row->ours.lostMs, row->stock.lostMs);
    case ADVERSARY_TOTAL_WORSE:
        return bothComplete(row) && isWorse((double)row->ours.totalMs, (double)row->stock.totalMs);
    case ADVERSARY_PAUSE_OVER:
        return row->ours.completed && row->ours.pauseMs > row->downtimeMs + PAUSE_SLACK_MS;
    case ADVERSARY_FAULT_LAST:
    default:
        return FALSE;
    }
}

static gboolean
counts(const adversaryRow *row,
       const char *contender,
       const char *kind)
{
    return g_str_equal(row->contender, contender) && (!kind || g_str_equal(row->kind, kind));
}

guint
adversaryReportCount(const GArray *rows,
                     const char *contender,
                     const char *kind,
                     adversaryFault fault)
{
    guint n = 0;
    guint i;

    for (i = 0; i < rows->len; i++) {
        const adversaryRow *row = &g_array_index(rows, adversaryRow, i);

        if (counts(row, contender, kind) && (fault == ADVERSARY_FAULT_LAST || adversaryRowHas(row, fault)))
            n++;
    }
    return n;
}

static gboolean
lostRatio(const adversaryRow *row,
          double *value)
{
    *value = row->ours.lostMs / MAX(row->stock.lostMs, 1);
    return bothComplete(row);
}

static gboolean
lostRatioThrottled(const adversaryRow *row,
                   double *value)
{
    return lostRatio(row, value) && row->stock.peak > 0;
}

static gboolean
totalRatio(const adversaryRow *row,
           double *value)
{
    *value = (double)row->ours.totalMs / (double)MAX(row->stock.totalMs, 1);
    return bothComplete(row);
}

static gboolean
heldSeconds(const adversaryRow *row,
            double *value)
{
    *value = (double)row->ours.heldMs / 1000;
    return !row->ours.completed;
}

static gboolean
pauseShare(const adversaryRow *row,
           double *value)
{
    *value = (double)row->ours.pauseMs / (double)MAX(row->downtimeMs, 1);
    return row->ours.completed && row->ours.peak > 0;
}

static gboolean
bestLost(const adversaryRow *row,
         double *value)
{
    *value = row->ours.lostMs / MAX(row->best.lostMs, 1);
    return row->ours.completed && row->best.converges;
}

static gboolean
bestTotal(const adversaryRow *row,
          double *value)
{
    *value = (double)row->ours.totalMs / (double)MAX(row->best.totalMs, 1);
    return row->ours.completed && row->best.converges;
}

/* FALSE: the row does not have the number. */
static gboolean (*const numbers[])(const adversaryRow *row, double *value) = {
    [ADVERSARY_LOST_RATIO] = lostRatio,
    [ADVERSARY_LOST_RATIO_THROTTLED] = lostRatioThrottled,
    [ADVERSARY_TOTAL_RATIO] = totalRatio,
    [ADVERSARY_HELD_SECONDS] = heldSeconds,
    [ADVERSARY_PAUSE_SHARE] = pauseShare,
    [ADVERSARY_BEST_LOST] = bestLost,
    [ADVERSARY_BEST_TOTAL] = bestTotal,
};

static int
compareDoubles(gconstpointer a,
               gconstpointer b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double
adversaryReportQuantile(const GArray *rows,
                        const char *contender,
                        const char *kind,
                        adversaryNumber number,
                        double share,
                        guint *n)
{
    g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(double));
    double at, low, high;
    guint below;
    guint i;

    for (i = 0; i < rows->len; i++) {
        const adversaryRow *row = &g_array_index(rows, adversaryRow, i);
        double value;

        if (counts(row, contender, kind) && numbers[number](row, &value))
            g_array_append_val(values, value);
    }
    if (n)
        *n = values->len;
    if (values->len == 0)
        return NAN;

    g_array_sort(values, compareDoubles);
    at = share * (values->len - 1);
    below = MIN((guint)at, values->len - 1);
    low = g_array_index(values, double, below);
    high = g_array_index(values, double, MIN(below + 1, values->len - 1));
    return low + (at - below) * (high - low);
}

double
adversaryReportInside(const GArray *rows,
                      const char *contender,
                      adversaryQuantity quantity,
                      double *above)
{
    double inside = 0;
    guint n = 0;
    guint i;

    *above = 0;
    for (i = 0; i < rows->len; i++) {
        const adversaryRow *row = &g_array_index(rows, adversaryRow, i);
        const adversaryCoverage *coverage = &row->coverage[quantity];

        if (!counts(row, contender, NULL) || coverage->predictions == 0)
            continue;
        n++;
        inside += (double)coverage->inside / coverage->predictions;
        *above += (double)coverage->above / coverage->predictions;
    }
    *above /= n;
    return n > 0 ? inside / n : NAN;
}

GPtrArray *
adversaryReportContenders(const GArray *rows)
{
    GPtrArray *names = g_ptr_array_new();
    guint i;

    for (i = 0; i < rows->len; i++) {
        const char *name = g_array_index(rows, adversaryRow, i).contender;

        if (!g_ptr_array_find(names, name, NULL))
            g_ptr_array_add(names, (gpointer)name);
    }
    return names;
}
