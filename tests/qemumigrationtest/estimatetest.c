/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * estimatetest.c: the fit of a guest's measurements, and the forecast from it
 *
 * The measurements are those that QEMU would make of a known guest: a binomial number of sampled
 * pages, as a rate in whole MiB/s.
 */
#include <json-glib/json-glib.h>
#include <math.h>

#include "estimate/cipher.h"
#include "estimate/report.h"

#define MB 1e6
#define GIB (1024.0 * 1024 * 1024)

typedef struct {
    const char *name;
    double memory, workingSet, writeRate, bandwidth;
    gboolean exact;
    convergeClass class_; /* UNKNOWN: it cannot be told */
    double tolerance;     /* of W and r; 0: they cannot be told either */
    gboolean rateOpen, setOpen;
    gboolean quick; /* measured for less than a second */
} guestRow;

/* The classes follow from their definitions: r is below the bandwidth, above it, or so far above
 * it that not even a hundredth of r fits. */
static const guestRow guests[] = {
    { "idle", GIB, 0, 0, 100 * MB, FALSE, CONVERGE_CLASS_CONVERGES },
    { "slow", 4 * GIB, 1000 * MB, 300 * MB, 800 * MB, FALSE, CONVERGE_CLASS_CONVERGES, 0.2 },
    { "lab", GIB, 400 * MB, 250 * MB, 96 * MB, FALSE, CONVERGE_CLASS_MIDDLE, 0.2 },
    { "lab-exact", GIB, 400 * MB, 250 * MB, 96 * MB, TRUE, CONVERGE_CLASS_MIDDLE, 0.03 },
    { "large", 64 * GIB, 8000 * MB, 2000 * MB, 1000 * MB, FALSE, CONVERGE_CLASS_MIDDLE, 0.1 },
    { "growing", 64 * GIB, 50000 * MB, 300 * MB, 1000 * MB, FALSE, CONVERGE_CLASS_CONVERGES, 0,
      FALSE, TRUE },
    { "beyond", 8 * GIB, 4000 * MB, 6000 * MB, 4 * MB, FALSE, CONVERGE_CLASS_BEYOND, 0.2 },
    { "saturated", 8 * GIB, 4000 * MB, 1e6 * MB, 1000 * MB, FALSE, CONVERGE_CLASS_UNKNOWN, 0, TRUE },
    { "saturated-beyond", 8 * GIB, 4000 * MB, 1e6 * MB, 12 * MB, FALSE, CONVERGE_CLASS_BEYOND, 0,
      TRUE },
    { "idle-quick", GIB, 0, 0, 100 * MB, TRUE, CONVERGE_CLASS_CONVERGES, 0, FALSE, FALSE, TRUE },
    { "slow-quick", 4 * GIB, 1000 * MB, 300 * MB, 800 * MB, TRUE, CONVERGE_CLASS_CONVERGES, 0.1, FALSE, FALSE, TRUE },
    { "lab-quick", GIB, 400 * MB, 250 * MB, 96 * MB, TRUE, CONVERGE_CLASS_MIDDLE, 0.1, FALSE, FALSE, TRUE },
    { "large-quick", 64 * GIB, 8000 * MB, 2000 * MB, 1000 * MB, TRUE, CONVERGE_CLASS_MIDDLE, 0.1, FALSE, FALSE, TRUE },
    { "beyond-quick", 8 * GIB, 4000 * MB, 6000 * MB, 4 * MB, TRUE, CONVERGE_CLASS_BEYOND, 0.1, FALSE, FALSE, TRUE },
    { "saturated-quick", 8 * GIB, 4000 * MB, 1e6 * MB, 1000 * MB, TRUE, CONVERGE_CLASS_BEYOND, 0, TRUE, FALSE, TRUE },
};

/* The measurements that converge-estimate makes by default, by sampling and within a second. */
static const double turns[] = { 1, 1, 5, 1, 1, 5 };
static const double quickTurns[] = { 0.05, 0.6, 0.05, 0.2 };

static guint64
measure(const guestRow *row,
        double seconds,
        GRand *random)
{
    double pages = convergeFitPages(row->memory, row->exact);
    double share = 0;
    double changed = 0;
    int i;

    if (row->workingSet > 0)
        share = row->workingSet / row->memory *
            -expm1(-row->writeRate * seconds / row->workingSet);

    if (row->exact) {
        changed = share * pages;
    } else {
        for (i = 0; i < (int)pages; i++)
            changed += g_rand_double(random) < share;
    }
    return (guint64)(changed / pages * row->memory / seconds / CONVERGE_MIB);
}

static convergeForecastInput
inputOf(const guestRow *row,
        guint32 seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    convergeForecastInput input = {
        .memory = row->memory,
        .bandwidth = row->bandwidth,
        .used = { row->workingSet * 1.05, row->workingSet, row->workingSet * 1.1 },
    };
    const double *lengths = row->quick ? quickTurns : turns;
    gsize n = row->quick ? G_N_ELEMENTS(quickTurns) : G_N_ELEMENTS(turns);
    convergeObservation seen[G_N_ELEMENTS(turns)];
    gsize i;

    for (i = 0; i < n; i++)
        seen[i] = convergeFitObservation(lengths[i], measure(row, lengths[i], random));
    convergeFitDirtying(seen, n, row->memory, row->memory,
                        convergeFitPages(row->memory, row->exact), &input.fit);
    return input;
}

static gboolean
covers(const convergeRange *range,
       double truth,
       gboolean open)
{
    return range->low <= truth * 1.02 && (open || truth * 0.98 <= range->high);
}

/* In 20 series of measurements, the 95 % region may miss the truth a few times. */
static void
testFit(gconstpointer opaque)
{
    const guestRow *row = opaque;
    unsigned int covered = 0, near = 0, open = 0;
    guint32 seed;

    for (seed = 1; seed <= 20; seed++) {
        convergeForecastInput input = inputOf(row, seed);
        const convergeSampledFit *fit = &input.fit;

        g_assert_cmpfloat(fit->workingSet.low, <=, fit->workingSet.value);
        g_assert_cmpfloat(fit->workingSet.value, <=, fit->workingSet.high);
        g_assert_cmpfloat(fit->writeRate.low, <=, fit->writeRate.value);
        g_assert_cmpfloat(fit->writeRate.value, <=, fit->writeRate.high);
        g_assert_cmpint(fit->quiet, ==, row->workingSet == 0);
        covered += covers(&fit->workingSet, row->workingSet, fit->setOpen) &&
            covers(&fit->writeRate, row->writeRate, fit->rateOpen);
        near += fabs(fit->workingSet.value - row->workingSet) <= row->tolerance * row->workingSet &&
            fabs(fit->writeRate.value - row->writeRate) <= row->tolerance * row->writeRate;
        open += fit->rateOpen == row->rateOpen && fit->setOpen == row->setOpen;
        g_test_message("W %.0f (%.0f..%.0f)%s r %.0f (%.0f..%.0f)%s MB, scatter %.1f",
                       fit->workingSet.value / MB, fit->workingSet.low / MB,
                       fit->workingSet.high / MB, fit->setOpen ? " open" : "",
                       fit->writeRate.value / MB, fit->writeRate.low / MB,
                       fit->writeRate.high / MB, fit->rateOpen ? " open" : "", fit->scatter);
    }
    g_test_message("of 20: %u covered, %u near, %u open as they should", covered, near, open);
    g_assert_cmpint(covered, >=, 16);
    g_assert_cmpint(open, >=, 16);
    if (row->tolerance > 0)
        g_assert_cmpint(near, >=, 16);
}

/* What is known of the working set bounds it, unless more was seen. */
static void
testSetMost(void)
{
    static const convergeObservation straight[] = {
        { .seconds = 0.05, .bytes = 5e6 },
        { .seconds = 0.6, .bytes = 60e6 },
        { .seconds = 0.2, .bytes = 20e6 },
    };
    static const struct {
        double most, low, high;
        gboolean open;
    } rows[] = {
        { GIB, 300e6, GIB, TRUE },
        { 200e6, 60e6, 200e6, FALSE },
        { 30e6, 20e6, 60e6, FALSE },
        { 2 * GIB, 300e6, GIB, TRUE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeSampledFit fit;

        convergeFitDirtying(straight, G_N_ELEMENTS(straight), GIB, rows[i].most, convergeFitPages(GIB, TRUE), &fit);
        g_test_message("W %.0f (%.0f..%.0f) MB", fit.workingSet.value / MB, fit.workingSet.low / MB, fit.workingSet.high / MB);
        g_assert_cmpfloat(fit.workingSet.low, >=, rows[i].low);
        g_assert_cmpfloat(fit.workingSet.high, <=, rows[i].high * 1.001);
        g_assert_cmpint(fit.setOpen, ==, rows[i].open);
    }
}

static void
tell(const convergeForecasts *forecasts)
{
    guint i;

    for (i = 0; i < forecasts->policies->len; i++) {
        const convergeForecast *one = &g_array_index(forecasts->policies, convergeForecast, i);

        g_test_message("%s: %s..%s total %.0f pause %.0f lost %.0f ms, peak %u", one->text,
                       convergeEndName(one->end), convergeEndName(one->worst),
                       one->totalMs.value, one->pauseMs.value, one->lostMs.value,
                       one->peakThrottle);
    }
}

static convergeForecasts *
forecastOf(const convergeForecastInput *input,
           const char *const *texts)
{
    g_autoptr(convergePolicy) free = convergePolicyParse("adaptive,throttle=none", NULL);
    g_autoptr(convergePolicy) throttled = convergePolicyParse("adaptive", NULL);
    g_autoptr(GPtrArray) parsed = g_ptr_array_new_with_free_func((GDestroyNotify)convergePolicyFree);
    convergeForecastPolicy policies[8];
    convergeForecasts *forecasts;
    gsize n;

    for (n = 0; texts[n]; n++) {
        g_ptr_array_add(parsed, convergePolicyParse(texts[n], NULL));
        g_assert_nonnull(parsed->pdata[n]);
        policies[n] = (convergeForecastPolicy) { texts[n], parsed->pdata[n] };
    }
    forecasts = convergeForecastsNew(input, free, throttled, policies, n);
    tell(forecasts);
    return forecasts;
}

static void
testClass(gconstpointer opaque)
{
    const guestRow *row = opaque;
    static const char *const none[] = { NULL };
    guint32 seed;

    for (seed = 1; seed <= 3; seed++) {
        convergeForecastInput input = inputOf(row, seed);
        g_autoptr(convergeForecasts) forecasts = forecastOf(&input, none);
        unsigned int possible = 0;
        gsize i;

        for (i = 0; i < CONVERGE_CLASS_LAST; i++)
            possible += forecasts->mayBe[i];
        g_assert_true(forecasts->mayBe[forecasts->class_]);
        g_assert_cmpint(forecasts->recommended, ==, -1);

        if (row->class_ == CONVERGE_CLASS_UNKNOWN) {
            g_assert_cmpint(possible, >, 1);
        } else {
            g_assert_cmpstr(convergeClassName(forecasts->class_), ==,
                            convergeClassName(row->class_));
            g_assert_cmpint(possible, ==, 1);
        }
    }
}

static const convergeForecast *
at(const convergeForecasts *forecasts,
   gsize i)
{
    return &g_array_index(forecasts->policies, convergeForecast, i);
}

static void
testMiddle(void)
{
    static const char *const texts[] = { "stepped", "adaptive", "suspend", "post-copy",
                                         "adaptive,throttle=none", NULL };
    convergeForecastInput input = inputOf(&guests[2], 1);
    g_autoptr(convergeForecasts) forecasts = forecastOf(&input, texts);
    gsize i;

    for (i = 0; i < 4; i++) {
        const convergeForecast *one = at(forecasts, i);

        g_assert_true(one->completes);
        g_assert_cmpfloat(one->totalMs.low, <=, one->totalMs.value);
        g_assert_cmpfloat(one->totalMs.value, <=, one->totalMs.high);
        g_assert_cmpfloat(one->totalMs.low, <, one->totalMs.high);
        g_assert_cmpfloat(one->pauseMs.value, <=, one->lostMs.value + 1); /* rounded */
        g_assert_cmpfloat(one->lostMs.value, <, one->totalMs.value);
        g_assert_cmpfloat(input.used.value / input.bandwidth * 1000, <, one->totalMs.value);
    }

    g_assert_cmpint(at(forecasts, 0)->end, ==, CONVERGE_END_LIMITS);
    g_assert_cmpint(at(forecasts, 1)->end, ==, CONVERGE_END_LIMITS);
    g_assert_cmpint(at(forecasts, 2)->end, ==, CONVERGE_END_PAUSE);
    g_assert_cmpint(at(forecasts, 3)->end, ==, CONVERGE_END_POSTCOPY);
    g_assert_cmpint(at(forecasts, 4)->end, ==, CONVERGE_END_NEVER);
    g_assert_false(at(forecasts, 4)->completes);

    /* The forecast with the least loss is not within the limits. */
    g_assert_cmpint(forecasts->recommended, ==, 1);
    g_assert_cmpfloat(at(forecasts, 1)->lostMs.value, <, at(forecasts, 0)->lostMs.value);
    g_assert_cmpint(forecasts->cheaper, ==, 3);
}

static void
testNothingWithin(void)
{
    static const char *const texts[] = { "adaptive", "suspend", NULL };
    static const char *const hopeless[] = { "adaptive", "ovirt-minimal-downtime", NULL };
    convergeForecastInput input = inputOf(&guests[6], 1);
    g_autoptr(convergeForecasts) some = forecastOf(&input, texts);
    g_autoptr(convergeForecasts) none = forecastOf(&input, hopeless);

    g_assert_cmpint(at(some, 0)->end, ==, CONVERGE_END_NEVER);
    g_assert_cmpint(some->recommended, ==, 1);
    g_assert_cmpint(at(none, 1)->end, ==, CONVERGE_END_ABORT);
    g_assert_cmpint(none->recommended, ==, -1);
    g_assert_cmpint(none->cheaper, ==, -1);
}

/* A forecast with a long pause is not recommended for its small loss, unless that was asked for. */
static void
testPauseMost(void)
{
    static const char *const texts[] = { "suspend,max-downtime=5s", "stepped", "adaptive", NULL };
    convergeForecastInput input = inputOf(&guests[2], 1);
    g_autoptr(convergeForecasts) asked = forecastOf(&input, texts);
    g_autoptr(convergeForecasts) limited = NULL;

    input.pauseMostMs = 300;
    limited = forecastOf(&input, texts);
    g_assert_cmpint(asked->recommended, ==, 0);
    g_assert_cmpint(at(asked, 0)->end, ==, CONVERGE_END_LIMITS);
    g_assert_cmpint(limited->recommended, ==, 2);
    g_assert_cmpint(at(limited, 0)->end, ==, CONVERGE_END_PAUSE);
}

/* What the policy lets the migration send is the bandwidth, if the link has more. */
static void
testLinkLimit(void)
{
    static const char *const texts[] = { "adaptive,link-limit=50", "adaptive,link-limit=5000", "adaptive", NULL };
    convergeForecastInput input = inputOf(&guests[1], 1);
    g_autoptr(convergeForecasts) wide = forecastOf(&input, texts);
    g_autoptr(convergeForecasts) narrow = NULL;

    input.bandwidth = 50 * CONVERGE_MIB;
    narrow = forecastOf(&input, texts);
    g_assert_cmpfloat(at(wide, 0)->totalMs.value, ==, at(narrow, 2)->totalMs.value);
    g_assert_cmpfloat(at(wide, 1)->totalMs.value, ==, at(wide, 2)->totalMs.value);
    g_assert_cmpfloat(at(wide, 0)->totalMs.value, >, at(wide, 2)->totalMs.value);
}

/* Imperceptible differences do not decide the recommendation. */
static void
testTie(void)
{
    static const char *const texts[] = { "adaptive", "nova", "stepped", NULL };
    convergeForecastInput input = inputOf(&guests[1], 1);
    g_autoptr(convergeForecasts) forecasts = forecastOf(&input, texts);

    g_assert_cmpint(forecasts->recommended, ==, 0);
}

static convergeReport
reportOf(const convergeForecastInput *input,
         const convergeMeasured *measured,
         const convergeForecasts *forecasts)
{
    return (convergeReport) {
        .domain = "guest1",
        .input = input,
        .measured = measured,
        .forecasts = forecasts,
        .link = input->bandwidth,
        .source = CONVERGE_LINK_LAST,
    };
}

static void
testReport(void)
{
    static const char *const texts[] = { "adaptive", "adaptive,throttle=none", NULL };
    convergeForecastInput input = inputOf(&guests[2], 1);
    g_autoptr(convergeForecasts) forecasts = forecastOf(&input, texts);
    convergeObservation seen = convergeFitObservation(1, 200);
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(seen));
    convergeMeasured measured = { .memory = GIB, .used = input.used, .usedKnown = FALSE, .seen = list };
    convergeReport report = reportOf(&input, &measured, forecasts);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *text = NULL;
    g_autofree char *json = NULL;
    JsonObject *root, *row;

    g_array_append_val(list, seen);
    report.cipher = "AES-256-GCM";
    report.encrypted = 1e9;
    report.elsewhere = "host2";
    text = convergeReportText(&report);
    json = convergeReportJSON(&report);

    g_assert_nonnull(strstr(text, "guest1"));
    g_assert_nonnull(strstr(text, "middle"));
    g_assert_nonnull(strstr(text, "last completed migration"));
    g_assert_nonnull(strstr(text, "'host2'"));
    g_assert_nonnull(strstr(text, "\nrecommended  adaptive: "));
    g_assert_true(g_str_has_suffix(text, "\n"));

    g_assert_true(json_parser_load_from_data(parser, json, -1, NULL));
    root = json_node_get_object(json_parser_get_root(parser));
    g_assert_cmpstr(json_object_get_string_member(root, "class"), ==, "middle");
    g_assert_true(json_object_get_boolean_member(root, "class_certain"));
    g_assert_cmpstr(json_object_get_string_member(root, "recommended"), ==, "adaptive");
    g_assert_cmpint(json_object_get_int_member(root, "bandwidth"), ==, 96000000);
    g_assert_cmpint(json_array_get_length(json_object_get_array_member(root, "notes")), ==, 2);
    g_assert_cmpint(json_array_get_length(json_object_get_array_member(root, "policies")), ==, 2);

    row = json_array_get_object_element(json_object_get_array_member(root, "policies"), 0);
    g_assert_cmpstr(json_object_get_string_member(row, "end"), ==, "completes");
    row = json_object_get_object_member(row, "total_ms");
    g_assert_cmpint(json_object_get_int_member(row, "value"), ==,
                    llrint(at(forecasts, 0)->totalMs.value));
    row = json_array_get_object_element(json_object_get_array_member(root, "policies"), 1);
    g_assert_cmpstr(json_object_get_string_member(row, "end"), ==, "never");
    g_assert_false(json_object_has_member(row, "total_ms"));
}

/* A range without an upper end is reported as such, with the time that was too long for it. */
static void
testReportOpen(void)
{
    static const char *const texts[] = { "adaptive", NULL };
    static const struct {
        double seconds;
        const char *note, *row;
    } rows[] = {
        { 1, "within 1 s, the shortest time", "(3 measurements, 16 s)" },
        { 0.05, "within 0.05 s, the shortest time", "(3 measurements, 15.1 s)" },
    };
    convergeForecastInput input = inputOf(&guests[7], 1);
    g_autoptr(convergeForecasts) forecasts = forecastOf(&input, texts);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(convergeObservation));
        convergeObservation seen[] = { { .seconds = 10 }, { .seconds = rows[i].seconds }, { .seconds = 5 } };
        convergeMeasured measured = { .memory = input.memory, .usedKnown = TRUE, .seen = list };
        convergeReport report = reportOf(&input, &measured, forecasts);
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autofree char *text = NULL;
        g_autofree char *json = NULL;
        JsonObject *root, *second;

        g_array_append_vals(list, seen, G_N_ELEMENTS(seen));
        text = convergeReportText(&report);
        json = convergeReportJSON(&report);
        g_assert_nonnull(strstr(text, "at least"));
        g_assert_nonnull(strstr(text, "uncertain"));
        g_assert_nonnull(strstr(text, rows[i].row));
        g_assert_true(json_parser_load_from_data(parser, json, -1, NULL));
        root = json_node_get_object(json_parser_get_root(parser));
        g_assert_nonnull(strstr(json_array_get_string_element(json_object_get_array_member(root, "notes"), 0),
                                rows[i].note));
        g_assert_false(json_object_get_boolean_member(root, "class_certain"));
        g_assert_true(json_object_get_null_member(json_object_get_object_member(root, "write_rate"),
                                                  "high"));
        second = json_array_get_object_element(json_object_get_array_member(root, "measurements"), 1);
        g_assert_cmpfloat(json_object_get_double_member(second, "seconds"), ==, rows[i].seconds);
    }
}

static void
testCipher(void)
{
    g_autoptr(GError) error = NULL;
    const char *name = NULL;
    double speed = convergeCipherSpeed(&name, &error);

    g_assert_no_error(error);
    g_assert_cmpfloat(speed, >, 0);
    g_assert_cmpstr(name, ==, "AES-256-GCM");
}

/* A guest that a throttle helps, if it is not one that none helps. */
static convergeForecastInput
uncertainInput(void)
{
    convergeForecastInput input = inputOf(&guests[2], 1);
    gsize i;

    for (i = 0; i < CONVERGE_FIT_CORNERS; i++)
        input.fit.corner[i] = (convergeDirtying) { 400e6, 120e6 };
    input.fit.corner[CONVERGE_FIT_CORNERS - 1].writeRate = 12000e6;
    return input;
}

/* Policies that complete for sure go before those that may not, whatever those lose. */
static void
testCertainBeforeUncertain(void)
{
    static const char *const texts[] = { "adaptive", "suspend,max-downtime=100s", NULL };
    convergeForecastInput input = uncertainInput();
    g_autoptr(convergeForecasts) forecasts = forecastOf(&input, texts);

    g_assert_cmpint(at(forecasts, 0)->end, ==, CONVERGE_END_LIMITS);
    g_assert_cmpint(at(forecasts, 0)->worst, ==, CONVERGE_END_NEVER);
    g_assert_cmpint(at(forecasts, 1)->worst, ==, CONVERGE_END_LIMITS);
    g_assert_cmpfloat(at(forecasts, 0)->lostMs.value, <, 0.8 * at(forecasts, 1)->lostMs.value);
    g_assert_cmpint(forecasts->recommended, ==, 1);
    /* Only what ends in a worse way is called cheaper. */
    g_assert_cmpint(forecasts->cheaper, ==, -1);
}

/* Those that stay within their limits, if only perhaps, go before all that do not. */
static void
testWithinLimitsBeforeOthers(void)
{
    static const char *const texts[] = { "post-copy", "suspend", "adaptive", NULL };
    convergeForecastInput input = uncertainInput();
    g_autoptr(convergeForecasts) forecasts = forecastOf(&input, texts);

    g_assert_cmpint(at(forecasts, 0)->worst, ==, CONVERGE_END_POSTCOPY);
    g_assert_cmpint(at(forecasts, 1)->worst, ==, CONVERGE_END_PAUSE);
    g_assert_cmpint(at(forecasts, 2)->worst, ==, CONVERGE_END_NEVER);
    g_assert_cmpint(forecasts->recommended, ==, 2);
}

/* And what may complete beyond the limits goes before nothing at all. */
static void
testUncertainBeforeNothing(void)
{
    static const char *const texts[] = { "adaptive,throttle=none", "adaptive", NULL };
    convergeForecastInput input = uncertainInput();
    g_autoptr(convergeForecasts) forecasts = NULL;

    input.pauseMostMs = 50;
    forecasts = forecastOf(&input, texts);
    g_assert_cmpint(at(forecasts, 0)->end, ==, CONVERGE_END_NEVER);
    g_assert_cmpint(at(forecasts, 1)->end, ==, CONVERGE_END_PAUSE);
    g_assert_cmpint(at(forecasts, 1)->worst, ==, CONVERGE_END_NEVER);
    g_assert_cmpint(forecasts->recommended, ==, 1);
}

/* Where two policies are as good as each other, the one that was named first is recommended. */
static void
testNamedFirstOfATie(void)
{
    static const char *const texts[2][3] = {
        { "adaptive", "adaptive,max-throttle=94", NULL },
        { "adaptive,max-throttle=94", "adaptive", NULL },
    };
    convergeForecastInput input = inputOf(&guests[2], 1);
    gsize i;

    for (i = 0; i < 2; i++) {
        g_autoptr(convergeForecasts) forecasts = forecastOf(&input, texts[i]);
        const convergeForecast *one = at(forecasts, 0);
        const convergeForecast *other = at(forecasts, 1);

        g_test_message("%s: %.0f, %.0f; %s: %.0f, %.0f", one->text, one->lostMs.value,
                       one->totalMs.value, other->text, other->lostMs.value, other->totalMs.value);
        g_assert_cmpfloat(one->totalMs.value, !=, other->totalMs.value);
        g_assert_cmpint(forecasts->recommended, ==, 0);
    }
}

/* How much memory is in use widens the forecast, even where all else is known. */
static void
testUsedMemoryWidensTheRange(void)
{
    static const char *const texts[] = { "adaptive", NULL };
    convergeForecastInput input = inputOf(&guests[2], 1);
    g_autoptr(convergeForecasts) forecasts = NULL;
    const convergeRange *total;
    gsize i;

    for (i = 1; i < CONVERGE_FIT_CORNERS; i++)
        input.fit.corner[i] = input.fit.corner[0];
    input.used = (convergeRange) { 700e6, 500e6, 1000e6 };
    forecasts = forecastOf(&input, texts);
    total = &at(forecasts, 0)->totalMs;
    g_assert_cmpfloat(total->low, <, total->value - 0.8 * 200e6 / input.bandwidth * 1000);
    g_assert_cmpfloat(total->high, >, total->value + 0.8 * 300e6 / input.bandwidth * 1000);
}

static convergeSampledFit
fitOf(const guint64 *mibps,
      gsize n)
{
    convergeObservation seen[8];
    convergeSampledFit fit;
    gsize i;

    g_assert_cmpuint(n, <=, G_N_ELEMENTS(seen));
    for (i = 0; i < n; i++)
        seen[i] = convergeFitObservation(i % 3 == 2 ? 5 : 1, mibps[i]);
    convergeFitDirtying(seen, n, GIB, GIB, convergeFitPages(GIB, TRUE), &fit);
    return fit;
}

/* Of a guest that does now this and now that, all is less certain by as much as it varies. */
static void
testGuestThatVariesIsUncertain(void)
{
    const guint64 steady[] = { 60, 60, 40, 60, 60, 40 };
    const guint64 varying[] = { 30, 90, 20, 90, 30, 60 };
    convergeSampledFit one = fitOf(steady, G_N_ELEMENTS(steady));
    convergeSampledFit other = fitOf(varying, G_N_ELEMENTS(varying));

    g_assert_cmpfloat(other.scatter, >, 10 * one.scatter);
    g_assert_cmpfloat(other.writeRate.high / other.writeRate.low, >,
                      1.5 * one.writeRate.high / one.writeRate.low);
}

/* That no page of a sample was seen to change does not mean that none did. */
static void
testQuietGuestMayWrite(void)
{
    const guint64 quiet[] = { 0, 0, 0 };
    convergeSampledFit fit = fitOf(quiet, G_N_ELEMENTS(quiet));
    gsize i;

    g_assert_true(fit.quiet);
    g_assert_cmpfloat(fit.workingSet.value, ==, 0);
    /* 95 % of a Poisson distribution: less than three pages of all that were looked at. */
    g_assert_cmpfloat(fit.workingSet.high, >, 0);
    g_assert_cmpfloat(fabs(fit.workingSet.high - 4096), <, 1);
    for (i = 1; i < CONVERGE_FIT_CORNERS; i++)
        g_assert_cmpfloat(fit.corner[i].workingSet, ==, fit.workingSet.high);
}

static guint
countNotes(const convergeForecastInput *input)
{
    static const char *const texts[] = { "adaptive", NULL };
    g_autoptr(convergeForecasts) forecasts = forecastOf(input, texts);
    convergeObservation seen = convergeFitObservation(1, 200);
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(seen));
    convergeMeasured measured = { .memory = GIB, .used = input->used, .usedKnown = TRUE, .seen = list };
    convergeReport report = reportOf(input, &measured, forecasts);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *json = NULL;

    g_array_append_val(list, seen);
    json = convergeReportJSON(&report);
    g_assert_true(json_parser_load_from_data(parser, json, -1, NULL));
    return json_array_get_length(json_object_get_array_member(
        json_node_get_object(json_parser_get_root(parser)), "notes"));
}

/* Measurements that disagree, and what they leave open, each have a note. */
static void
testNotesOnWhatIsUncertain(void)
{
    convergeForecastInput input = inputOf(&guests[2], 1);
    guint before;

    input.fit.scatter = 1;
    input.fit.rateOpen = input.fit.setOpen = FALSE;
    before = countNotes(&input);
    input.fit.scatter = 10;
    g_assert_cmpuint(countNotes(&input), ==, before + 1);
    input.fit.rateOpen = TRUE;
    g_assert_cmpuint(countNotes(&input), ==, before + 2);
    input.fit.setOpen = TRUE;
    g_assert_cmpuint(countNotes(&input), ==, before + 3);
}

int
main(int argc,
     char **argv)
{
    gsize i;

    g_test_init(&argc, &argv, NULL);

    for (i = 0; i < G_N_ELEMENTS(guests); i++) {
        g_autofree char *fit = g_strdup_printf("/estimate/fit/%s", guests[i].name);
        g_autofree char *class_ = g_strdup_printf("/estimate/class/%s", guests[i].name);

        g_test_add_data_func(fit, &guests[i], testFit);
        g_test_add_data_func(class_, &guests[i], testClass);
    }
    g_test_add_func("/estimate/set-most", testSetMost);
    g_test_add_func("/estimate/middle", testMiddle);
    g_test_add_func("/estimate/nothing-within", testNothingWithin);
    g_test_add_func("/estimate/pause-most", testPauseMost);
    g_test_add_func("/estimate/link-limit", testLinkLimit);
    g_test_add_func("/estimate/tie", testTie);
    g_test_add_func("/estimate/report", testReport);
    g_test_add_func("/estimate/report-open", testReportOpen);
    g_test_add_func("/estimate/cipher", testCipher);
    g_test_add_func("/estimate/certain-before-uncertain", testCertainBeforeUncertain);
    g_test_add_func("/estimate/within-limits-before-others", testWithinLimitsBeforeOthers);
    g_test_add_func("/estimate/uncertain-before-nothing", testUncertainBeforeNothing);
    g_test_add_func("/estimate/named-first-of-a-tie", testNamedFirstOfATie);
    g_test_add_func("/estimate/used-memory-widens-the-range", testUsedMemoryWidensTheRange);
    g_test_add_func("/estimate/guest-that-varies-is-uncertain", testGuestThatVariesIsUncertain);
    g_test_add_func("/estimate/quiet-guest-may-write", testQuietGuestMayWrite);
    g_test_add_func("/estimate/notes-on-what-is-uncertain", testNotesOnWhatIsUncertain);
    return g_test_run();
}
