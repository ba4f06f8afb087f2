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

static const struct {
    const char *name;
    figureValue value;
    unsigned int what;
    double least, most;
} figures[] = {
    { "never ends where stock does, % of worlds", faulty, ADVERSARY_NEVER_ENDS, 0, 0 },
    { "guest seconds lost worse, % of worlds", faulty, ADVERSARY_LOST_WORSE, 0, 0.5 },
    { "total time worse, % of worlds", faulty, ADVERSARY_TOTAL_WORSE, 0, 0.5 },
    { "pause over the limit, % of worlds", faulty, ADVERSARY_PAUSE_OVER, 0, 1 },
    { "lost / stock's, median", median, ADVERSARY_LOST_RATIO, 0, 0.45 },
    { "lost / stock's, p99", almostWorst, ADVERSARY_LOST_RATIO, 0, 1.2 },
    { "time left within the stated interval, %", covered, ADVERSARY_REMAINING, 86, 94 },
    { "pause within the stated interval, %", covered, ADVERSARY_PAUSE, 86, 94 },
    { "lost within the stated interval, %", covered, ADVERSARY_LOST, 86, 94 },
};

unsigned int
adversaryFiguresCheck(FILE *file,
                      const GArray *rows)
{
    g_autoptr(GPtrArray) contenders = adversaryReportContenders(rows);
    unsigned int missed = 0;
    guint i;
    gsize f;

    for (i = 0; i < contenders->len; i++) {
        const char *contender = g_ptr_array_index(contenders, i);

        /* What other software does needs no limits. */
        if (convergeMethodFind(contender))
            continue;
        for (f = 0; f < G_N_ELEMENTS(figures); f++) {
            double value = figures[f].value(rows, contender, figures[f].what);
            gboolean kept = isnan(value) || (value >= figures[f].least && value <= figures[f].most);

            fprintf(file, "%-6s %-11s %-42s %8.2f  (%g to %g)\n", kept ? "kept" : "MISSED", contender,
                    figures[f].name, value, figures[f].least, figures[f].most);
            missed += kept ? 0 : 1;
        }
    }
    return missed;
}
