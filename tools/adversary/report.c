/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.c: counts, quantiles and the worst seeds
 */
#include <math.h>

#include "adversary/report.h"

/* Worse is more than this factor and this much. */
#define WORSE_FACTOR 1.1
#define WORSE_MS 1000

/* Rounding and the plant's grid. */
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

static gboolean
isWorse(double ours,
        double stock)
{
    return ours > stock * WORSE_FACTOR && ours > stock + WORSE_MS;
}

gboolean
adversaryRowHas(const adversaryRow *row,
                adversaryFault fault)
{
    /* An end that stock does not reach is worth any price. */
    gboolean gained = row->ours.completed && !row->stock.completed;

    switch (fault) {
    case ADVERSARY_NEVER_ENDS:
        return row->stock.completed && !row->ours.completed;
    case ADVERSARY_LOST_WORSE:
        return !gained && isWorse(row->ours.lostMs, row->stock.lostMs);
    case ADVERSARY_TOTAL_WORSE:
        return row->stock.completed && isWorse((double)row->ours.totalMs, (double)row->stock.totalMs);
    case ADVERSARY_PAUSE_OVER:
        return row->ours.completed && row->ours.pauseMs > row->downtimeMs + PAUSE_SLACK_MS;
    case ADVERSARY_FAULT_LAST:
    default:
        return FALSE;
    }
}

/* By how much the row has the fault, to sort by. */
static double
badness(const adversaryRow *row,
        adversaryFault fault)
{
    switch (fault) {
    case ADVERSARY_TOTAL_WORSE:
        return (double)(row->ours.totalMs + WORSE_MS) / (double)(row->stock.totalMs + WORSE_MS);
    case ADVERSARY_PAUSE_OVER:
        return (double)row->ours.pauseMs / (double)row->downtimeMs;
    case ADVERSARY_NEVER_ENDS:
    case ADVERSARY_LOST_WORSE:
    case ADVERSARY_FAULT_LAST:
    default:
        return (row->ours.lostMs + WORSE_MS) / (row->stock.lostMs + WORSE_MS);
    }
}

static void
csvOutcome(FILE *file,
           const adversaryOutcome *outcome)
{
    fprintf(file, ",%d,%" G_GINT64_FORMAT ",%.0f,%" G_GINT64_FORMAT ",%u,%" G_GINT64_FORMAT,
            outcome->completed, outcome->totalMs, outcome->lostMs, outcome->pauseMs, outcome->peak,
            outcome->heldMs);
}

void
adversaryReportCsv(FILE *file,
                   const GArray *rows)
{
    guint i;

    fprintf(file, "seed,kind,traits,throttle,limit_ms,give_up_ms,bulk_ms"
                  ",stock_completed,stock_total_ms,stock_lost_ms,stock_pause_ms,stock_peak,stock_held_ms"
                  ",ours_completed,ours_total_ms,ours_lost_ms,ours_pause_ms,ours_peak,ours_held_ms\n");
    for (i = 0; i < rows->len; i++) {
        const adversaryRow *row = &g_array_index(rows, adversaryRow, i);

        fprintf(file, "%" G_GUINT64_FORMAT ",%s,%s,%s,%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT ",%.0f",
                row->seed, row->kind, row->traits, adversaryThrottleName(row->throttle), row->downtimeMs,
                row->giveUpMs, row->bulkMs);
        csvOutcome(file, &row->stock);
        csvOutcome(file, &row->ours);
        fputc('\n', file);
    }
}

static int
compareDoubles(gconstpointer a,
               gconstpointer b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double
adversaryQuantile(GArray *values,
                  double share)
{
    double at;
    guint below;

    if (values->len == 0)
        return NAN;
    g_array_sort(values, compareDoubles);
    at = share * (values->len - 1);
    below = MIN((guint)at, values->len - 1);
    if (below + 1 == values->len)
        return g_array_index(values, double, below);
    return g_array_index(values, double, below) +
        (at - below) * (g_array_index(values, double, below + 1) - g_array_index(values, double, below));
}

/* A quantity that some rows have.  FALSE: this one does not. */
typedef gboolean (*rowQuantity)(const adversaryRow *row, double *value);

static gboolean
lostRatio(const adversaryRow *row,
          double *value)
{
    *value = row->ours.lostMs / MAX(row->stock.lostMs, 1);
    return row->ours.completed && row->stock.completed;
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
    return row->ours.completed && row->stock.completed;
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
    *value = (double)row->ours.pauseMs / (double)row->downtimeMs;
    return row->ours.completed && row->ours.peak > 0;
}

static const struct {
    const char *name;
    rowQuantity quantity;
} quantities[] = {
    { "lost, ours / stock, both complete", lostRatio },
    { "the same, where stock throttles", lostRatioThrottled },
    { "total, ours / stock, both complete", totalRatio },
    { "held at >= 90 % without an end, s", heldSeconds },
    { "pause / limit, where throttled", pauseShare },
};

static gboolean
counts(const adversaryRow *row,
       adversaryThrottle throttle,
       const char *kind)
{
    return row->throttle == throttle && (!kind || g_str_equal(row->kind, kind));
}

static GArray *
collect(const GArray *rows,
        adversaryThrottle throttle,
        const char *kind,
        rowQuantity quantity)
{
    GArray *values = g_array_new(FALSE, FALSE, sizeof(double));
    guint i;

    for (i = 0; i < rows->len; i++) {
        const adversaryRow *row = &g_array_index(rows, adversaryRow, i);
        double value;

        if (counts(row, throttle, kind) && quantity(row, &value))
            g_array_append_val(values, value);
    }
    return values;
}

static guint
count(const GArray *rows,
      adversaryThrottle throttle,
      const char *kind,
      adversaryFault fault)
{
    guint n = 0;
    guint i;

    for (i = 0; i < rows->len; i++) {
        const adversaryRow *row = &g_array_index(rows, adversaryRow, i);

        /* ADVERSARY_FAULT_LAST counts all. */
        if (counts(row, throttle, kind) && (fault == ADVERSARY_FAULT_LAST || adversaryRowHas(row, fault)))
            n++;
    }
    return n;
}

/* One line: faults and the median of lost, of all kinds or of one. */
static void
printLine(FILE *file,
          const GArray *rows,
          adversaryThrottle throttle,
          const char *kind)
{
    guint all = count(rows, throttle, kind, ADVERSARY_FAULT_LAST);
    g_autoptr(GArray) lost = collect(rows, throttle, kind, lostRatioThrottled);
    unsigned int fault;

    if (all == 0)
        return;
    fprintf(file, "  %-12s %6u", kind ? kind : "all", all);
    for (fault = 0; fault < ADVERSARY_FAULT_LAST; fault++) {
        guint n = count(rows, throttle, kind, fault);

        fprintf(file, " %5u %5.2f%%", n, 100.0 * n / all);
    }
    fprintf(file, "  %8.2f\n", adversaryQuantile(lost, 0.5));
}

static int
compareBad(gconstpointer a,
           gconstpointer b,
           gpointer fault)
{
    double x = badness(*(const adversaryRow *const *)a, GPOINTER_TO_UINT(fault));
    double y = badness(*(const adversaryRow *const *)b, GPOINTER_TO_UINT(fault));

    return (x < y) - (x > y);
}

static void
printWorst(FILE *file,
           const GArray *rows,
           adversaryThrottle throttle,
           adversaryFault fault,
           guint worst)
{
    g_autoptr(GPtrArray) bad = g_ptr_array_new();
    guint i;

    for (i = 0; i < rows->len; i++) {
        adversaryRow *row = &g_array_index(rows, adversaryRow, i);

        if (counts(row, throttle, NULL) && adversaryRowHas(row, fault))
            g_ptr_array_add(bad, row);
    }
    if (bad->len == 0)
        return;
    g_ptr_array_sort_with_data(bad, compareBad, GUINT_TO_POINTER(fault));

    fprintf(file, "  %s, worst of %u:   stock: total s, lost s, peak | ours: total s, lost s, peak, held s, pause of limit ms\n",
            faultNames[fault], bad->len);
    for (i = 0; i < MIN(bad->len, worst); i++) {
        const adversaryRow *row = g_ptr_array_index(bad, i);

        fprintf(file, "    %8" G_GUINT64_FORMAT " %-10s %9.1f%s %9.1f %3u | %9.1f%s %9.1f %3u %7.1f %5" G_GINT64_FORMAT " of %4" G_GINT64_FORMAT "  %s\n",
                row->seed, row->kind, (double)row->stock.totalMs / 1000, row->stock.completed ? " " : "+",
                row->stock.lostMs / 1000, row->stock.peak, (double)row->ours.totalMs / 1000,
                row->ours.completed ? " " : "+", row->ours.lostMs / 1000, row->ours.peak,
                (double)row->ours.heldMs / 1000, row->ours.pauseMs, row->downtimeMs, row->traits);
    }
}

static void
printThrottle(FILE *file,
              const GArray *rows,
              adversaryThrottle throttle,
              guint worst)
{
    guint completed = 0, stock = 0;
    unsigned int fault;
    gsize i;

    for (i = 0; i < rows->len; i++) {
        const adversaryRow *row = &g_array_index(rows, adversaryRow, i);

        completed += row->throttle == throttle && row->ours.completed;
        stock += row->throttle == throttle && row->stock.completed;
    }
    fprintf(file, "%s: %u completed, stock %u\n", adversaryThrottleName(throttle), completed, stock);

    fprintf(file, "  %-12s %6s %12s %12s %12s %12s  %8s\n", "kind", "worlds", "never ends", "lost worse",
            "total worse", "pause over", "lost 50%");
    printLine(file, rows, throttle, NULL);
    for (i = 0; i < adversaryKindCount; i++)
        printLine(file, rows, throttle, adversaryKinds[i].name);

    fprintf(file, "  %-36s %6s %9s %9s %9s %9s\n", "", "of", "median", "p90", "p99", "max");
    for (i = 0; i < G_N_ELEMENTS(quantities); i++) {
        g_autoptr(GArray) values = collect(rows, throttle, NULL, quantities[i].quantity);

        fprintf(file, "  %-36s %6u %9.3f %9.3f %9.3f %9.3f\n", quantities[i].name, values->len,
                adversaryQuantile(values, 0.5), adversaryQuantile(values, 0.9),
                adversaryQuantile(values, 0.99), adversaryQuantile(values, 1));
    }

    for (fault = 0; fault < ADVERSARY_FAULT_LAST && worst > 0; fault++)
        printWorst(file, rows, throttle, fault, worst);
    fputc('\n', file);
}

void
adversaryReportPrint(FILE *file,
                     const GArray *rows,
                     guint worst)
{
    unsigned int throttle;

    for (throttle = 0; throttle < ADVERSARY_THROTTLE_LAST; throttle++) {
        if (count(rows, throttle, NULL, ADVERSARY_FAULT_LAST) > 0)
            printThrottle(file, rows, throttle, worst);
    }
}
