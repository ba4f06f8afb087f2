/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * besttest.c: the best constant throttle is found
 */
#include "plant/best.h"
#include "plant/methods.h"

#define MB 1e6
#define GIVE_UP_MS (30 * 60 * 1000)

static const convergeBestOrder usual = { .downtimeMs = 300, .giveUpMs = GIVE_UP_MS, .passesMost = 64 };

/* A guest that has to be throttled, and gains next to nothing by waiting. */
static const convergePlantConfig busy = {
    .memory = 1000 * MB,
    .used = 430 * MB,
    .workingSet = 400 * MB,
    .writeRate = 250 * MB,
    .bandwidth = 96 * MB,
};

/* What is left after the bulk pass is mostly cold. */
static const convergePlantConfig cold = {
    .memory = 100e9,
    .used = 95e9,
    .nwriters = 1,
    .writers = { { .vcpus = 4, .set = 400 * MB, .rate = 2000 * MB, .background = 300 * MB } },
    .bandwidth = 1000 * MB,
};

/* It converges by itself, but not soon. */
static const convergePlantConfig slow = {
    .memory = 1000 * MB,
    .used = 430 * MB,
    .workingSet = 400 * MB,
    .writeRate = 80 * MB,
    .bandwidth = 96 * MB,
};

static void
testNoneIsNeeded(void)
{
    convergeBest best = convergeBestFind(&slow, &usual);

    g_assert_true(best.converges);
    g_assert_cmpuint(best.throttle, ==, 0);
    g_assert_cmpfloat(best.lostMs, <=, 300 + 15);
}

/* No worse than the floor of the methods, whose steps are coarser. */
static void
testImmediateIsFound(void)
{
    convergeMethodFloor floor = convergeMethodFindFloor(&busy, 300, GIVE_UP_MS);
    convergeBestOrder order = usual;
    convergeBest best;

    order.passesMost = 0;
    best = convergeBestFind(&busy, &order);
    g_assert_true(best.converges);
    g_assert_cmpuint(best.passes, ==, 0);
    g_assert_cmpfloat(best.lostMs, <=, floor.lostMs + 50);
    g_assert_cmpfloat(best.lostMs, >=, floor.lostMs / 2);
    g_assert_cmpint(best.pauseMs, <=, 300 + 15);
}

static void
testWaitingIsFound(void)
{
    convergeBestOrder order = usual;
    convergeBest now, later;

    order.passesMost = 0;
    now = convergeBestFind(&cold, &order);
    later = convergeBestFind(&cold, &usual);
    g_test_message("%.0f ms at once, %.0f ms after %u passes", now.lostMs, later.lostMs, later.passes);
    g_assert_true(now.converges && later.converges);
    g_assert_cmpuint(now.passes, ==, 0);
    g_assert_cmpuint(later.passes, >, 0);
    g_assert_cmpfloat(later.lostMs, <, now.lostMs / 2);
}

/* Whoever is in a hurry may have to lose more. */
static void
testTimeIsKept(void)
{
    convergeBestOrder order = usual;
    convergeBest best = convergeBestFind(&cold, &order);
    convergeBest faster;

    order.totalMostMs = best.totalMs - 1000;
    faster = convergeBestFind(&cold, &order);
    g_assert_true(faster.converges);
    g_assert_cmpint(faster.totalMs, <=, order.totalMostMs);
    g_assert_cmpfloat(faster.lostMs, >, best.lostMs);

    order.totalMostMs = 1000;
    g_assert_false(convergeBestFind(&cold, &order).converges);

    /* Without a throttle it would converge too late. */
    order.totalMostMs = 0;
    best = convergeBestFind(&slow, &order);
    g_assert_cmpuint(best.throttle, ==, 0);
    order.totalMostMs = best.totalMs - 1000;
    faster = convergeBestFind(&slow, &order);
    g_assert_true(faster.converges);
    g_assert_cmpuint(faster.throttle, >, 0);
    g_assert_cmpint(faster.totalMs, <=, order.totalMostMs);
}

static void
testHopelessIsSaid(void)
{
    convergePlantConfig config = busy;
    convergeBest best;

    config.writeRate = 0;
    config.workingSet = 0;
    config.nwriters = 1;
    config.writers[0] = (convergePlantWriter) { .set = 400 * MB, .rate = 500 * MB, .fixedShare = 1 };
    best = convergeBestFind(&config, &usual);
    g_assert_false(best.converges);
    g_assert_cmpfloat(best.lostMs, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/best/none-is-needed", testNoneIsNeeded);
    g_test_add_func("/best/immediate-is-found", testImmediateIsFound);
    g_test_add_func("/best/waiting-is-found", testWaitingIsFound);
    g_test_add_func("/best/time-is-kept", testTimeIsKept);
    g_test_add_func("/best/hopeless-is-said", testHopelessIsSaid);
    return g_test_run();
}
