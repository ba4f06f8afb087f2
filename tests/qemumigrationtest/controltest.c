/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * controltest.c: which decisions follow from a model, and their texts
 */
#include <string.h>

#include "engine/control.h"
#include "throttle/throttle.h"

#define MB 1e6

/* A pass has ended. */
#define PASS (CONVERGE_NEWS_SYNC | CONVERGE_NEWS_PASS)

#define QEMU (&convergeThrottles[CONVERGE_METHOD_QEMU]->traits)
#define QUOTA (&convergeThrottles[CONVERGE_METHOD_VCPU_QUOTA]->traits)

typedef struct _controlCase controlCase;
struct _controlCase {
    const char *name;
    const char *policy;
    double bandwidth, workingSet, writeRate, remaining;
    /* What is expected: */
    convergeClass class_;
    unsigned int minThrottle, maxThrottle; /* of the plan */
    gint64 maxDowntime;                    /* of the plan, ms */
};

static const controlCase cases[] = {
    { "idle", "adaptive", 100 * MB, 1 * MB, 0.1 * MB, 500 * MB,
      CONVERGE_CLASS_CONVERGES, 0, 0, 100 },
    { "light", "adaptive", 100 * MB, 400 * MB, 20 * MB, 300 * MB,
      CONVERGE_CLASS_CONVERGES, 0, 0, 100 },
    { "middle", "adaptive", 100 * MB, 400 * MB, 250 * MB, 390 * MB,
      CONVERGE_CLASS_MIDDLE, 80, 95, 299 },
    { "middle-capped", "adaptive,max-throttle=75", 100 * MB, 400 * MB, 250 * MB, 390 * MB,
      CONVERGE_CLASS_MIDDLE, 70, 75, 299 },
    { "hard-middle", "adaptive", 100 * MB, 400 * MB, 2300 * MB, 400 * MB,
      CONVERGE_CLASS_MIDDLE, 99, 99, 299 },
    /* What no throttle helps for sure is not throttled. */
    { "beyond", "adaptive", 100 * MB, 800 * MB, 12000 * MB, 800 * MB,
      CONVERGE_CLASS_BEYOND, 0, 0, 299 },
    { "capped-beyond", "adaptive,max-throttle=30", 100 * MB, 400 * MB, 250 * MB, 390 * MB,
      CONVERGE_CLASS_BEYOND, 0, 0, 299 },
    { "no-throttle", "adaptive,throttle=none", 100 * MB, 400 * MB, 250 * MB, 390 * MB,
      CONVERGE_CLASS_BEYOND, 0, 0, 299 },
    { "fits-the-pause", "adaptive,max-downtime=10s", 100 * MB, 400 * MB, 250 * MB, 390 * MB,
      CONVERGE_CLASS_CONVERGES, 0, 95, 9999 },
    /* Fixed law: the stated downtime, no less and no more. */
    { "fixed", "adaptive,downtime=fixed,max-downtime=50ms", 100 * MB, 1 * MB, 0, 300 * MB,
      CONVERGE_CLASS_CONVERGES, 0, 0, 50 },
};

static void
fill(convergeModel *model,
     const controlCase *data)
{
    *model = (convergeModel) {
        .bandwidth = data->bandwidth,
        .usualBandwidth = data->bandwidth,
        .recentBandwidth = data->bandwidth,
        .slowMs = -1,
        .passes.n = 1,
        .probes.n = 1,
        .guest = { data->workingSet, data->writeRate, 1 },
        .least = { data->workingSet, data->writeRate, 1 },
        .most = { data->workingSet, data->writeRate, 1 },
    };
    model->last = (convergeSample) {
        .active = TRUE,
        .totalBytes = 1000000000,
        .remainingBytes = (guint64)data->remaining,
    };
}

/* @n passes have ended. */
static void
endPasses(convergeModel *model,
          guint64 n)
{
    model->pass.n = n;
    model->pass.bulkLeft = (double)model->last.remainingBytes;
    model->pass.bulkDirtied = model->pass.bulkLeft;
}

/* QEMU's limit follows compression, the allowed downtime does not. */
static void
testCompression(void)
{
    static const struct {
        double saved;
        gint64 limitMs; /* 0: nothing is decided */
    } rows[] = { { 0, 0 }, { 2 / 3.0, 900 }, { 0.65, 0 }, { 0.5, 600 }, { 0, 300 } };
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive,throttle=none,downtime=fixed,max-downtime=300ms", NULL);
    convergeControl control = { .state = { .policy = policy, .throttle = QEMU } };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeModel model = { .last = { .active = TRUE, .totalBytes = 1000000000, .remainingBytes = 500000000, .iteration = 1 } };
    gsize i;

    g_assert_cmpuint(convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions), ==, 2);
    g_assert_cmpint(decisions[1].limitMs, ==, 300);

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned int n;

        model.saved = rows[i].saved;
        n = convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
        g_assert_cmpuint(n, ==, rows[i].limitMs > 0);
        if (n == 0)
            continue;
        g_assert_cmpint(decisions[0].verb, ==, CONVERGE_VERB_DOWNTIME);
        g_assert_cmpint(decisions[0].reason, ==, CONVERGE_REASON_COMPRESSION);
        g_assert_cmpint(decisions[0].downtimeMs, ==, 300);
        g_assert_cmpint(decisions[0].limitMs, ==, rows[i].limitMs);
    }
}

static void
testCase(gconstpointer opaque)
{
    const controlCase *data = opaque;
    g_autoptr(convergePolicy) policy = convergePolicyParse(data->policy, NULL);
    convergeControl control = { .state = { .policy = policy, .throttle = QEMU } };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeModel model;
    unsigned int said = 0;
    unsigned int n, i;

    fill(&model, data);

    /* At the start: hold QEMU, and set the downtime. */
    g_assert_cmpuint(convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions), ==, 2);
    g_assert_cmpint(decisions[0].verb, ==,
                    convergePolicyGet(policy, CONVERGE_FIELD_THROTTLE) == CONVERGE_THROTTLE_NONE ?
                        CONVERGE_VERB_HOLD :
                        CONVERGE_VERB_PRIME);
    g_assert_cmpint(decisions[1].verb, ==, CONVERGE_VERB_DOWNTIME);
    g_assert_cmpint(decisions[1].downtimeMs, <=, data->maxDowntime);

    /* Nothing during the bulk pass, whatever is known. */
    g_assert_cmpuint(convergeControlDecide(&control, &model, CONVERGE_NEWS_PROBE, decisions), ==, 0);

    endPasses(&model, 1);
    n = convergeControlDecide(&control, &model, PASS, decisions);
    g_assert_cmpint(control.state.class_, ==, data->class_);
    g_assert_cmpuint(control.state.plan.throttle, >=, data->minThrottle);
    g_assert_cmpuint(control.state.plan.throttle, <=, data->maxThrottle);
    g_assert_cmpint(control.state.plan.downtimeMs, <=, data->maxDowntime);

    for (i = 0; i < n; i++) {
        g_autofree char *text = convergeDecisionExplain(&decisions[i], &model);

        g_test_message("%s", text);
        g_assert_nonnull(g_strstr_len(text, -1, ": "));
        g_assert_false(g_str_has_suffix(text, "."));
    }

    /* The same again is no news, and no decision is repeated.  But a throttle that gains nothing gets
     * all of the allowed downtime, once. */
    model.last.throttle = control.state.plan.throttle;
    for (i = 0; i < 5; i++) {
        n = convergeControlDecide(&control, &model, PASS, decisions);
        if (n == 0)
            continue;
        said++;
        g_assert_cmpuint(control.state.plan.throttle, >, 0);
        g_assert_cmpint(decisions[0].verb, ==, CONVERGE_VERB_DOWNTIME);
        g_assert_cmpint(decisions[0].reason, ==, CONVERGE_REASON_UNFULFILLED);
    }
    g_assert_cmpuint(said, <=, 1);
}

static void
testStepped(void)
{
    g_autoptr(convergePolicy) policy =
        convergePolicyParse("stepped,initial-throttle=30,throttle-increment=5,max-throttle=70", NULL);
    convergeControl control = { .state = { .policy = policy, .throttle = QEMU } };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeModel model;

    fill(&model, &cases[2]);
    g_assert_cmpuint(convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions), ==, 2);
    g_assert_cmpint(decisions[0].verb, ==, CONVERGE_VERB_STEP);
    g_assert_cmpuint(decisions[0].throttle, ==, 30);
    g_assert_cmpuint(decisions[0].increment, ==, 5);
    g_assert_cmpuint(decisions[0].maxThrottle, ==, 70);
    g_assert_cmpint(decisions[1].downtimeMs, ==, 300);

    /* QEMU steps by itself: there is never a set-point. */
    endPasses(&model, 1);
    g_assert_cmpuint(convergeControlDecide(&control, &model, PASS, decisions), ==, 0);
}

static void
testHandsOff(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    convergeControl control = { .state = { .policy = policy, .throttle = QEMU } };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeModel model;

    fill(&model, &cases[2]);
    model.last.postcopy = TRUE;
    g_assert_cmpuint(convergeControlDecide(&control, &model, PASS, decisions), ==, 0);
    model.last.postcopy = FALSE;
    model.last.paused = TRUE;
    g_assert_cmpuint(convergeControlDecide(&control, &model, PASS, decisions), ==, 0);
    model.last.paused = FALSE;
    model.last.active = FALSE;
    g_assert_cmpuint(convergeControlDecide(&control, &model, PASS, decisions), ==, 0);
}

static void
testCeiling(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    convergeControl control = { .state = { .policy = policy, .throttle = QEMU } };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeModel model;

    fill(&model, &cases[2]);
    convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);

    /* The ceiling holds at once, even in the bulk pass. */
    convergeControlSetCeiling(&control, 40);
    g_assert_cmpuint(convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions), ==, 1);
    g_assert_cmpint(decisions[0].verb, ==, CONVERGE_VERB_DOWNTIME);
    g_assert_cmpint(decisions[0].reason, ==, CONVERGE_REASON_CEILING);
    g_assert_cmpint(decisions[0].downtimeMs, ==, 40);
}

typedef struct _skipCase skipCase;
struct _skipCase {
    convergePostcopy postcopy;
    convergeReason reason;
    const char *says;
};

static const skipCase skips[] = {
    { CONVERGE_POSTCOPY_NO_FLAG, CONVERGE_REASON_NO_POSTCOPY, "VIR_MIGRATE_POSTCOPY" },
    { CONVERGE_POSTCOPY_PARALLEL, CONVERGE_REASON_POSTCOPY_PARALLEL, "parallel connections" },
    { CONVERGE_POSTCOPY_VFIO, CONVERGE_REASON_POSTCOPY_VFIO, "VFIO" },
};
G_STATIC_ASSERT(G_N_ELEMENTS(skips) == CONVERGE_POSTCOPY_AVAILABLE);

/* A rung that cannot be taken is skipped with a reason, and the next one is taken at once. */
static void
testSkips(void)
{
    g_autoptr(convergePolicy) policy =
        convergePolicyParse("stepped,passes=1,fallback=post-copy+suspend", NULL);
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeModel model;
    gsize i;

    fill(&model, &cases[2]);
    for (i = 0; i < G_N_ELEMENTS(skips); i++) {
        convergeControl control = {
            .state = { .policy = policy, .throttle = QEMU, .postcopy = skips[i].postcopy },
        };
        g_autofree char *text = NULL;

        endPasses(&model, 0);
        convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
        endPasses(&model, 1);
        g_assert_cmpuint(convergeControlDecide(&control, &model, PASS, decisions), ==, 2);
        g_assert_cmpint(decisions[0].verb, ==, CONVERGE_VERB_SKIP);
        g_assert_cmpint(decisions[0].reason, ==, skips[i].reason);
        g_assert_cmpint(decisions[1].verb, ==, CONVERGE_VERB_SUSPEND);
        g_assert_cmpint(decisions[1].reason, ==, CONVERGE_REASON_PASSES);

        text = convergeDecisionExplain(&decisions[0], &model);
        g_assert_nonnull(strstr(text, skips[i].says));
    }
}

/* Each verb, reason and class has a name. */
static void
testNames(void)
{
    int i;

    for (i = 0; i < CONVERGE_VERB_LAST; i++)
        g_assert_nonnull(convergeVerbName(i));
    for (i = 0; i < CONVERGE_CLASS_LAST; i++)
        g_assert_nonnull(convergeClassName(i));
    for (i = 0; i < CONVERGE_REASON_LAST; i++) {
        convergeModel model = { 0 };
        convergeDecision decision = { .verb = CONVERGE_VERB_HOLD, .reason = i };
        g_autofree char *text = convergeDecisionExplain(&decision, &model);

        g_assert_nonnull(convergeReasonName(i));
        g_assert_null(g_strstr_len(text, -1, "(null)"));
    }
}

/* A throttled guest seems to have calmed down.  The throttle is lifted, but not for the gain of a
 * second if the model fits the observations badly. */
static void
testLoosens(void)
{
    const struct {
        double remaining, fitError;
        gboolean loosens;
    } rows[] = {
        { 100 * MB, 0.02, TRUE },
        { 100 * MB, 0.64, FALSE },
        { 380 * MB, 0.02, TRUE },
        { 380 * MB, 0.64, TRUE },
    };
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        controlCase calm = { .bandwidth = 95 * MB, .workingSet = 400 * MB, .writeRate = 250 * MB, .remaining = 280 * MB };
        convergeControl control = { .state = { .policy = policy, .throttle = QUOTA } };
        convergeDecision decisions[CONVERGE_DECISIONS_MAX];
        convergeModel model;
        unsigned int look;

        fill(&model, &calm);
        convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
        endPasses(&model, 1);
        convergeControlDecide(&control, &model, PASS, decisions);
        g_assert_cmpuint(control.state.plan.throttle, >=, 80);

        calm.writeRate = 83 * MB;
        calm.remaining = rows[i].remaining;
        fill(&model, &calm);
        model.fitError = rows[i].fitError;
        endPasses(&model, 1);
        model.last.throttle = control.state.plan.throttle;
        for (look = 0; look < 3; look++)
            convergeControlDecide(&control, &model, CONVERGE_NEWS_PROBE, decisions);
        g_test_message("%.0f MB left, fit %.2f: %u %%", rows[i].remaining / MB, rows[i].fitError,
                       control.state.plan.throttle);
        g_assert_cmpint(control.state.plan.throttle < 80, ==, rows[i].loosens);
    }
}

/* One look is enough to fall back only if even the plausible guest that dirties least is beyond;
 * otherwise a second look must agree. */
static void
testSecondLook(void)
{
    const struct {
        double leastRate;
        unsigned int looks;
    } rows[] = { { 12000 * MB, 1 }, { 250 * MB, 2 } };
    const controlCase data = { .bandwidth = 100 * MB, .workingSet = 800 * MB, .writeRate = 12000 * MB, .remaining = 800 * MB };
    g_autoptr(convergePolicy) policy =
        convergePolicyParse("adaptive,fallback=suspend,fallback-when=prediction", NULL);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeControl control = { .state = { .policy = policy, .throttle = QUOTA } };
        convergeDecision decisions[CONVERGE_DECISIONS_MAX];
        convergeModel model;
        unsigned int look = 0;

        fill(&model, &data);
        model.least.writeRate = rows[i].leastRate;
        convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
        endPasses(&model, 1);
        while (!control.ladder.fallbackTaken && look++ < 5)
            convergeControlDecide(&control, &model, CONVERGE_NEWS_PROBE, decisions);
        g_assert_cmpuint(look, ==, rows[i].looks);
        g_assert_cmpint(decisions[0].verb, ==, CONVERGE_VERB_SUSPEND);
    }
}

/* Two looks count only in a row: one in between that finds a way makes them start anew. */
static void
testLooksInARow(void)
{
    const controlCase beyond = { .bandwidth = 100 * MB, .workingSet = 800 * MB, .writeRate = 12000 * MB, .remaining = 800 * MB };
    const controlCase calm = { .bandwidth = 100 * MB, .workingSet = 800 * MB, .writeRate = 20 * MB, .remaining = 30 * MB };
    const controlCase *const looks[] = { &beyond, &calm, &beyond, &beyond };
    g_autoptr(convergePolicy) policy =
        convergePolicyParse("adaptive,fallback=suspend,fallback-when=prediction", NULL);
    convergeControl control = { .state = { .policy = policy, .throttle = QEMU } };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeModel model;
    gsize i;

    fill(&model, &beyond);
    convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
    for (i = 0; i < G_N_ELEMENTS(looks); i++) {
        unsigned int n;

        fill(&model, looks[i]);
        model.least.writeRate = 20 * MB;
        endPasses(&model, 1 + i);
        n = convergeControlDecide(&control, &model, PASS, decisions);
        g_assert_cmpint(n > 0 && decisions[0].verb == CONVERGE_VERB_SUSPEND, ==,
                        i == G_N_ELEMENTS(looks) - 1);
    }
}

/* Starts a migration under @policy, looks once at the end of the bulk pass, and returns what
 * is decided first then. */
static convergeDecision
firstLook(const char *text,
          const controlCase *data,
          convergeNews news)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse(text, NULL);
    convergeControl control = { .state = { .policy = policy, .throttle = QUOTA } };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeModel model;

    fill(&model, data);
    convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
    endPasses(&model, 1);
    g_assert_cmpuint(convergeControlDecide(&control, &model, news, decisions), >, 0);
    return decisions[0];
}

/* Whether another rung is cheaper is asked with a sync; between two of them too little is known
 * of what is dirty. */
static void
testCheaperOnlyWithASync(void)
{
    const controlCase data = { .bandwidth = 100 * MB, .workingSet = 400 * MB, .writeRate = 1000 * MB, .remaining = 400 * MB };
    const char *policy = "adaptive,fallback=suspend,fallback-when=cheaper";

    g_assert_cmpint(firstLook(policy, &data, CONVERGE_NEWS_PROBE).verb, ==, CONVERGE_VERB_THROTTLE);
    g_assert_cmpint(firstLook(policy, &data, PASS).verb, ==, CONVERGE_VERB_SUSPEND);
}

/* To lose half as much again is hopeless where that is more than a second, however often it is
 * looked at; of short times the ratio means nothing. */
static void
testShortTimesAreNotHopeless(void)
{
    const struct {
        controlCase data;
        gboolean hopeless;
    } rows[] = {
        { { .bandwidth = 100 * MB, .workingSet = 45 * MB, .writeRate = 2684 * MB, .remaining = 30 * MB }, FALSE },
        { { .bandwidth = 100 * MB, .workingSet = 400 * MB, .writeRate = 5960 * MB, .remaining = 400 * MB }, TRUE },
    };
    g_autoptr(convergePolicy) policy =
        convergePolicyParse("adaptive,fallback=suspend,fallback-when=prediction", NULL);
    gsize i;
    int look;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeControl control = { .state = { .policy = policy, .throttle = QUOTA } };
        convergeDecision decisions[CONVERGE_DECISIONS_MAX];
        gboolean fallsBack = FALSE;
        convergeModel model;

        fill(&model, &rows[i].data);
        convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
        for (look = 0; look < 3 && !fallsBack; look++) {
            endPasses(&model, 1 + (guint64)look);
            fallsBack = convergeControlDecide(&control, &model, PASS, decisions) > 0 &&
                decisions[0].verb == CONVERGE_VERB_SUSPEND;
        }
        g_assert_cmpint(fallsBack, ==, rows[i].hopeless);
    }
}

/* The strongest throttle, under which a vCPU stands still for long at a time, is for where
 * nothing gentler converges or where it saves about a third of what the guest loses. */
static void
testStrongestOnlyWhereItSaves(void)
{
    unsigned int saving = 0;
    double rate;

    for (rate = 1000 * MB; rate < 2000 * MB; rate += 20 * MB) {
        const controlCase data = { .bandwidth = 100 * MB, .workingSet = 400 * MB, .writeRate = rate, .remaining = 400 * MB };
        convergeDecision gentle = firstLook("adaptive,max-throttle=97", &data, PASS);
        convergeDecision any = firstLook("adaptive", &data, PASS);

        g_test_message("%.0f MB/s: %u %%", rate / MB, any.throttle);
        if (!gentle.prediction.converges) {
            g_assert_cmpuint(any.throttle, ==, 99);
        } else if (any.throttle > 97) {
            g_assert_cmpfloat((double)any.prediction.lostMs * 1.4, <, (double)gentle.prediction.lostMs);
            saving++;
        } else {
            g_assert_cmpuint(any.throttle, ==, gentle.throttle);
        }
    }
    g_assert_cmpuint(saving, >, 0);
}

/* The more the guests that may be differ, the more may a prediction be wrong, and it may be wrong in
 * any case; also where the worst of them never gets there. */
static void
testErrorOfAPrediction(void)
{
    const struct {
        double leastRate, mostRate;
    } rows[] = { { 250 * MB, 250 * MB }, { 200 * MB, 300 * MB }, { 200 * MB, 12000 * MB } };
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    gint64 before = 0;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeControl control = { .state = { .policy = policy, .throttle = QUOTA } };
        convergeDecision decisions[CONVERGE_DECISIONS_MAX];
        const convergePrediction *prediction = &decisions[0].prediction;
        convergeModel model;

        fill(&model, &cases[2]);
        model.least.writeRate = rows[i].leastRate;
        model.most.writeRate = rows[i].mostRate;
        convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
        endPasses(&model, 1);
        convergeControlDecide(&control, &model, PASS, decisions);
        g_assert_cmpint(decisions[0].verb, ==, CONVERGE_VERB_THROTTLE);
        g_assert_true(decisions[0].predicted && prediction->converges);
        g_assert_cmpint(prediction->remaining.leastMs, <, prediction->remainingMs);
        g_assert_cmpint(prediction->errorMs, >=, prediction->remaining.mostMs - prediction->remainingMs);
        g_assert_cmpint(prediction->errorMs, >, before);
        before = prediction->errorMs;
    }
}

/* QEMU that is kept ready throttles a pass sooner than one that was let go of. */
static void
testReadyQemuThrottlesSooner(void)
{
    const controlCase calm = { .bandwidth = 100 * MB, .workingSet = 400 * MB, .writeRate = 1 * MB, .remaining = 100 * MB };
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    gint64 remainingMs[2];
    int letGo;

    for (letGo = 0; letGo < 2; letGo++) {
        convergeControl control = { .state = { .policy = policy, .throttle = QEMU } };
        convergeDecision decisions[CONVERGE_DECISIONS_MAX];
        convergeModel model;

        fill(&model, &cases[2]);
        convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
        if (letGo) {
            fill(&model, &calm);
            endPasses(&model, 1);
            g_assert_cmpuint(convergeControlDecide(&control, &model, PASS,
                                                   decisions),
                             ==, 1);
            g_assert_cmpint(decisions[0].verb, ==, CONVERGE_VERB_HOLD);
            fill(&model, &cases[2]);
        }
        endPasses(&model, 1);
        convergeControlDecide(&control, &model, PASS, decisions);
        g_assert_cmpint(decisions[0].verb, ==, CONVERGE_VERB_THROTTLE);
        remainingMs[letGo] = decisions[0].prediction.remainingMs;
    }
    g_assert_cmpint(remainingMs[1], >, remainingMs[0] + 1000);
}

/* A guest that varies a little makes no decisions. */
static void
testPlanInForceIsKept(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    convergeControl control = { .state = { .policy = policy, .throttle = QUOTA } };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeModel model;
    double remaining;

    fill(&model, &cases[2]);
    convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
    endPasses(&model, 1);
    convergeControlDecide(&control, &model, PASS, decisions);
    model.last.throttle = decisions[0].throttle;
    for (remaining = 390 * MB; remaining > 1 * MB; remaining -= 5 * MB) {
        gsize i;

        for (i = 0; i < 3; i++) {
            model.last.remainingBytes = (guint64)remaining;
            model.guest.writeRate = (240 + 10 * (double)i) * MB;
            model.least = model.most = model.guest;
            g_assert_cmpuint(convergeControlDecide(&control, &model, CONVERGE_NEWS_PROBE,
                                                   decisions),
                             ==, 0);
        }
    }
}

/* A guest that has been throttled does not converge by itself, even if it is let go of. */
static void
testThrottledGuestIsMiddle(void)
{
    const controlCase calm = { .bandwidth = 100 * MB, .workingSet = 400 * MB, .writeRate = 1 * MB, .remaining = 100 * MB };
    const controlCase *const looks[] = { &cases[2], &calm, &calm, &calm };
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    convergeControl control = { .state = { .policy = policy, .throttle = QUOTA } };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeVerb last = CONVERGE_VERB_LAST;
    convergeModel model;
    gsize i;

    fill(&model, looks[0]);
    convergeControlDecide(&control, &model, CONVERGE_NEWS_NONE, decisions);
    for (i = 0; i < G_N_ELEMENTS(looks); i++) {
        fill(&model, looks[i]);
        endPasses(&model, 1 + i);
        if (convergeControlDecide(&control, &model, PASS, decisions) > 0)
            last = decisions[0].verb;
        g_assert_cmpint(control.state.class_, ==, CONVERGE_CLASS_MIDDLE);
    }
    g_assert_cmpint(last, ==, CONVERGE_VERB_HOLD);
}

int
main(int argc, char **argv)
{
    gsize i;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/control/compression", testCompression);
    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/control/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], testCase);
    }
    g_test_add_func("/control/stepped", testStepped);
    g_test_add_func("/control/hands-off", testHandsOff);
    g_test_add_func("/control/ceiling", testCeiling);
    g_test_add_func("/control/loosens", testLoosens);
    g_test_add_func("/control/second-look", testSecondLook);
    g_test_add_func("/control/skips", testSkips);
    g_test_add_func("/control/names", testNames);
    g_test_add_func("/control/looks-in-a-row", testLooksInARow);
    g_test_add_func("/control/cheaper-only-with-a-sync", testCheaperOnlyWithASync);
    g_test_add_func("/control/short-times-are-not-hopeless", testShortTimesAreNotHopeless);
    g_test_add_func("/control/strongest-only-where-it-saves", testStrongestOnlyWhereItSaves);
    g_test_add_func("/control/error-of-a-prediction", testErrorOfAPrediction);
    g_test_add_func("/control/ready-qemu-throttles-sooner", testReadyQemuThrottlesSooner);
    g_test_add_func("/control/plan-in-force-is-kept", testPlanInForceIsKept);
    g_test_add_func("/control/throttled-guest-is-middle", testThrottledGuestIsMiddle);
    return g_test_run();
}
