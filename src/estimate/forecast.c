/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast.c: predicts the course of a migration before it starts
 */
#include "estimate/forecast.h"
#include "engine/loop.h"
#include "plant/plant.h"

/* The corners of the fit, and the likeliest guest with the least and most used memory. */
#define GUESTS (CONVERGE_FIT_CORNERS + 2)

/* A migration is taken never to end if it has not ended after this time plus the time for this
 * many passes over the used memory. */
#define GIVE_UP_MS (30 * 60 * 1000)
#define GIVE_UP_PASSES 20

/* The same holds after this many passes; the engine itself predicts 64 (PREDICT_PASSES in
 * model.c). */
#define PASSES_MOST 500

/* The modelled guest never changes: further probes would teach nothing new, and each costs a
 * fit. */
#define PROBES_MOST 20

/* Losses this close are a tie, which the shorter migration wins.  Times this close are a tie,
 * too, which the policy named first wins.  QEMU checks the remaining memory only every 50 ms,
 * so a forecast cannot be more precise. */
#define TIE_FACTOR 1.05
#define TIE_MS 100

/* QEMU checks the remaining memory every 50 ms, and its downtime limit excludes the overhead. */
#define PAUSE_SLACK_MS (CONVERGE_PAUSE_OVERHEAD_MS + 50)

/* The outcome of one run. */
typedef struct {
    convergeEnd end;
    double switchMs, totalMs, pauseMs, lostMs, sentBytes;
    unsigned int peakThrottle;
} forecastRun;

static const char *const endNames[] = {
    [CONVERGE_END_LIMITS] = "completes",
    [CONVERGE_END_PAUSE] = "long-pause",
    [CONVERGE_END_POSTCOPY] = "post-copy",
    [CONVERGE_END_ABORT] = "aborts",
    [CONVERGE_END_NEVER] = "never",
};
G_STATIC_ASSERT(G_N_ELEMENTS(endNames) == CONVERGE_END_LAST);

const char *
convergeEndName(convergeEnd end)
{
    return endNames[end];
}

static convergePlantConfig
guestAt(const convergeForecastInput *input,
        gsize i)
{
    const convergeDirtying *pair = &input->fit.corner[i < CONVERGE_FIT_CORNERS ? i : 0];
    double used = input->used.value;

    if (i == CONVERGE_FIT_CORNERS)
        used = input->used.low;
    else if (i == CONVERGE_FIT_CORNERS + 1)
        used = input->used.high;

    return (convergePlantConfig) {
        .memory = input->memory,
        .used = CLAMP(used, MIN(pair->workingSet, input->memory), input->memory),
        .workingSet = pair->workingSet,
        .writeRate = pair->writeRate,
        .bandwidth = input->bandwidth,
        .compression = input->compression,
        .compressRate = input->compressRate,
        .bestMethod = input->method,
        .probesMost = PROBES_MOST,
    };
}

/* The guest, whose migration is alone, with what the policy lets it send. */
static convergePlantConfig
limitedBy(const convergePolicy *policy,
          const convergePlantConfig *guest)
{
    double limit = (double)convergePolicyGet(policy, CONVERGE_FIELD_LINK_LIMIT) * 1024 * 1024;
    convergePlantConfig limited = *guest;

    if (limit > 0)
        limited.bandwidth = MIN(limited.bandwidth, limit);
    return limited;
}

static forecastRun
runOne(const convergePlantConfig *unlimited,
       const convergePolicy *policy,
       gint64 pauseMostMs)
{
    const convergePlantConfig guest = limitedBy(policy, unlimited);
    gint64 pauseMs = convergePolicyGet(policy, CONVERGE_FIELD_MAX_DOWNTIME);
    g_autoptr(convergePlant) plant = convergePlantNew(&guest);
    convergeBackend backend = { &convergePlantOps, plant };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_AVAILABLE,
                                                   NULL, NULL);
    const convergePlantResult *result = convergePlantGetResult(plant);
    double longest = GIVE_UP_MS + GIVE_UP_PASSES * guest.used / guest.bandwidth * 1000;
    forecastRun run = { CONVERGE_END_NEVER };
    gint64 now = 0;

    while (!result->completed && !result->aborted && (double)now < longest &&
           result->passes < PASSES_MOST) {
        now += convergeLoopStep(loop);
        convergePlantAdvance(plant, now);
    }
    convergeLoopEnd(loop, result->completed, now);

    run.switchMs = (double)result->totalMs;
    run.totalMs = (double)result->allMs;
    run.pauseMs = (double)result->pauseMs;
    run.lostMs = result->lostMs;
    run.sentBytes = result->sentBytes;
    run.peakThrottle = result->peakThrottle;

    if (result->aborted) {
        run.end = CONVERGE_END_ABORT;
    } else if (result->postcopy) {
        run.end = CONVERGE_END_POSTCOPY;
    } else if (result->completed) {
        if (pauseMostMs > 0)
            pauseMs = MIN(pauseMs, pauseMostMs);
        run.end = run.pauseMs <= (double)(pauseMs + PAUSE_SLACK_MS) ? CONVERGE_END_LIMITS :
                                                                      CONVERGE_END_PAUSE;
    }
    return run;
}

static gboolean
completes(convergeEnd end)
{
    return end < CONVERGE_END_ABORT;
}

static void
widen(convergeRange *range,
      double value,
      gboolean first)
{
    if (first) {
        range->value = range->low = range->high = value;
    } else {
        range->low = MIN(range->low, value);
        range->high = MAX(range->high, value);
    }
}

static convergeForecast
forecast(const convergeForecastInput *input,
         const convergeForecastPolicy *policy)
{
    convergeForecast result = { .text = policy->text };
    gsize i;

    for (i = 0; i < GUESTS; i++) {
        convergePlantConfig guest = guestAt(input, i);
        forecastRun run = runOne(&guest, policy->policy, input->pauseMostMs);

        if (i == 0) {
            result.end = result.worst = run.end;
            result.completes = completes(run.end);
            result.switchMs = run.switchMs;
            result.peakThrottle = run.peakThrottle;
        }
        result.worst = MAX(result.worst, run.end);
        if (result.end == CONVERGE_END_NEVER)
            break; /* worse is not possible */
        if (!result.completes || !completes(run.end))
            continue;

        widen(&result.totalMs, run.totalMs, i == 0);
        widen(&result.pauseMs, run.pauseMs, i == 0);
        widen(&result.lostMs, run.lostMs, i == 0);
        widen(&result.sentBytes, run.sentBytes, i == 0);
    }
    return result;
}

static convergeClass
classify(const convergePlantConfig *guest,
         const convergePolicy *free,
         const convergePolicy *throttled)
{
    if (runOne(guest, free, 0).end == CONVERGE_END_LIMITS)
        return CONVERGE_CLASS_CONVERGES;
    if (runOne(guest, throttled, 0).end == CONVERGE_END_LIMITS)
        return CONVERGE_CLASS_MIDDLE;
    return CONVERGE_CLASS_BEYOND;
}

static gboolean
isLess(double a,
       double b)
{
    return a * TIE_FACTOR + TIE_MS < b;
}

static gboolean
losesLess(const convergeForecast *a,
          const convergeForecast *b)
{
    if (isLess(a->lostMs.value, b->lostMs.value) || isLess(b->lostMs.value, a->lostMs.value))
        return a->lostMs.value < b->lostMs.value;
    return isLess(a->totalMs.value, b->totalMs.value);
}

/* Index of the policy that costs the guest least, of those whose end and worst end are no
 * worse than @end and @worst; -1: no such policy. */
static int
leastLost(const GArray *policies,
          convergeEnd end,
          convergeEnd worst)
{
    int best = -1;
    guint i;

    for (i = 0; i < policies->len; i++) {
        const convergeForecast *one = &g_array_index(policies, convergeForecast, i);

        if (one->end > end || one->worst > worst)
            continue;
        if (best < 0 || losesLess(one, &g_array_index(policies, convergeForecast, best)))
            best = (int)i;
    }
    return best;
}

/* Prefers policies that end within their limits to all others, and certain ends to uncertain
 * ones. */
static void
recommend(convergeForecasts *forecasts)
{
    static const struct {
        convergeEnd end, worst;
    } tiers[] = {
        { CONVERGE_END_LIMITS, CONVERGE_END_LIMITS },
        { CONVERGE_END_LIMITS, CONVERGE_END_NEVER },
        { CONVERGE_END_POSTCOPY, CONVERGE_END_POSTCOPY },
        { CONVERGE_END_POSTCOPY, CONVERGE_END_NEVER },
    };
    const convergeForecast *chosen, *least;
    gsize i;

    forecasts->recommended = forecasts->cheaper = -1;
    for (i = 0; i < G_N_ELEMENTS(tiers) && forecasts->recommended < 0; i++)
        forecasts->recommended = leastLost(forecasts->policies, tiers[i].end, tiers[i].worst);
    if (forecasts->recommended < 0)
        return;

    i = leastLost(forecasts->policies, CONVERGE_END_POSTCOPY, CONVERGE_END_NEVER);
    chosen = &g_array_index(forecasts->policies, convergeForecast, forecasts->recommended);
    least = &g_array_index(forecasts->policies, convergeForecast, i);
    if (least->end > chosen->end && isLess(least->lostMs.value, chosen->lostMs.value))
        forecasts->cheaper = (int)i;
}

convergeForecasts *
convergeForecastsNew(const convergeForecastInput *input,
                     const convergePolicy *free,
                     const convergePolicy *throttled,
                     const convergeForecastPolicy *policies,
                     gsize n)
{
    convergeForecasts *forecasts = g_new0(convergeForecasts, 1);
    gsize i;

    for (i = 0; free && i < GUESTS; i++) {
        convergePlantConfig guest = guestAt(input, i);
        convergeClass class_ = classify(&guest, free, throttled);

        if (i == 0)
            forecasts->class_ = class_;
        forecasts->mayBe[class_] = TRUE;
    }

    forecasts->policies = g_array_new(FALSE, FALSE, sizeof(convergeForecast));
    for (i = 0; i < n; i++) {
        convergeForecast one = forecast(input, &policies[i]);

        g_array_append_val(forecasts->policies, one);
    }
    recommend(forecasts);
    return forecasts;
}

void
convergeForecastsFree(convergeForecasts *forecasts)
{
    if (!forecasts)
        return;

    g_array_unref(forecasts->policies);
    g_free(forecasts);
}
