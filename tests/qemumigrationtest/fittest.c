/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fittest.c: the guest that is found from observations
 */
#include <math.h>

#include "engine/model_priv.h"
#include "feed.h"

/* What @guest dirties, observed without a miss over each of @seconds, ends with 0. */
static convergeModel
observe(const convergeGuest *guest,
        double memory,
        const double *seconds,
        const double *throttles)
{
    convergeModel model = { .bandwidth = 100 * MB };
    gsize i;

    model.last.totalBytes = (guint64)memory;
    for (i = 0; seconds[i] > 0; i++)
        model.passes.item[model.passes.n++] = (convergeObservation) {
            .seconds = seconds[i],
            .throttle = throttles ? throttles[i] : 0,
            .bytes = convergeGuestDirtied(guest, seconds[i], throttles ? throttles[i] : 0),
        };
    convergeModelFit(&model);
    return model;
}

/* A hot and a cold set are told apart by what is dirtied over times of different lengths, and what
 * is dirtied over times in between follows. */
static void
testHotAndCold(void)
{
    static const convergeGuest guests[] = {
        { 200 * MB, 400 * MB, 1, 4000 * MB, 40 * MB },
        { 400 * MB, 2000 * MB, 1, 8000 * MB, 60 * MB },
        { 100 * MB, 100 * MB, 1, 9000 * MB, 20 * MB },
    };
    static const double seconds[] = { 60, 20, 8, 3, 1, 0 };
    static const double asked[] = { 0.5, 2, 5, 12, 40 };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(guests); i++) {
        convergeModel model = observe(&guests[i], 10000 * MB, seconds, NULL);

        g_assert_cmpfloat(model.guest.coldRate, >, 0);
        g_assert_cmpfloat(model.guest.coldSet, >, model.guest.workingSet);
        assertNear(model.guest.workingSet, guests[i].workingSet, 0.5);
        for (j = 0; j < G_N_ELEMENTS(asked); j++)
            assertNear(convergeModelDirtied(&model, asked[j], 0),
                       convergeGuestDirtied(&guests[i], asked[j], 0), 0.25);
    }
}

/* A hot set alone explains what a guest without a cold one does. */
static void
testNoColdWithoutNeed(void)
{
    static const convergeGuest guests[] = {
        { 400 * MB, 250 * MB, 1, 0, 0 },
        { 2000 * MB, 100 * MB, 1, 0, 0 },
    };
    static const double seconds[] = { 30, 10, 4, 1, 0 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(guests); i++) {
        convergeModel model = observe(&guests[i], 10000 * MB, seconds, NULL);

        g_assert_cmpfloat(model.guest.coldRate, ==, 0);
        assertNear(model.guest.workingSet, guests[i].workingSet, 0.2);
        g_assert_cmpfloat(model.fitError, <, 0.1);
    }
}

/* Nothing is larger than the guest's memory, however fast it writes. */
static void
testNeverAboveMemory(void)
{
    static const double rates[] = { 10 * MB, 300 * MB, 5000 * MB };
    static const double sets[] = { 900 * MB, 1000 * MB };
    static const double seconds[] = { 10, 5, 1, 0 };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(sets) * G_N_ELEMENTS(rates); i++) {
        convergeGuest guest = { sets[i % 2], rates[i / 2], 1, 0, 0 };
        convergeModel model = observe(&guest, 1000 * MB, seconds, NULL);
        const convergeGuest *all[] = { &model.guest, &model.least, &model.most };

        for (j = 0; j < G_N_ELEMENTS(all); j++) {
            g_assert_cmpfloat(all[j]->workingSet, >, 0);
            g_assert_cmpfloat(all[j]->workingSet + all[j]->coldSet, <=, 1000 * MB * 1.001);
            g_assert_cmpfloat(convergeGuestDirtied(all[j], 1e6, 0), <=, 1000 * MB * 1.001);
        }
    }
}

/* How the guest answers to a throttle is seen once it is throttled: what devices write, for
 * example, no throttle slows. */
static void
testAnswer(void)
{
    static const double answers[] = { 0.5, 0.75, 1 };
    static const double seconds[] = { 10, 3, 1, 3, 1, 0 };
    static const double throttles[] = { 0, 0, 0, 0.9, 0.9 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(answers); i++) {
        convergeGuest guest = { 800 * MB, 200 * MB, answers[i], 0, 0 };
        convergeModel model = observe(&guest, 4000 * MB, seconds, throttles);

        assertNear(convergeModelDirtied(&model, 2, 0.9), convergeGuestDirtied(&guest, 2, 0.9), 0.3);
        g_assert_cmpfloat(fabs(model.guest.answer - answers[i]), <=, 0.26);
    }
}

/* What a throttle has told stays known, however long the guest runs free after it, and what was seen of
 * the guest without one likewise. */
static void
testBothKindsAreKept(void)
{
    static const double throttles[] = { 0, 0.9 };
    convergeGuest guest = { 800 * MB, 200 * MB, 0.5, 0, 0 };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(throttles); i++) {
        convergeModel model = { .bandwidth = 100 * MB };
        unsigned int n = 0;

        model.last.totalBytes = (guint64)(4000 * MB);
        for (j = 0; j < 24; j++) {
            double throttle = throttles[j < 4 ? 1 - i : i];
            double seconds = (double)(1 + j % 3);

            modelObserve(&model.passes, seconds, throttle, convergeGuestDirtied(&guest, seconds, throttle), 0);
            convergeModelFit(&model);
        }
        g_assert_cmpuint(model.passes.n, ==, CONVERGE_MODEL_OBSERVATIONS);
        for (j = 0; j < model.passes.n; j++)
            n += convergeObservationIsThrottled(&model.passes.item[j]) != (i == 1);
        g_assert_cmpuint(n, ==, 2);
        g_assert_cmpfloat(fabs(model.guest.answer - 0.5), <=, 0.15);
    }
}

/* A sync does not find again what was unsent anyway. */
static void
testPendingIsNotSeen(void)
{
    convergeGuest guest = { 400 * MB, 1000 * MB, 1, 0, 0 };
    convergeModel model = { .bandwidth = 100 * MB };
    int i;

    model.last.totalBytes = (guint64)(2000 * MB);
    for (i = 0; i < 4; i++) {
        double dirtied = convergeGuestDirtied(&guest, 2 + i, 0);

        /* Half of the set was unsent, so that a half of what is dirtied is seen. */
        model.passes.item[model.passes.n++] = (convergeObservation) {
            .seconds = 2 + i,
            .bytes = dirtied / 2,
            .pending = 200 * MB,
        };
    }
    convergeModelFit(&model);
    assertNear(model.guest.workingSet, 400 * MB, 0.25);
    assertNear(convergeModelDirtied(&model, 3, 0), convergeGuestDirtied(&guest, 3, 0), 0.2);
}

/* The plausible guests are on both sides of the likeliest. */
static void
testPlausibleGuests(void)
{
    static const convergeGuest guest = { 400 * MB, 250 * MB, 1, 0, 0 };
    static const double few[] = { 10, 0 };
    static const double many[] = { 10, 5, 2, 1, 0.5, 0 };
    convergeModel vague = observe(&guest, 2000 * MB, few, NULL);
    convergeModel sure = observe(&guest, 2000 * MB, many, NULL);
    double vaguely, surely;

    vaguely = convergeGuestDirtied(&vague.most, 1, 0.9) / convergeGuestDirtied(&vague.least, 1, 0.9);
    surely = convergeGuestDirtied(&sure.most, 1, 0.9) / convergeGuestDirtied(&sure.least, 1, 0.9);
    g_test_message("from least to most: by one observation %.2f, by five %.2f", vaguely, surely);
    g_assert_cmpfloat(surely, >, 1);
    g_assert_cmpfloat(surely, <, 2);
    g_assert_cmpfloat(vaguely, >, 2);
    g_assert_cmpfloat(convergeGuestDirtied(&vague.most, 1, 0.9), >, 1.1 * convergeModelDirtied(&vague, 1, 0.9));
    g_assert_cmpfloat(convergeGuestDirtied(&vague.least, 1, 0.9), <, 0.9 * convergeModelDirtied(&vague, 1, 0.9));
    g_assert_cmpfloat(convergeGuestDirtied(&sure.most, 1, 0.9), >=, convergeGuestDirtied(&guest, 1, 0.9) * 0.98);
    g_assert_cmpfloat(convergeGuestDirtied(&sure.least, 1, 0.9), <=, convergeGuestDirtied(&guest, 1, 0.9) * 1.02);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fit/hot-and-cold", testHotAndCold);
    g_test_add_func("/fit/no-cold-without-need", testNoColdWithoutNeed);
    g_test_add_func("/fit/never-above-memory", testNeverAboveMemory);
    g_test_add_func("/fit/answer", testAnswer);
    g_test_add_func("/fit/both-kinds-are-kept", testBothKindsAreKept);
    g_test_add_func("/fit/pending-is-not-seen", testPendingIsNotSeen);
    g_test_add_func("/fit/plausible-guests", testPlausibleGuests);
    return g_test_run();
}
