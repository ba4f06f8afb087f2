/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metrics.c: what the migrations of a host come to, as numbers for Prometheus
 */
#include <string.h>

#include "engine/status_table.h"
#include "metrics/metrics.h"

#define PREFIX "virt_converge_"
#define BUCKETS_MOST 12

/* What is not known. */
#define UNKNOWN (-1.0)

/* --- Histograms --- */

static double
toSeconds(gint64 ms)
{
    return ms < 0 ? UNKNOWN : ms / 1000.0;
}

static double
ratio(gint64 got,
      gint64 predicted)
{
    return got < 0 || predicted <= 0 ? UNKNOWN : (double)got / predicted;
}

static double
getDuration(const convergeHistoryEntry *entry)
{
    return toSeconds(entry->totalMs);
}

static double
getPause(const convergeHistoryEntry *entry)
{
    return toSeconds(entry->downtimeMs);
}

static double
getLost(const convergeHistoryEntry *entry)
{
    return toSeconds(entry->lostMs);
}

static double
getHeld(const convergeHistoryEntry *entry)
{
    return toSeconds(entry->heldMs);
}

static double
getPauseRatio(const convergeHistoryEntry *entry)
{
    return ratio(entry->downtimeMs, entry->downtimePredictedMs);
}

/* A plan that was not kept to its end says nothing of the time of a migration that failed. */
static double
getDurationRatio(const convergeHistoryEntry *entry)
{
    return convergeOutcomeIsFailure(entry->outcome) ? UNKNOWN : ratio(entry->totalMs, entry->planTotalMs.value);
}

/* A row is a histogram over all migrations and, if it is a time, a gauge for the last one. */
static const struct {
    const char *name;
    const char *help;
    gboolean last;
    double (*get)(const convergeHistoryEntry *entry);
    double bounds[BUCKETS_MOST]; /* rising; 0 after the last */
} histograms[] = {
    { "migration_duration_seconds", "Time from the first byte to the end of a migration, whatever its outcome", TRUE, getDuration, { 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600, 1800, 3600 } },
    { "migration_pause_seconds", "Time for which the guest stood still at the switchover, as libvirt reports it", TRUE, getPause, { 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30 } },
    { "migration_guest_lost_seconds", "Guest time lost to throttle and pause", TRUE, getLost, { 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300 } },
    { "migration_held_seconds", "Time for which a throttle of 90 % or more was in force", TRUE, getHeld, { 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300 } },
    { "migration_pause_prediction_ratio", "Pause, divided by what was predicted shortly before it", FALSE, getPauseRatio, { 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 4, 10 } },
    { "migration_duration_prediction_ratio", "Duration, divided by what the first plan predicted", FALSE, getDurationRatio, { 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 4, 10 } },
};

typedef struct _metricsHistogram metricsHistogram;
struct _metricsHistogram {
    guint64 counts[BUCKETS_MOST]; /* up to each bound, not cumulative */
    guint64 count;
    double sum;
    double last; /* UNKNOWN: of the last migration it is not known */
};

/* --- Outcomes --- */

/* Why a migration ended as it did: the last rung of the fallback, or that the policy stood aside. */
#define REASON_NONE 0
#define REASON_ASIDE 1
#define REASON_OTHER 2
#define REASON_RUNGS 3
static const char *const reasons[] = { "none", "stood-aside", "other", "post-copy", "suspend", "abort" };

struct _convergeMetrics {
    guint64 outcomes[CONVERGE_OUTCOME_LAST][G_N_ELEMENTS(reasons)];
    metricsHistogram histograms[G_N_ELEMENTS(histograms)];
    gint64 lastEndMs; /* UNKNOWN: none has ended */
    gint64 startMs;
};

convergeMetrics *
convergeMetricsNew(void)
{
    convergeMetrics *metrics = g_new0(convergeMetrics, 1);
    gsize i;

    metrics->startMs = g_get_real_time() / 1000;
    metrics->lastEndMs = CONVERGE_HISTORY_UNKNOWN;
    for (i = 0; i < G_N_ELEMENTS(histograms); i++)
        metrics->histograms[i].last = UNKNOWN;
    return metrics;
}

void
convergeMetricsFree(convergeMetrics *metrics)
{
    g_free(metrics);
}

static gsize
reasonOf(const convergeHistoryEntry *entry)
{
    gsize i;

    if (entry->trouble)
        return REASON_ASIDE;
    if (!entry->fallback)
        return REASON_NONE;
    for (i = REASON_RUNGS; i < G_N_ELEMENTS(reasons); i++) {
        if (g_str_equal(entry->fallback, reasons[i]))
            return i;
    }
    return REASON_OTHER;
}

static void
observe(metricsHistogram *histogram,
        const double *bounds,
        double value)
{
    gsize i;

    histogram->last = value;
    if (value < 0)
        return;
    histogram->count++;
    histogram->sum += value;
    for (i = 0; i < BUCKETS_MOST && bounds[i] > 0; i++) {
        if (value <= bounds[i]) {
            histogram->counts[i]++;
            return;
        }
    }
}

void
convergeMetricsCount(convergeMetrics *metrics,
                     const convergeHistoryEntry *entry)
{
    gsize i;

    metrics->outcomes[entry->outcome][reasonOf(entry)]++;
    metrics->lastEndMs = entry->endMs;
    for (i = 0; i < G_N_ELEMENTS(histograms); i++)
        observe(&metrics->histograms[i], histograms[i].bounds, histograms[i].get(entry));
}

/* --- The text --- */

static void
appendHead(GString *text,
           const char *name,
           const char *suffix,
           const char *help,
           const char *type)
{
    g_string_append_printf(text, "# HELP " PREFIX "%s%s %s\n# TYPE " PREFIX "%s%s %s\n", name, suffix, help, name, suffix, type);
}

/* Whatever the locale. */
static void
appendValue(GString *text,
            double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_printf(text, " %s\n", g_ascii_formatd(buffer, sizeof(buffer), "%.15g", value));
}

static void
appendGauge(GString *text,
            const char *name,
            const char *help,
            double value)
{
    if (value < 0)
        return;
    appendHead(text, name, "", help, "gauge");
    g_string_append_printf(text, PREFIX "%s", name);
    appendValue(text, value);
}

static void
appendOutcomes(GString *text,
               const convergeMetrics *metrics)
{
    gsize i, j;

    appendHead(text, "migrations", "_total", "Migrations that have ended, by outcome and last fallback", "counter");
    for (i = CONVERGE_OUTCOME_RUNNING + 1; i < CONVERGE_OUTCOME_LAST; i++) {
        for (j = 0; j < G_N_ELEMENTS(reasons); j++)
            g_string_append_printf(text, PREFIX "migrations_total{outcome=\"%s\",reason=\"%s\"} %" G_GUINT64_FORMAT "\n",
                                   convergeOutcomeName(i), reasons[j], metrics->outcomes[i][j]);
    }
}

static void
appendHistogram(GString *text,
                const char *name,
                const char *help,
                const double *bounds,
                const metricsHistogram *histogram)
{
    char bound[G_ASCII_DTOSTR_BUF_SIZE];
    guint64 sum = 0;
    gsize i;

    appendHead(text, name, "", help, "histogram");
    for (i = 0; i < BUCKETS_MOST && bounds[i] > 0; i++) {
        sum += histogram->counts[i];
        g_string_append_printf(text, PREFIX "%s_bucket{le=\"%s\"} %" G_GUINT64_FORMAT "\n", name,
                               g_ascii_formatd(bound, sizeof(bound), "%.15g", bounds[i]), sum);
    }
    g_string_append_printf(text, PREFIX "%s_bucket{le=\"+Inf\"} %" G_GUINT64_FORMAT "\n" PREFIX "%s_sum", name, histogram->count, name);
    appendValue(text, histogram->sum);
    g_string_append_printf(text, PREFIX "%s_count %" G_GUINT64_FORMAT "\n", name, histogram->count);
}

static void
appendEnded(GString *text,
            const convergeMetrics *metrics)
{
    gsize i;

    appendOutcomes(text, metrics);
    for (i = 0; i < G_N_ELEMENTS(histograms); i++)
        appendHistogram(text, histograms[i].name, histograms[i].help, histograms[i].bounds, &metrics->histograms[i]);

    appendGauge(text, "last_migration_end_timestamp_seconds", "When the last migration has ended", toSeconds(metrics->lastEndMs));
    for (i = 0; i < G_N_ELEMENTS(histograms); i++) {
        g_autofree char *name = g_strconcat("last_", histograms[i].name, NULL);
        g_autofree char *help = g_strconcat("The same of the last migration: ", histograms[i].help, NULL);

        if (histograms[i].last)
            appendGauge(text, name, help, metrics->histograms[i].last);
    }
}

/* --- Running migrations --- */

/* In base units. */
static const struct {
    const char *suffix;
    double scale;
} units[CONVERGE_UNIT_LAST] = {
    [CONVERGE_UNIT_NONE] = { "", 1 },
    [CONVERGE_UNIT_PERCENT] = { "_ratio", 0.01 },
    [CONVERGE_UNIT_MS] = { "_seconds", 0.001 },
    [CONVERGE_UNIT_BYTES] = { "_bytes", 1 },
    [CONVERGE_UNIT_BYTES_PER_S] = { "_bytes_per_second", 1 },
};

static void
appendGuest(GString *text,
            const char *name)
{
    g_autofree char *valid = g_utf8_make_valid(name, -1);
    const char *p;

    g_string_append(text, "{guest=\"");
    for (p = valid; *p; p++) {
        if (*p == '\\' || *p == '"')
            g_string_append_c(text, '\\');
        if (*p == '\n')
            g_string_append(text, "\\n");
        else
            g_string_append_c(text, *p);
    }
    g_string_append(text, "\"}");
}

/* Twice the same labels would have the whole file refused. */
static gboolean
isShown(const convergeMetricsGuest *guests,
        gsize index)
{
    gsize i;

    for (i = 0; i < index; i++) {
        if (g_str_equal(guests[i].name, guests[index].name))
            return FALSE;
    }
    return index < CONVERGE_METRICS_GUESTS;
}

/* A job statistic that is a number, of all guests. */
static void
appendStat(GString *text,
           const convergeStat *stat,
           const convergeMetricsGuest *guests,
           gsize nGuests)
{
    g_autofree char *name = g_strconcat("running_", stat->name, units[stat->unit].suffix, NULL);
    gboolean begun = FALSE;
    gsize i;

    for (i = 0; i < nGuests; i++) {
        gint64 value = stat->number(&guests[i].status);

        if (value < 0 || !isShown(guests, i))
            continue;
        if (!begun)
            appendHead(text, name, "", stat->help, "gauge");
        begun = TRUE;
        g_string_append_printf(text, PREFIX "%s", name);
        appendGuest(text, guests[i].name);
        appendValue(text, value * units[stat->unit].scale);
    }
}

char *
convergeMetricsFormat(const convergeMetrics *metrics,
                      const convergeMetricsGuest *guests,
                      gsize nGuests)
{
    g_autoptr(GString) text = g_string_new(NULL);
    gsize i;

    appendHead(text, "build_info", "", "The version of the module that the daemon has loaded", "gauge");
    g_string_append(text, PREFIX "build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
    appendGauge(text, "start_time_seconds", "When the daemon has begun to count", toSeconds(metrics->startMs));
    appendEnded(text, metrics);
    appendGauge(text, "running_migrations", "Migrations that run under a policy", nGuests);
    for (i = 0; i < convergeStatCount; i++) {
        if (convergeStats[i].number)
            appendStat(text, &convergeStats[i], guests, nGuests);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}
