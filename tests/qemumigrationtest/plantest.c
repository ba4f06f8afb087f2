/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plantest.c: which plans are allowed, and which one is chosen
 */
#include "engine/plan.h"
#include "feed.h"
#include "throttle/throttle.h"

#define LINK (100 * MB)

static const convergeThrottleMethod methods[] = {
    CONVERGE_METHOD_QEMU,
    CONVERGE_METHOD_VCPU_QUOTA,
};

static convergePlanLimits
limitsOf(convergeThrottleMethod method)
{
    return (convergePlanLimits) {
        .throttle = &convergeThrottles[method]->traits,
        .latency = 1,
        .highestThrottle = 99,
        .adaptiveDowntime = TRUE,
        .initialDowntimeMs = 100,
        .maxDowntimeMs = 300,
        .overheadMs = CONVERGE_PAUSE_OVERHEAD_MS,
        .refuted = -1,
    };
}

/* The bulk pass, of 20 s, has just ended and left @left bytes; the guest is known for sure. */
static convergeModel
modelOf(convergeGuest guest,
        double left)
{
    convergeModel model = {
        .bandwidth = LINK,
        .usualBandwidth = LINK,
        .slowMs = -1,
        .guest = guest,
        .least = guest,
        .most = guest,
        .syncMs = 20000,
        .pass = {
            .n = 1,
            .seconds = 20,
            .beginMs = 20000,
            .bulkMs = 20000,
            .bulkLeft = left,
            .bulkDirtied = left,
        },
    };

    model.last.active = TRUE;
    model.last.timeMs = 20000;
    model.last.iteration = 2;
    model.last.totalBytes = 10000000000;
    model.last.remainingBytes = (guint64)left;
    return model;
}

static convergeChoice
choose(const convergePlanLimits *limits,
       const convergeModel *model)
{
    convergePlan now = convergePlanMake(limits, model->last.throttle,
                                        convergePlanLowestDowntime(limits, 0));

    return convergePlanChoose(limits, model, &now);
}

/* A throttle with a delay may never come. */
static unsigned int
throttleNow(const convergeChoice *choice)
{
    return choice->plan.delay > 0 ? choice->plan.before : choice->plan.throttle;
}

static const convergeGuest busy = { 400 * MB, 250 * MB, 1, 0, 0 };
static const convergeGuest beyond = { 800 * MB, 50000 * MB, 1, 0, 0 };

/* Most of what the bulk pass left is cold: a free pass leaves half of it, and a throttle costs less
 * after it. */
static void
testWaitsWhileFreePassesShrink(void)
{
    static const convergeGuest guests[] = {
        { 100 * MB, 400 * MB, 1, 5000 * MB, 20 * MB },
        { 200 * MB, 2000 * MB, 1, 8000 * MB, 30 * MB },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(guests); i++) {
        for (j = 0; j < G_N_ELEMENTS(methods); j++) {
            convergePlanLimits limits = limitsOf(methods[j]);
            convergeModel model = modelOf(guests[i], 3000 * MB);
            convergeChoice choice = choose(&limits, &model);
            convergePlan atOnce = choice.plan;

            atOnce.delay = 0;
            g_assert_true(choice.prediction.converges);
            g_assert_cmpuint(choice.plan.throttle, >, 0);
            g_assert_cmpuint(choice.plan.delay, >, 0);
            g_assert_cmpuint(choice.plan.before, ==, 0);
            g_assert_cmpint(3 * choice.prediction.lostMs, <,
                            2 * convergePlanPredict(&limits, &model, &atOnce).lostMs);
        }
    }
}

/* A guest that has dirtied all of its memory within each pass gains nothing by waiting. */
static void
testDoesNotWaitForNothing(void)
{
    static const convergeGuest fast = { 400 * MB, 2000 * MB, 1, 0, 0 };
    gsize j;

    for (j = 0; j < G_N_ELEMENTS(methods); j++) {
        convergePlanLimits limits = limitsOf(methods[j]);
        convergeModel model = modelOf(fast, 400 * MB);
        convergeChoice choice = choose(&limits, &model);

        g_assert_cmpint(choice.class_, ==, CONVERGE_CLASS_MIDDLE);
        g_assert_cmpuint(choice.plan.throttle, >=, 90);
        g_assert_cmpuint(choice.plan.delay, ==, 0);
    }
}

/* As long as it may turn out that the guest converges by itself, the end of the pass is waited for, though
 * a throttle at once would cost a little less; but only in the first passes. */
static void
testWaitsForThePass(void)
{
    static const convergeGuest close = { 200 * MB, 200 * MB, 1, 0, 0 };
    static const struct {
        guint64 passes;
        double dirtied; /* share of what the last pass sent */
        gboolean waits; /* since it was decided to in this pass */
        gboolean delay;
    } rows[] = {
        { 2, 0.95, FALSE, FALSE },
        { 2, 0.6, FALSE, TRUE },
        { 2, 0.95, TRUE, TRUE },
        { 12, 0.6, FALSE, FALSE },
        { 12, 0.95, TRUE, FALSE },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (j = 0; j < G_N_ELEMENTS(methods); j++) {
            convergePlanLimits limits = limitsOf(methods[j]);
            convergeModel model = modelOf(close, 200 * MB);

            limits.waits = rows[i].waits;
            model.pass.n = rows[i].passes;
            model.pass.sent = 1000 * MB;
            model.pass.dirtied = rows[i].dirtied * 1000 * MB;
            g_assert_cmpint(choose(&limits, &model).plan.delay > 0, ==, rows[i].delay);
        }
    }
}

/* What converges by itself is left alone. */
static void
testNoneIsNeeded(void)
{
    static const convergeGuest idle = { 400 * MB, 20 * MB, 1, 0, 0 };
    gsize j;

    for (j = 0; j < G_N_ELEMENTS(methods); j++) {
        convergePlanLimits limits = limitsOf(methods[j]);
        convergeModel model = modelOf(idle, 300 * MB);
        convergeChoice choice = choose(&limits, &model);

        g_assert_cmpint(choice.class_, ==, CONVERGE_CLASS_CONVERGES);
        g_assert_cmpuint(throttleNow(&choice), ==, 0);
        g_assert_cmpint(choice.prediction.lostMs, ==, choice.prediction.pauseMs);
    }
}

/* A guest that nothing helps is not throttled for nothing, and is known as such. */
static void
testBeyond(void)
{
    gsize j;

    for (j = 0; j < G_N_ELEMENTS(methods); j++) {
        convergePlanLimits limits = limitsOf(methods[j]);
        convergeModel model = modelOf(beyond, 800 * MB);
        convergeChoice choice = choose(&limits, &model);

        g_assert_cmpint(choice.class_, ==, CONVERGE_CLASS_BEYOND);
        g_assert_false(choice.prediction.converges);
        g_assert_false(choice.trial);
        g_assert_cmpuint(choice.plan.throttle, ==, 0);

        /* But as long as a plausible guest converges, the throttle has to show it. */
        model.least = (convergeGuest) { 800 * MB, 400 * MB, 1, 0, 0 };
        choice = choose(&limits, &model);
        g_assert_true(choice.trial || choice.plan.throttle > 0);
        g_assert_cmpuint(choice.plan.throttle, >, 0);

        /* A policy with steps of its own may yet come to a throttle that helps. */
        limits.ownSteps = TRUE;
        model = modelOf(beyond, 800 * MB);
        g_assert_cmpint(choose(&limits, &model).class_, ==, CONVERGE_CLASS_UNKNOWN);
    }
}

/* No plan loses more guest time than is left of the budget. */
static void
testBudget(void)
{
    static const struct {
        gint64 lostLeftMs;
        convergeClass class_;
    } rows[] = {
        { 0, CONVERGE_CLASS_MIDDLE },
        { 60000, CONVERGE_CLASS_MIDDLE },
        { 5000, CONVERGE_CLASS_MIDDLE },
        { 2000, CONVERGE_CLASS_BEYOND },
        { 1, CONVERGE_CLASS_BEYOND },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (j = 0; j < G_N_ELEMENTS(methods); j++) {
            convergePlanLimits limits = limitsOf(methods[j]);
            convergeModel model = modelOf(busy, 400 * MB);
            convergeChoice choice;

            limits.lostLeftMs = rows[i].lostLeftMs;
            choice = choose(&limits, &model);
            g_assert_cmpint(choice.class_, ==, rows[i].class_);
            if (choice.prediction.converges && rows[i].lostLeftMs > 0)
                g_assert_cmpint(choice.prediction.lostMs, <=, rows[i].lostLeftMs);
        }
    }
}

/* A hard throttle is in force for no longer than allowed; a weaker one may come before it. */
static void
testHardThrottle(void)
{
    static const gint64 left[] = { 60000, 4000, 2000, 1000, 1 };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(left); i++) {
        for (j = 0; j < G_N_ELEMENTS(methods); j++) {
            convergePlanLimits limits = limitsOf(methods[j]);
            convergeModel model = modelOf(busy, 400 * MB);
            convergeChoice choice;

            limits.hardThrottle = 90;
            limits.hardLeftMs = left[i];
            choice = choose(&limits, &model);
            g_assert_true(choice.prediction.converges);
            g_assert_cmpint(choice.prediction.hardMs, <=, left[i]);
            if (left[i] == 1)
                g_assert_cmpuint(throttleNow(&choice), <, 90);
        }
    }
}

/* What has shown not to converge is not tried again. */
static void
testRefuted(void)
{
    static const int refuted[] = { -1, 0, 50, 97 };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(refuted); i++) {
        for (j = 0; j < G_N_ELEMENTS(methods); j++) {
            convergePlanLimits limits = limitsOf(methods[j]);
            convergeModel model = modelOf(busy, 400 * MB);
            convergeChoice choice;

            limits.refuted = refuted[i];
            choice = choose(&limits, &model);
            g_assert_true(choice.prediction.converges);
            g_assert_cmpint((int)choice.plan.throttle, >, refuted[i]);
        }
    }
}

/* QEMU's throttle is not driven below its floor; a quota may be as weak as it suffices. */
static void
testWeakest(void)
{
    /* Hardly faster than the link. */
    static const convergeGuest slow = { 4000 * MB, 104 * MB, 1, 0, 0 };
    convergePlanLimits quota = limitsOf(CONVERGE_METHOD_VCPU_QUOTA);
    convergePlanLimits qemu = limitsOf(CONVERGE_METHOD_QEMU);
    convergeModel model = modelOf(slow, 2000 * MB);

    quota.highestThrottle = qemu.highestThrottle = qemu.throttle->least / 2;
    quota.refuted = qemu.refuted = 0;
    g_assert_cmpuint(choose(&quota, &model).plan.throttle, ==, quota.highestThrottle);
    g_assert_cmpuint(choose(&qemu, &model).plan.throttle, ==, 0);
}

/* A plan that would end after the deadline is none. */
static void
testDeadline(void)
{
    static const struct {
        gint64 deadlineMs; /* 20 s of which have passed */
        convergeClass class_;
    } rows[] = {
        { 0, CONVERGE_CLASS_MIDDLE },
        { 60000, CONVERGE_CLASS_MIDDLE },
        { 21000, CONVERGE_CLASS_BEYOND },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlanLimits limits = limitsOf(CONVERGE_METHOD_VCPU_QUOTA);
        convergeModel model = modelOf(busy, 400 * MB);

        limits.deadlineMs = rows[i].deadlineMs;
        g_assert_cmpint(choose(&limits, &model).class_, ==, rows[i].class_);
    }
}

/* Room is kept in the allowed downtime for what comes on top, and for vCPUs that a throttle holds
 * back from stopping, the more the stronger it is.  But some of it may be used in any case. */
static void
testDowntimeKeepsAMargin(void)
{
    static const gint64 allowed[] = { 10, 60, 100, 300, 1000, 2000 };
    static const unsigned int throttles[] = { 0, 50, 90, 95, 99 };
    gsize i, j, k;

    for (j = 0; j < G_N_ELEMENTS(methods); j++) {
        for (i = 0; i < G_N_ELEMENTS(allowed); i++) {
            convergePlanLimits limits = limitsOf(methods[j]);
            gint64 before = G_MAXINT64;

            limits.maxDowntimeMs = allowed[i];
            for (k = 0; k < G_N_ELEMENTS(throttles); k++) {
                unsigned int throttle = throttles[k];
                gint64 highest = convergePlanHighestDowntime(&limits, throttle);
                double onTop = (double)limits.overheadMs +
                    limits.throttle->waitMs * throttle / (100.0 - throttle);

                g_assert_cmpint(highest, <=, before);
                g_assert_cmpint(highest, >=, allowed[i] / 4);
                if (allowed[i] >= 300)
                    g_assert_cmpfloat((double)highest + onTop, <=, (double)allowed[i] + 1);
                before = highest;
            }

            /* Without the margin and the wait, but with what else a switchover costs. */
            limits.downtimeUse = CONVERGE_DOWNTIME_TIGHT;
            if (allowed[i] >= 300) {
                gint64 tight = convergePlanHighestDowntime(&limits, 50);

                g_assert_cmpint(tight, ==, allowed[i] - limits.overheadMs);
                limits.downtimeUse = CONVERGE_DOWNTIME_SAFE;
                g_assert_cmpint(tight, >, convergePlanHighestDowntime(&limits, 50));
            }

            /* All of it, where there is need; less, where it was limited from outside. */
            limits.downtimeUse = CONVERGE_DOWNTIME_FULL;
            g_assert_cmpint(convergePlanHighestDowntime(&limits, 99), ==, allowed[i]);
            limits.ceilingMs = 5;
            g_assert_cmpint(convergePlanHighestDowntime(&limits, 99), ==, 5);

            /* Other laws allow what the policy states. */
            limits = limitsOf(methods[j]);
            limits.maxDowntimeMs = allowed[i];
            limits.adaptiveDowntime = FALSE;
            g_assert_cmpint(convergePlanHighestDowntime(&limits, 99), ==, allowed[i]);
        }
    }
}

static void
assertWithin(gint64 value,
             convergeInterval interval)
{
    g_assert_cmpint(interval.leastMs, >=, 0);
    g_assert_cmpint(interval.leastMs, <=, value);
    g_assert_cmpint(interval.mostMs, >=, value);
}

/* Some of the downtime is used for memory in any case, but where the switchover takes most of it, no more
 * than what that leaves. */
static void
testLeastShareKeepsTheLimit(void)
{
    static const gint64 overheads[] = { 0, 30, 60, 74, 84 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(overheads); i++) {
        convergePlanLimits limits = limitsOf(CONVERGE_METHOD_QEMU);

        limits.maxDowntimeMs = 100;
        limits.overheadMs = overheads[i];
        g_assert_cmpint(convergePlanHighestDowntime(&limits, 99), >=, 15);
        g_assert_cmpint(convergePlanHighestDowntime(&limits, 99) + overheads[i], <=, 100);
    }
}

/* A prediction has an interval for each of its times, with the likeliest in it, and the wider the
 * less is known of guest and link. */
static void
testIntervals(void)
{
    static const double errors[] = { 0.02, 0.3 };
    static const double rates[] = { 100 * MB, 250 * MB, 1000 * MB };
    gsize i, j;

    for (j = 0; j < G_N_ELEMENTS(rates); j++) {
        gint64 before = 0;

        for (i = 0; i < G_N_ELEMENTS(errors); i++) {
            convergePlanLimits limits = limitsOf(CONVERGE_METHOD_VCPU_QUOTA);
            convergeGuest guest = { 400 * MB, rates[j], 1, 0, 0 };
            convergeModel model = modelOf(guest, 400 * MB);
            convergePlan plan = convergePlanMake(&limits, 95, 250);
            convergePrediction p;

            model.bandwidthError = errors[i];
            model.least.writeRate *= 1 - errors[i];
            model.most.writeRate *= 1 + errors[i];
            p = convergePlanPredict(&limits, &model, &plan);
            g_assert_true(p.converges);
            convergePlanAddError(&model, &plan, &p);
            assertWithin(p.remainingMs, p.remaining);
            assertWithin(p.lostMs, p.lost);
            assertWithin(p.pauseMs, p.pause);
            g_assert_cmpint(p.remaining.mostMs - p.remaining.leastMs, >, before);
            g_assert_cmpint(p.errorMs, >=, p.remaining.mostMs - p.remainingMs);
            g_assert_cmpint(p.errorMs, >=, p.remainingMs - p.remaining.leastMs);
            g_assert_cmpfloat((double)p.remaining.mostMs, >=, (1 + errors[i] / 2) * (double)p.remainingMs);
            before = p.remaining.mostMs - p.remaining.leastMs;
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan/waits-while-free-passes-shrink", testWaitsWhileFreePassesShrink);
    g_test_add_func("/plan/does-not-wait-for-nothing", testDoesNotWaitForNothing);
    g_test_add_func("/plan/waits-for-the-pass", testWaitsForThePass);
    g_test_add_func("/plan/none-is-needed", testNoneIsNeeded);
    g_test_add_func("/plan/beyond", testBeyond);
    g_test_add_func("/plan/budget", testBudget);
    g_test_add_func("/plan/hard-throttle", testHardThrottle);
    g_test_add_func("/plan/refuted", testRefuted);
    g_test_add_func("/plan/weakest", testWeakest);
    g_test_add_func("/plan/deadline", testDeadline);
    g_test_add_func("/plan/downtime-keeps-a-margin", testDowntimeKeepsAMargin);
    g_test_add_func("/plan/least-share-keeps-the-limit", testLeastShareKeepsTheLimit);
    g_test_add_func("/plan/intervals", testIntervals);
    return g_test_run();
}
