/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report_print.c: prints the report
 */
#include "adversary/report.h"

static const char *const numberTexts[ADVERSARY_NUMBER_LAST] = {
    [ADVERSARY_LOST_RATIO] = "lost / stock's, both complete",
    [ADVERSARY_LOST_RATIO_THROTTLED] = "the same, where stock throttles",
    [ADVERSARY_TOTAL_RATIO] = "total / stock's, both complete",
    [ADVERSARY_HELD_SECONDS] = "held at >= 90 % without an end, s",
    [ADVERSARY_PAUSE_SHARE] = "pause / limit, where throttled",
    [ADVERSARY_BEST_LOST] = "lost / best constant throttle's",
    [ADVERSARY_BEST_TOTAL] = "total / best constant throttle's",
};

/* Added to both sides of a ratio, so that the worst are not those with next to nothing. */
#define SLACK_MS 1000.0

/* By how much the row has the fault, to sort by. */
static double
badness(const adversaryRow *row,
        adversaryFault fault)
{
    switch (fault) {
    case ADVERSARY_TOTAL_WORSE:
        return ((double)row->ours.totalMs + SLACK_MS) / ((double)row->stock.totalMs + SLACK_MS);
    case ADVERSARY_PAUSE_OVER:
        return (double)row->ours.pauseMs / (double)row->downtimeMs;
    case ADVERSARY_NEVER_ENDS:
    case ADVERSARY_LOST_WORSE:
    case ADVERSARY_FAULT_LAST:
    default:
        return (row->ours.lostMs + SLACK_MS) / (row->stock.lostMs + SLACK_MS);
    }
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

/* One line: faults, and the median of lost. */
static void
printKind(FILE *file,
          const GArray *rows,
          const char *contender,
          const char *kind)
{
    guint all = adversaryReportCount(rows, contender, kind, ADVERSARY_FAULT_LAST);
    unsigned int fault;

    if (all == 0)
        return;
    fprintf(file, "  %-12s %6u", kind ? kind : "all", all);
    for (fault = 0; fault < ADVERSARY_FAULT_LAST; fault++) {
        guint n = adversaryReportCount(rows, contender, kind, fault);

        fprintf(file, " %5u %5.2f%%", n, 100.0 * n / all);
    }
    fprintf(file, "  %8.2f\n",
            adversaryReportQuantile(rows, contender, kind, ADVERSARY_LOST_RATIO_THROTTLED, 0.5, NULL));
}

static void
printNumbers(FILE *file,
             const GArray *rows,
             const char *contender)
{
    static const double shares[] = { 0.5, 0.9, 0.99, 1 };
    unsigned int number;
    gsize i;

    fprintf(file, "  %-36s %6s %9s %9s %9s %9s\n", "", "of", "median", "p90", "p99", "max");
    for (number = 0; number < ADVERSARY_NUMBER_LAST; number++) {
        guint n;

        adversaryReportQuantile(rows, contender, NULL, number, 0, &n);
        if (n == 0)
            continue;
        fprintf(file, "  %-36s %6u", numberTexts[number], n);
        for (i = 0; i < G_N_ELEMENTS(shares); i++)
            fprintf(file, " %9.3f", adversaryReportQuantile(rows, contender, NULL, number, shares[i], NULL));
        fputc('\n', file);
    }
}

static void
printCoverage(FILE *file,
              const GArray *rows,
              const char *contender)
{
    unsigned int q;
    guint i;

    for (q = 0; q < ADVERSARY_QUANTITY_LAST; q++) {
        guint predictions = 0, stated = 0;
        double above;
        double inside = adversaryReportInside(rows, contender, q, &above);

        for (i = 0; i < rows->len; i++) {
            const adversaryRow *row = &g_array_index(rows, adversaryRow, i);

            if (g_str_equal(row->contender, contender)) {
                predictions += row->coverage[q].predictions;
                stated += row->coverage[q].stated;
            }
        }
        if (predictions > 0)
            fprintf(file, "  predicted %-9s %7u times, with an interval %5.1f %%; it came true in %5.1f %%, more came in %5.1f %%\n",
                    adversaryQuantityName(q), predictions, 100.0 * stated / predictions, 100 * inside, 100 * above);
    }
}

static void
printWorst(FILE *file,
           const GArray *rows,
           const char *contender,
           adversaryFault fault,
           guint worst)
{
    g_autoptr(GPtrArray) bad = g_ptr_array_new();
    guint i;

    for (i = 0; i < rows->len; i++) {
        adversaryRow *row = &g_array_index(rows, adversaryRow, i);

        if (g_str_equal(row->contender, contender) && adversaryRowHas(row, fault))
            g_ptr_array_add(bad, row);
    }
    if (bad->len == 0)
        return;
    g_ptr_array_sort_with_data(bad, compareBad, GUINT_TO_POINTER(fault));

    fprintf(file, "  %s, worst of %u: stock: total s, lost s, peak | ours: total s, lost s, peak, held s, pause of limit ms (+: no end)\n",
            adversaryFaultName(fault), bad->len);
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
printContender(FILE *file,
               const GArray *rows,
               const char *contender,
               guint worst)
{
    guint ours = 0, stock = 0;
    unsigned int fault;
    gsize i;

    for (i = 0; i < rows->len; i++) {
        const adversaryRow *row = &g_array_index(rows, adversaryRow, i);

        if (g_str_equal(row->contender, contender)) {
            ours += row->ours.completed ? 1 : 0;
            stock += row->stock.completed ? 1 : 0;
        }
    }
    fprintf(file, "%s: %u complete, stock %u\n", contender, ours, stock);

    fprintf(file, "  %-12s %6s %12s %12s %12s %12s  %8s\n", "kind", "worlds", "never ends", "lost worse",
            "total worse", "pause over", "lost 50%");
    printKind(file, rows, contender, NULL);
    for (i = 0; i < adversaryKindCount; i++)
        printKind(file, rows, contender, adversaryKinds[i].name);
    printNumbers(file, rows, contender);
    printCoverage(file, rows, contender);
    for (fault = 0; fault < ADVERSARY_FAULT_LAST && worst > 0; fault++)
        printWorst(file, rows, contender, fault, worst);
    fputc('\n', file);
}

void
adversaryReportPrint(FILE *file,
                     const GArray *rows,
                     guint worst)
{
    g_autoptr(GPtrArray) contenders = adversaryReportContenders(rows);
    guint i;

    for (i = 0; i < contenders->len; i++)
        printContender(file, rows, g_ptr_array_index(contenders, i), worst);
}
