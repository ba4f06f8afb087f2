/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crowdtest.c: several migrations of the plant over one link
 */
#include "plant/crowd.h"
#include "engine/arbiter.h"

#define MB 1e6
#define GIVE_UP_MS 600000

/* What the arbiter leaves a guest of 512 MB alone on a link of 100 MB/s, and a look. */
#define HOPELESS_TURN_MS (CONVERGE_ARBITER_SETUP_MS + (gint64)(CONVERGE_ARBITER_PASSES * 5120) + 1000)

typedef struct _crowdGuests crowdGuests;
struct _crowdGuests {
    convergePlantConfig config[4];
    convergeCrowdGuest guest[4];
};

/* Guests that write all over 300 MB, @rates bytes/s, and a link of 100 MB/s. */
static void
crowdInit(crowdGuests *c,
          const double *rates)
{
    gsize i;

    *c = (crowdGuests) { 0 };
    for (i = 0; i < G_N_ELEMENTS(c->guest); i++) {
        c->config[i] = (convergePlantConfig) {
            .memory = 512 * MB,
            .used = 310 * MB,
            .workingSet = 300 * MB,
            .writeRate = rates[i],
            .bandwidth = 100 * MB,
            .bestMethod = CONVERGE_METHOD_VCPU_QUOTA,
        };
        c->guest[i].config = &c->config[i];
    }
}

static double
lost(const crowdGuests *c)
{
    double sum = 0;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(c->guest); i++)
        sum += c->guest[i].result.lostMs;
    return sum;
}

static gint64
run(crowdGuests *c,
    gboolean ours,
    gboolean arbiter,
    unsigned int most)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive,link=turns", NULL);
    const convergeCrowdOrder order = {
        .policy = ours ? policy : NULL,
        .arbiter = arbiter,
        .most = most,
        .giveUpMs = GIVE_UP_MS,
    };

    return convergeCrowdRun(c->guest, G_N_ELEMENTS(c->guest), &order);
}

static const double busy[] = { 600 * MB, 600 * MB, 600 * MB, 600 * MB };

/* The link carries what it can: equal guests end together, after all of their memory. */
static void
testShares(void)
{
    static const double quiet[] = { 0, 0, 0, 0 };
    crowdGuests c;
    gint64 totalMs;
    gsize i;

    crowdInit(&c, quiet);
    totalMs = run(&c, FALSE, FALSE, 0);
    g_assert_cmpint(totalMs, >=, 12400);
    g_assert_cmpint(totalMs, <=, 13400);
    for (i = 0; i < G_N_ELEMENTS(c.guest); i++)
        g_assert_cmpint(totalMs - c.guest[i].endMs, <=, 300);

    /* One after the other takes as long, but the first ends sooner. */
    crowdInit(&c, quiet);
    g_assert_cmpint(run(&c, FALSE, FALSE, 1), <=, 13900);
    g_assert_cmpint(c.guest[0].endMs, <=, 3600);
    g_assert_cmpint(c.guest[3].beginMs, >=, 8700);
}

/* With turns the guests lose as little as one after the other, and a quarter of what they lose if
 * they share the link; it takes no longer. */
static void
testTurns(void)
{
    crowdGuests alone, sharing, turns;
    gint64 aloneMs, sharingMs, turnsMs;
    gsize i;

    crowdInit(&alone, busy);
    aloneMs = run(&alone, TRUE, FALSE, 1);
    crowdInit(&sharing, busy);
    sharingMs = run(&sharing, TRUE, FALSE, 0);
    crowdInit(&turns, busy);
    turnsMs = run(&turns, TRUE, TRUE, 0);

    for (i = 0; i < G_N_ELEMENTS(turns.guest); i++) {
        g_assert_true(turns.guest[i].result.completed);
        g_assert_cmpint(turns.guest[i].result.pauseMs, <=, 300);
    }
    g_assert_cmpfloat(lost(&turns), <=, 1.1 * lost(&alone));
    g_assert_cmpfloat(lost(&turns), <=, 0.3 * lost(&sharing));
    g_assert_cmpint(turnsMs, <=, sharingMs);
    g_assert_cmpint(turnsMs, <=, aloneMs * 11 / 10);
}

/* Guests that converge by themselves end first, and are never throttled for a neighbour. */
static void
testQuietFirst(void)
{
    static const double rates[] = { 600 * MB, 2 * MB, 600 * MB, 1 * MB };
    crowdGuests c;

    crowdInit(&c, rates);
    c.config[1].workingSet = c.config[3].workingSet = 5 * MB;
    run(&c, TRUE, TRUE, 0);
    g_assert_cmpuint(c.guest[1].result.peakThrottle, ==, 0);
    g_assert_cmpuint(c.guest[3].result.peakThrottle, ==, 0);
    g_assert_true(c.guest[0].result.completed && c.guest[1].result.completed);
    g_assert_true(c.guest[2].result.completed && c.guest[3].result.completed);
}

/* A hopeless guest has the link for a bounded time only, and half of it at most from then on. */
static void
testHopeless(void)
{
    crowdGuests with, without;
    gint64 lastMs = 0;
    gint64 goodMs;
    gsize i;

    crowdInit(&without, busy);
    without.config[0].writeRate = 0;
    goodMs = run(&without, TRUE, TRUE, 0);

    crowdInit(&with, busy);
    with.config[0].writeRate = 0;
    with.config[0].nwriters = 1;
    with.config[0].writers[0] = (convergePlantWriter) { .set = 300 * MB, .rate = 20000 * MB, .fixedShare = 0.5 };
    run(&with, TRUE, TRUE, 0);
    g_assert_false(with.guest[0].result.completed);
    for (i = 1; i < G_N_ELEMENTS(with.guest); i++) {
        g_assert_true(with.guest[i].result.completed);
        lastMs = MAX(lastMs, with.guest[i].endMs);
    }
    g_assert_cmpint(lastMs, <=, HOPELESS_TURN_MS + 2 * goodMs);
}

/* Encryption lets one migration use a quarter of the link only: several run at once. */
static void
testNarrow(void)
{
    crowdGuests alone, turns;
    gint64 aloneMs, turnsMs;
    gsize i;

    crowdInit(&alone, busy);
    crowdInit(&turns, busy);
    for (i = 0; i < G_N_ELEMENTS(turns.guest); i++) {
        alone.config[i].bandwidth = turns.config[i].bandwidth = 400 * MB;
        alone.config[i].tlsBandwidth = turns.config[i].tlsBandwidth = 100 * MB;
        alone.config[i].used = turns.config[i].used = 4000 * MB;
        alone.config[i].memory = turns.config[i].memory = 4000 * MB;
    }
    aloneMs = run(&alone, TRUE, FALSE, 1);
    turnsMs = run(&turns, TRUE, TRUE, 0);
    g_assert_cmpint(turnsMs, <=, aloneMs * 45 / 100);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/crowd/shares", testShares);
    g_test_add_func("/crowd/turns", testTurns);
    g_test_add_func("/crowd/quiet-first", testQuietFirst);
    g_test_add_func("/crowd/hopeless", testHopeless);
    g_test_add_func("/crowd/narrow", testNarrow);
    return g_test_run();
}
