/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metrics.h: what the migrations of a host come to, as numbers for Prometheus
 *
 * Counters and histograms begin at zero with the process, as Prometheus expects it: rate() and
 * increase() know a restart by a counter that has become lower.  Names, units and labels are in
 * docs/metrics.md, which a test holds.  Labels are bounded: guests are named in metrics of running
 * migrations alone, CONVERGE_METRICS_GUESTS of them at most.
 *
 * Threads: one at a time for each convergeMetrics.
 */
#pragma once

#include "engine/status.h"
#include "history/history_entry.h"

#define CONVERGE_METRICS_GUESTS 64

/* What the file is called.  The textfile collector reads what ends in ".prom". */
#define CONVERGE_METRICS_FILE "virt-converge.prom"

typedef struct _convergeMetrics convergeMetrics;

convergeMetrics *convergeMetricsNew(void);
void convergeMetricsFree(convergeMetrics *metrics);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeMetrics, convergeMetricsFree)

/* Counts a migration that has ended. */
void convergeMetricsCount(convergeMetrics *metrics, const convergeHistoryEntry *entry);

/* A running migration. */
typedef struct _convergeMetricsGuest convergeMetricsGuest;
struct _convergeMetricsGuest {
    const char *name; /* anything that is UTF-8; made harmless */
    convergeStatus status;
};

/* The text for the collector, in Prometheus' text format.
 *
 * @guests: the running migrations; of those beyond CONVERGE_METRICS_GUESTS, and of a second one of
 * the same name, the number alone is told
 *
 * Free with g_free(). */
char *convergeMetricsFormat(const convergeMetrics *metrics, const convergeMetricsGuest *guests,
                            gsize nGuests);
