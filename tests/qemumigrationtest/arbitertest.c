/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arbitertest.c: whose turn it is on a link that several migrations share
 */
#include "engine/arbiter.h"

#define MB 1e6
#define PATIENCE_MS 600000

typedef struct _crew crew;
struct _crew {
    convergeArbiter *arbiter;
    convergeArbiterMember *members[3];
    convergeArbiterClaim claims[3];
    gboolean waits[3];
    unsigned int nWoken[3];
    gint64 nowMs;
};

static void
wake(void *opaque)
{
    ++*(unsigned int *)opaque;
}

static void
crewInit(crew *c,
         const gint64 *priorities)
{
    gsize i;

    *c = (crew) { .arbiter = convergeArbiterNew(), .nowMs = 1000 };
    for (i = 0; i < G_N_ELEMENTS(c->members); i++) {
        const convergeArbiterStanding standing = {
            .longestWaitMs = PATIENCE_MS,
            .priority = priorities ? priorities[i] : 50,
            .wake = wake,
            .opaque = &c->nWoken[i],
        };

        c->members[i] = convergeArbiterJoin(c->arbiter, &standing);
        c->claims[i] = (convergeArbiterClaim) { .moves = TRUE, .left = (double)(i + 1) * 100 * MB };
    }
}

static void
crewClear(crew *c)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(c->members); i++) {
        if (c->members[i])
            convergeArbiterLeave(c->arbiter, c->members[i], c->nowMs);
    }
    convergeArbiterFree(c->arbiter);
}

/* All claim, after @ms. */
static void
claimAll(crew *c,
         gint64 ms)
{
    gsize i;

    c->nowMs += ms;
    for (i = 0; i < G_N_ELEMENTS(c->members); i++) {
        if (c->members[i])
            c->waits[i] = convergeArbiterClaimLink(c->arbiter, c->members[i], &c->claims[i], c->nowMs);
    }
}

static void
assertTurn(const crew *c,
           gsize index)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(c->members); i++)
        g_assert_cmpint(c->waits[i], ==, i != index);
}

/* The one with the least left is first; who has less than half of that takes over. */
static void
testLeastLeft(void)
{
    crew c;

    crewInit(&c, NULL);
    claimAll(&c, 0);
    claimAll(&c, 100);
    assertTurn(&c, 0);

    c.claims[2].left = 60 * MB;
    claimAll(&c, 100);
    assertTurn(&c, 0);
    c.claims[2].left = 40 * MB;
    claimAll(&c, 100);
    claimAll(&c, 100);
    assertTurn(&c, 2);
    crewClear(&c);
}

/* A migration alone never waits. */
static void
testAlone(void)
{
    crew c;

    crewInit(&c, NULL);
    c.claims[1].moves = c.claims[2].moves = FALSE;
    claimAll(&c, 0);
    claimAll(&c, 100);
    g_assert_false(c.waits[0]);
    g_assert_false(c.waits[1]);
    g_assert_false(c.waits[2]);
    crewClear(&c);
}

static void
testPriority(void)
{
    static const gint64 priorities[] = { 10, 20, 90 };
    crew c;

    crewInit(&c, priorities);
    claimAll(&c, 0);
    claimAll(&c, 100);
    assertTurn(&c, 2);

    /* Not even by the highest priority is an end-game interrupted. */
    convergeArbiterLeave(c.arbiter, g_steal_pointer(&c.members[2]), c.nowMs);
    claimAll(&c, 100);
    g_assert_false(c.waits[1]);
    c.claims[1].endGame = TRUE;
    claimAll(&c, 100);
    c.members[2] = convergeArbiterJoin(c.arbiter, &(const convergeArbiterStanding) { .longestWaitMs = PATIENCE_MS, .priority = 90 });
    claimAll(&c, 100);
    claimAll(&c, 100);
    assertTurn(&c, 1);
    crewClear(&c);
}

/* After an end-game in vain the others come first, although they have more left. */
static void
testVain(void)
{
    crew c;

    crewInit(&c, NULL);
    claimAll(&c, 0);
    c.claims[0].endGame = TRUE;
    claimAll(&c, 100);
    assertTurn(&c, 0);
    c.claims[0].endGame = FALSE;
    claimAll(&c, 100);
    claimAll(&c, 100);
    assertTurn(&c, 1);
    crewClear(&c);
}

/* Who gets the turn is woken, if it is not asking itself. */
static void
testWake(void)
{
    crew c;

    crewInit(&c, NULL);
    claimAll(&c, 0);
    claimAll(&c, 100);
    g_assert_cmpuint(c.nWoken[1], ==, 0);
    convergeArbiterLeave(c.arbiter, g_steal_pointer(&c.members[0]), c.nowMs);
    g_assert_cmpuint(c.nWoken[1], ==, 1);
    g_assert_cmpuint(c.nWoken[2], ==, 0);
    claimAll(&c, 100);
    g_assert_false(c.waits[1]);

    c.claims[1].moves = FALSE;
    claimAll(&c, 100);
    g_assert_false(c.waits[2]);
    crewClear(&c);
}

/* Nobody waits for a loop that hangs. */
static void
testSilent(void)
{
    crew c;
    gsize i;

    crewInit(&c, NULL);
    claimAll(&c, 0);
    claimAll(&c, 100);
    assertTurn(&c, 0);
    for (i = 0; i < 2; i++) {
        c.nowMs += CONVERGE_ARBITER_SILENT_MS / 2;
        c.waits[1] = convergeArbiterClaimLink(c.arbiter, c.members[1], &c.claims[1], c.nowMs);
        g_assert_true(c.waits[1]);
    }
    c.nowMs += 1;
    g_assert_false(convergeArbiterClaimLink(c.arbiter, c.members[1], &c.claims[1], c.nowMs));
    crewClear(&c);
}

/* Nobody waits for longer than its policy allows, all in all. */
static void
testLongestWait(void)
{
    crew c;
    gint64 waitedMs = 0;

    crewInit(&c, NULL);
    claimAll(&c, 0);
    claimAll(&c, 100);
    while (c.waits[2] && waitedMs < 2 * PATIENCE_MS) {
        claimAll(&c, 1000);
        waitedMs += 1000;
    }
    g_assert_cmpint(waitedMs, >=, PATIENCE_MS - 1000);
    g_assert_cmpint(waitedMs, <=, PATIENCE_MS + 1000);
    claimAll(&c, 1000);
    g_assert_false(c.waits[2]);
    g_assert_false(c.waits[1]);
    g_assert_false(c.waits[0]);
    crewClear(&c);
}

/* One more sends on trial, during a bulk pass; it stays so if they send clearly more together. */
static void
testLanes(void)
{
    static const struct {
        double together; /* bandwidth of each of two, where one alone has 100 */
        unsigned int lanes;
    } rows[] = { { 50, 1 }, { 58, 1 }, { 65, 2 }, { 100, 2 } };
    gsize i;
    int turns;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        gboolean tried = FALSE;
        crew c;
        gsize j;

        crewInit(&c, NULL);
        convergeArbiterLeave(c.arbiter, g_steal_pointer(&c.members[2]), c.nowMs);
        for (j = 0; j < 2; j++)
            c.claims[j].bulk = TRUE;
        claimAll(&c, 0);
        for (turns = 0; turns < 100; turns++) {
            gboolean both = !c.waits[0] && !c.waits[1];

            tried = tried || both;
            for (j = 0; j < 2; j++)
                c.claims[j].bandwidth = (both ? rows[i].together : 100) * MB;
            claimAll(&c, 200);
        }
        g_assert_true(tried);
        g_assert_cmpuint(convergeArbiterLanes(c.arbiter), ==, rows[i].lanes);
        crewClear(&c);
    }
}

/* There is no trial while a guest is throttled. */
static void
testNoTrialInEndGame(void)
{
    crew c;
    int turns;

    crewInit(&c, NULL);
    c.claims[0] = (convergeArbiterClaim) { .moves = TRUE, .endGame = TRUE, .left = 1, .bandwidth = 100 * MB };
    c.claims[1].bulk = c.claims[2].bulk = TRUE;
    claimAll(&c, 0);
    for (turns = 0; turns < 100; turns++) {
        claimAll(&c, 200);
        assertTurn(&c, 0);
    }
    crewClear(&c);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arbiter/least-left", testLeastLeft);
    g_test_add_func("/arbiter/alone", testAlone);
    g_test_add_func("/arbiter/priority", testPriority);
    g_test_add_func("/arbiter/vain", testVain);
    g_test_add_func("/arbiter/wake", testWake);
    g_test_add_func("/arbiter/silent", testSilent);
    g_test_add_func("/arbiter/longest-wait", testLongestWait);
    g_test_add_func("/arbiter/lanes", testLanes);
    g_test_add_func("/arbiter/no-trial-in-end-game", testNoTrialInEndGame);
    return g_test_run();
}
