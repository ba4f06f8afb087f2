/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arbitertest.c: which of the migrations that leave a host may begin
 */
#include "engine/arbiter.h"

#define MB 1e6
#define PATIENCE_MS 600000

/* Three migrations, of which none has begun. */
typedef struct _crew crew;
struct _crew {
    convergeArbiter *arbiter;
    convergeArbiterMember *members[3];
    gint64 nowMs;
};

static void
crewJoin(crew *c,
         gsize i,
         gint64 priority,
         double memory)
{
    const convergeArbiterRequest request = { priority, PATIENCE_MS, memory };

    c->members[i] = convergeArbiterJoin(c->arbiter, &request, c->nowMs);
}

static void
crewInit(crew *c)
{
    *c = (crew) { .arbiter = convergeArbiterNew(), .nowMs = 1000 };
}

static void
crewLeave(crew *c,
          gsize i)
{
    convergeArbiterLeave(c->arbiter, g_steal_pointer(&c->members[i]));
}

static void
crewClear(crew *c)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(c->members); i++) {
        if (c->members[i])
            crewLeave(c, i);
    }
    convergeArbiterFree(c->arbiter);
}

/* All ask, the last first: who may begin must not depend on that.  A bit for each that may. */
static unsigned int
begun(crew *c)
{
    unsigned int bits = 0;
    gsize i;

    for (i = G_N_ELEMENTS(c->members); i-- > 0;) {
        if (c->members[i] && convergeArbiterMayBegin(c->arbiter, c->members[i], c->nowMs))
            bits |= 1u << i;
    }
    return bits;
}

static void
note(crew *c,
     gsize i,
     double bandwidth,
     gboolean processorBound)
{
    const convergeArbiterView view = { bandwidth, processorBound };

    convergeArbiterNote(c->members[i], &view);
}

static void
testAlone(void)
{
    crew c;

    crewInit(&c);
    crewJoin(&c, 1, 50, 100 * MB);
    g_assert_false(convergeArbiterHasBegun(c.members[1]));
    g_assert_cmpuint(begun(&c), ==, 2);
    g_assert_true(convergeArbiterHasBegun(c.members[1]));
    crewClear(&c);
}

/* One after the other; whoever has begun keeps its turn. */
static void
testSmallestFirst(void)
{
    crew c;

    crewInit(&c);
    crewJoin(&c, 0, 50, 300 * MB);
    crewJoin(&c, 1, 50, 100 * MB);
    crewJoin(&c, 2, 50, 200 * MB);
    g_assert_cmpuint(begun(&c), ==, 2);
    c.nowMs += 20000;
    g_assert_cmpuint(begun(&c), ==, 2);
    crewLeave(&c, 1);
    g_assert_cmpuint(begun(&c), ==, 4);
    crewJoin(&c, 1, 50, 1 * MB);
    g_assert_cmpuint(begun(&c), ==, 4);
    crewLeave(&c, 2);
    g_assert_cmpuint(begun(&c), ==, 2);
    crewClear(&c);
}

/* Of equals, who came first is first. */
static void
testEquals(void)
{
    crew c;

    crewInit(&c);
    crewJoin(&c, 0, 50, 100 * MB);
    crewJoin(&c, 1, 50, 100 * MB);
    crewJoin(&c, 2, 50, 100 * MB);
    g_assert_cmpuint(begun(&c), ==, 1);
    crewLeave(&c, 0);
    g_assert_cmpuint(begun(&c), ==, 2);
    crewClear(&c);
}

static void
testPriority(void)
{
    crew c;

    crewInit(&c);
    crewJoin(&c, 0, 50, 1 * MB);
    crewJoin(&c, 1, 49, 1 * MB);
    crewJoin(&c, 2, 51, 900 * MB);
    g_assert_cmpuint(begun(&c), ==, 4);
    crewLeave(&c, 2);
    g_assert_cmpuint(begun(&c), ==, 1);
    crewClear(&c);
}

/* Nobody waits longer than it is ready to. */
static void
testLongestWait(void)
{
    crew c;

    crewInit(&c);
    crewJoin(&c, 0, 50, 1e15);
    g_assert_cmpuint(begun(&c), ==, 1);
    note(&c, 0, 1 * MB, FALSE);
    crewJoin(&c, 1, 50, 100 * MB);
    c.nowMs += PATIENCE_MS - 1;
    g_assert_cmpuint(begun(&c), ==, 1);
    c.nowMs++;
    g_assert_cmpuint(begun(&c), ==, 3);
    crewClear(&c);
}

/* A turn is over after two and a half passes. */
static void
testHopeless(void)
{
    crew c;

    crewInit(&c);
    crewJoin(&c, 0, 50, 1000 * MB);
    crewJoin(&c, 1, 40, 100 * MB);
    crewJoin(&c, 2, 30, 100 * MB);
    g_assert_cmpuint(begun(&c), ==, 1);
    note(&c, 0, 100 * MB, FALSE);
    c.nowMs += CONVERGE_ARBITER_SETUP_MS + (gint64)(CONVERGE_ARBITER_PASSES * 10000);
    g_assert_cmpuint(begun(&c), ==, 1);
    c.nowMs++;
    g_assert_cmpuint(begun(&c), ==, 3);
    c.nowMs += 1000;
    g_assert_cmpuint(begun(&c), ==, 3);
    crewClear(&c);
}

/* The one whose turn has ended gets less of the link beside the next one, which gives it no new turn. */
static void
testStaysOver(void)
{
    crew c;

    crewInit(&c);
    crewJoin(&c, 0, 50, 1000 * MB);
    crewJoin(&c, 1, 40, 100 * MB);
    crewJoin(&c, 2, 30, 100 * MB);
    begun(&c);
    note(&c, 0, 100 * MB, FALSE);
    c.nowMs += CONVERGE_ARBITER_SETUP_MS + (gint64)(CONVERGE_ARBITER_PASSES * 10000) + 1;
    g_assert_cmpuint(begun(&c), ==, 3);
    note(&c, 0, 10 * MB, FALSE);
    g_assert_cmpuint(begun(&c), ==, 3);
    crewLeave(&c, 1);
    g_assert_cmpuint(begun(&c), ==, 5);
    crewClear(&c);
}

/* So is that of one of which nothing is seen. */
static void
testSilent(void)
{
    crew c;

    crewInit(&c);
    crewJoin(&c, 0, 50, 1000 * MB);
    crewJoin(&c, 1, 40, 1000 * MB);
    begun(&c);
    c.nowMs += CONVERGE_ARBITER_SILENT_MS;
    g_assert_cmpuint(begun(&c), ==, 1);
    c.nowMs++;
    g_assert_cmpuint(begun(&c), ==, 3);
    crewClear(&c);
}

/* Others begin beside those that do not fill the link, one after the other. */
static void
testProcessorBound(void)
{
    crew c;

    crewInit(&c);
    crewJoin(&c, 0, 50, 1000 * MB);
    crewJoin(&c, 1, 40, 1000 * MB);
    crewJoin(&c, 2, 30, 1000 * MB);
    begun(&c);
    note(&c, 0, 100 * MB, TRUE);
    c.nowMs += CONVERGE_ARBITER_SETTLE_MS - 1;
    g_assert_cmpuint(begun(&c), ==, 1);
    c.nowMs++;
    g_assert_cmpuint(begun(&c), ==, 3);
    note(&c, 1, 100 * MB, TRUE);
    c.nowMs += CONVERGE_ARBITER_SETTLE_MS - 1;
    g_assert_cmpuint(begun(&c), ==, 3);
    c.nowMs++;
    g_assert_cmpuint(begun(&c), ==, 7);
    crewClear(&c);

    crewInit(&c);
    crewJoin(&c, 0, 50, 1000 * MB);
    crewJoin(&c, 1, 40, 1000 * MB);
    begun(&c);
    note(&c, 0, 100 * MB, FALSE);
    c.nowMs += 2 * CONVERGE_ARBITER_SETTLE_MS;
    g_assert_cmpuint(begun(&c), ==, 1);
    crewClear(&c);
}

static void
testRequest(void)
{
    static const struct {
        const char *policy;
        convergeArbiterRequest request;
    } rows[] = {
        { "adaptive", { 50, 3600000, 7 } },
        { "adaptive,priority=3,longest-wait=none", { 3, 0, 7 } },
        { "adaptive,deadline=20s", { 50, 10000, 7 } },
        { "adaptive,deadline=20s,longest-wait=2s", { 50, 2000, 7 } },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergePolicy) policy = convergePolicyParse(rows[i].policy, NULL);
        const convergeArbiterRequest request = convergeArbiterRequestFor(policy, 7);

        g_assert_cmpint(request.priority, ==, rows[i].request.priority);
        g_assert_cmpint(request.longestWaitMs, ==, rows[i].request.longestWaitMs);
        g_assert_cmpfloat(request.memory, ==, rows[i].request.memory);
    }
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arbiter/alone", testAlone);
    g_test_add_func("/arbiter/smallest-first", testSmallestFirst);
    g_test_add_func("/arbiter/equals", testEquals);
    g_test_add_func("/arbiter/priority", testPriority);
    g_test_add_func("/arbiter/longest-wait", testLongestWait);
    g_test_add_func("/arbiter/hopeless", testHopeless);
    g_test_add_func("/arbiter/stays-over", testStaysOver);
    g_test_add_func("/arbiter/silent", testSilent);
    g_test_add_func("/arbiter/processor-bound", testProcessorBound);
    g_test_add_func("/arbiter/request", testRequest);
    return g_test_run();
}
