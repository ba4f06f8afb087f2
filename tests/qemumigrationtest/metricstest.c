/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metricstest.c: the numbers for Prometheus
 *
 * "metricstest --print" prints what promtool is to check.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "metrics/metrics.h"

#define ANY CONVERGE_HISTORY_UNKNOWN

typedef struct _ended ended;
struct _ended {
    convergeOutcome outcome;
    const char *fallback;
    const char *trouble;
    gint64 totalMs, downtimeMs, predictedMs, lostMs, heldMs, planMs;
};

static void
count(convergeMetrics *metrics,
      const ended *row)
{
    g_autoptr(convergeHistoryEntry) entry = convergeHistoryEntryNew();

    entry->outcome = row->outcome;
    entry->fallback = g_strdup(row->fallback);
    entry->trouble = g_strdup(row->trouble);
    entry->endMs = 1700000000500;
    entry->totalMs = row->totalMs;
    entry->downtimeMs = row->downtimeMs;
    entry->downtimePredictedMs = row->predictedMs;
    entry->lostMs = row->lostMs;
    entry->heldMs = row->heldMs;
    entry->planTotalMs.value = row->planMs;
    convergeMetricsCount(metrics, entry);
}

static const ended done = { CONVERGE_OUTCOME_DONE, NULL, NULL, 12000, 250, 200, 3000, 2500, 10000 };

static convergeMetricsGuest
guestNamed(const char *name)
{
    return (convergeMetricsGuest) {
        .name = name,
        .status = {
            .state = CONVERGE_STATE_THROTTLING,
            .throttleTarget = 95,
            .downtimeMs = 300,
            .bandwidth = 1 << 20,
            .dirtyRate = 1 << 21,
            .workingSet = 1 << 26,
            .prediction = { .converges = TRUE, .remainingMs = 9000, .errorMs = 2000, .pauseMs = 240, .lostMs = 5000 },
        },
    };
}

static void
assertHas(const char *text,
          const char *line)
{
    g_autofree char *whole = g_strconcat("\n", line, "\n", NULL);

    if (!strstr(text, whole))
        g_error("there is no line '%s' in:\n%s", line, text);
}

static guint
countOf(const char *text,
        const char *part)
{
    guint n = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

/* Everything is there from the start, or the first migration would be none to increase(). */
static void
testNothing(void)
{
    g_autoptr(convergeMetrics) metrics = convergeMetricsNew();
    g_autofree char *text = convergeMetricsFormat(metrics, NULL, 0);

    assertHas(text, "virt_converge_build_info{version=\"" PACKAGE_VERSION "\"} 1");
    assertHas(text, "virt_converge_migrations_total{outcome=\"failed\",reason=\"abort\"} 0");
    assertHas(text, "virt_converge_migration_pause_seconds_bucket{le=\"0.01\"} 0");
    assertHas(text, "virt_converge_migration_pause_seconds_count 0");
    assertHas(text, "virt_converge_running_migrations 0");
    g_assert_null(strstr(text, "last_migration"));
    g_assert_null(strstr(text, "guest=\""));
}

static void
testOne(void)
{
    g_autoptr(convergeMetrics) metrics = convergeMetricsNew();
    g_autofree char *text = NULL;

    count(metrics, &done);
    text = convergeMetricsFormat(metrics, NULL, 0);
    assertHas(text, "virt_converge_migrations_total{outcome=\"done\",reason=\"none\"} 1");
    assertHas(text, "virt_converge_migration_duration_seconds_bucket{le=\"10\"} 0");
    assertHas(text, "virt_converge_migration_duration_seconds_bucket{le=\"20\"} 1");
    assertHas(text, "virt_converge_migration_duration_seconds_bucket{le=\"3600\"} 1");
    assertHas(text, "virt_converge_migration_duration_seconds_bucket{le=\"+Inf\"} 1");
    assertHas(text, "virt_converge_migration_duration_seconds_sum 12");
    assertHas(text, "virt_converge_migration_pause_seconds_sum 0.25");
    assertHas(text, "virt_converge_migration_guest_lost_seconds_sum 3");
    assertHas(text, "virt_converge_migration_held_seconds_bucket{le=\"2\"} 0");
    assertHas(text, "virt_converge_migration_held_seconds_bucket{le=\"5\"} 1");
    assertHas(text, "virt_converge_migration_pause_prediction_ratio_sum 1.25");
    /* A bound belongs to its bucket. */
    assertHas(text, "virt_converge_migration_pause_prediction_ratio_bucket{le=\"1.1\"} 0");
    assertHas(text, "virt_converge_migration_pause_prediction_ratio_bucket{le=\"1.25\"} 1");
    assertHas(text, "virt_converge_migration_duration_prediction_ratio_sum 1.2");
    assertHas(text, "virt_converge_last_migration_end_timestamp_seconds 1700000000.5");
    assertHas(text, "virt_converge_last_migration_pause_seconds 0.25");
    g_assert_null(strstr(text, "last_migration_pause_prediction"));
}

static void
testOutcomes(void)
{
    static const struct {
        ended row;
        const char *line;
    } rows[] = {
        { { CONVERGE_OUTCOME_POSTCOPY, "post-copy", NULL, ANY, ANY, ANY, ANY, ANY, ANY }, "outcome=\"post-copy\",reason=\"post-copy\"" },
        { { CONVERGE_OUTCOME_DONE, "suspend", NULL, ANY, ANY, ANY, ANY, ANY, ANY }, "outcome=\"done\",reason=\"suspend\"" },
        { { CONVERGE_OUTCOME_ABORTED, "abort", NULL, ANY, ANY, ANY, ANY, ANY, ANY }, "outcome=\"aborted\",reason=\"abort\"" },
        { { CONVERGE_OUTCOME_FAILED, NULL, "QEMU has gone", ANY, ANY, ANY, ANY, ANY, ANY }, "outcome=\"failed\",reason=\"stood-aside\"" },
        { { CONVERGE_OUTCOME_INTERRUPTED, "resume", NULL, ANY, ANY, ANY, ANY, ANY, ANY }, "outcome=\"interrupted\",reason=\"other\"" },
    };
    g_autoptr(convergeMetrics) metrics = convergeMetricsNew();
    g_autofree char *text = NULL;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++)
        count(metrics, &rows[i].row);
    text = convergeMetricsFormat(metrics, NULL, 0);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = g_strdup_printf("virt_converge_migrations_total{%s} 1", rows[i].line);

        assertHas(text, line);
    }
    /* What is not known is not counted. */
    assertHas(text, "virt_converge_migration_duration_seconds_count 0");
    g_assert_cmpuint(countOf(text, "virt_converge_migrations_total{"), ==, 30);
}

/* The last migration's numbers are not those of an earlier one. */
static void
testLast(void)
{
    static const ended failed = { CONVERGE_OUTCOME_FAILED, NULL, NULL, 5000, ANY, 200, ANY, ANY, 10000 };
    g_autoptr(convergeMetrics) metrics = convergeMetricsNew();
    g_autofree char *text = NULL;

    count(metrics, &done);
    count(metrics, &failed);
    text = convergeMetricsFormat(metrics, NULL, 0);
    assertHas(text, "virt_converge_last_migration_duration_seconds 5");
    g_assert_null(strstr(text, "last_migration_pause_seconds"));
    assertHas(text, "virt_converge_migration_duration_seconds_count 2");
    /* Of one that failed, no plan came true. */
    assertHas(text, "virt_converge_migration_duration_prediction_ratio_count 1");
}

static void
testRunning(void)
{
    convergeMetricsGuest guests[] = { guestNamed("a\\b\"c\nd\xff"), guestNamed("two"), guestNamed("two") };
    g_autoptr(convergeMetrics) metrics = convergeMetricsNew();
    g_autofree char *text = convergeMetricsFormat(metrics, guests, 3);

    assertHas(text, "virt_converge_running_migrations 3");
    assertHas(text, "virt_converge_running_throttle_target_ratio{guest=\"a\\\\b\\\"c\\nd\357\277\275\"} 0.95");
    assertHas(text, "virt_converge_running_downtime_limit_seconds{guest=\"two\"} 0.3");
    assertHas(text, "virt_converge_running_bandwidth_bytes_per_second{guest=\"two\"} 1048576");
    /* The second of one name would have the whole file refused. */
    g_assert_cmpuint(countOf(text, "running_throttle_target_ratio{guest=\"two\"}"), ==, 1);
    g_assert_cmpuint(countOf(text, "# TYPE virt_converge_running_throttle_target_ratio gauge\n"), ==, 1);
}

static void
testBounded(void)
{
    convergeMetricsGuest guests[CONVERGE_METRICS_GUESTS + 10];
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(convergeMetrics) metrics = convergeMetricsNew();
    g_autofree char *text = NULL;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(guests); i++) {
        char *name = g_strdup_printf("g%" G_GSIZE_FORMAT, i);

        g_ptr_array_add(names, name);
        guests[i] = guestNamed(name);
    }
    text = convergeMetricsFormat(metrics, guests, G_N_ELEMENTS(guests));
    assertHas(text, "virt_converge_running_migrations 74");
    g_assert_cmpuint(countOf(text, "running_throttle_target_ratio{"), ==, CONVERGE_METRICS_GUESTS);
}

/* A comma in a number would have the file refused. */
static void
testLocale(void)
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        g_test_skip("there is no locale de_DE.UTF-8");
        return;
    }
    testOne();
    setlocale(LC_NUMERIC, "C");
}

static void
print(void)
{
    convergeMetricsGuest guests[] = { guestNamed("a\\b\"c\nd"), guestNamed("two") };
    g_autoptr(convergeMetrics) metrics = convergeMetricsNew();
    g_autofree char *text = NULL;

    count(metrics, &done);
    text = convergeMetricsFormat(metrics, guests, G_N_ELEMENTS(guests));
    fputs(text, stdout);
}

int
main(int argc,
     char **argv)
{
    if (argc > 1 && g_str_equal(argv[1], "--print")) {
        print();
        return 0;
    }

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metrics/nothing", testNothing);
    g_test_add_func("/metrics/one", testOne);
    g_test_add_func("/metrics/outcomes", testOutcomes);
    g_test_add_func("/metrics/last", testLast);
    g_test_add_func("/metrics/running", testRunning);
    g_test_add_func("/metrics/bounded", testBounded);
    g_test_add_func("/metrics/locale", testLocale);
    return g_test_run();
}
