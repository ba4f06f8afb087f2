/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures.c: the table of figures
 */
#include <math.h>

#include "adversary/figures.h"

typedef double (*figureValue)(const GArray *rows, const char *contender, unsigned int what);

/* The share of worlds with the fault, %. */
static double
faulty(const GArray *rows,
       const char *contender,
       unsigned int fault)
{
    return 100.0 * adversaryReportCount(rows, contender, NULL, fault) /
        adversaryReportCount(rows, contender, NULL, ADVERSARY_FAULT_LAST);
}

static double
median(const GArray *rows,
       const char *contender,
       unsigned int number)
{
    return adversaryReportQuantile(rows, contender, NULL, number, 0.5, NULL);
}

static double
almostWorst(const GArray *rows,
            const char *contender,
            unsigned int number)
{
    return adversaryReportQuantile(rows, contender, NULL, number, 0.99, NULL);
}

/* The share of predictions that came true, %. */
static double
covered(const GArray *rows,
        const char *contender,
        unsigned int quantity)
{
    double above;

    return 100 * adversaryReportInside(rows, contender, quantity, &above);
}

typedef struct _figureRange figureRange;
struct _figureRange {
    double least, most;
};

/* @goal is what is wanted; it never changes because it is missed.
 * @held is what is reached today, with a little room for other worlds.  It is a ratchet: tests fail
 * outside of it.  It may only move towards the goal: whoever improves a figure moves it. */
static const struct {
    const char *name;
    figureValue value;
    unsigned int what;
    figureRange goal, held;
} figures[] = {
    { "never ends where stock does, % of worlds", faulty, ADVERSARY_NEVER_ENDS, { 0, 0 }, { 0, 1 } },
    { "guest seconds lost worse, % of worlds", faulty, ADVERSARY_LOST_WORSE, { 0, 0.5 }, { 0, 3.5 } },
    { "total time worse, % of worlds", faulty, ADVERSARY_TOTAL_WORSE, { 0, 0.5 }, { 0, 1 } },
    { "pause over the limit, % of worlds", faulty, ADVERSARY_PAUSE_OVER, { 0, 1 }, { 0, 5 } },
    { "lost / stock's, median", median, ADVERSARY_LOST_RATIO, { 0, 0.45 }, { 0, 0.5 } },
    { "lost / stock's, p99", almostWorst, ADVERSARY_LOST_RATIO, { 0, 1.2 }, { 0, 7 } },
    { "time left within the stated interval, %", covered, ADVERSARY_REMAINING, { 86, 94 }, { 84, 96 } },
    { "pause within the stated interval, %", covered, ADVERSARY_PAUSE, { 86, 94 }, { 84, 96 } },
    { "lost within the stated interval, %", covered, ADVERSARY_LOST, { 86, 94 }, { 84, 96 } },
};

/* A figure that no row has is within every range. */
static gboolean
isWithin(double value,
         const figureRange *range)
{
    return isnan(value) || (value >= range->least && value <= range->most);
}

/* Figures as the tables show them: "0.5", "86 to 94". */
static char *
rangeText(const figureRange *range)
{
    return range->least > 0 ? g_strdup_printf("%g to %g", range->least, range->most) :
                              g_strdup_printf("%g", range->most);
}

unsigned int
adversaryFiguresPrint(FILE *file,
                      const GArray *rows)
{
    g_autoptr(GPtrArray) contenders = adversaryReportContenders(rows);
    unsigned int missed = 0, worse = 0;
    gboolean begun = FALSE;
    guint i;
    gsize f;

    for (i = 0; i < contenders->len; i++) {
        const char *contender = g_ptr_array_index(contenders, i);

        /* What other software does needs no limits. */
        if (convergeMethodFind(contender))
            continue;
        if (!begun)
            fprintf(file, "%-6s %-11s %-42s %8s  %-9s %s\n", "", "", "figure", "now", "goal", "held");
        begun = TRUE;
        for (f = 0; f < G_N_ELEMENTS(figures); f++) {
            double value = figures[f].value(rows, contender, figures[f].what);
            gboolean reached = isWithin(value, &figures[f].goal);
            gboolean held = reached || isWithin(value, &figures[f].held);
            g_autofree char *goalText = rangeText(&figures[f].goal);
            g_autofree char *heldText = rangeText(&figures[f].held);

            fprintf(file, "%-6s %-11s %-42s %8.2f  %-9s %s\n", reached ? "kept" : held ? "missed" :
                                                                                         "WORSE",
                    contender, figures[f].name, value, goalText, heldText);
            missed += reached ? 0 : 1;
            worse += held ? 0 : 1;
        }
    }
    if (begun)
        fprintf(file, "%u goals are missed; %u figures are worse than what is held\n", missed, worse);
    return worse;
}
