/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * promisestest.c: what the loop promises, one test for each promise
 *
 * The backend does what a test has written down: it shows samples, notes what the loop asks
 * for, and refuses what it is told to.
 */
#include <string.h>

#include "engine/loop.h"

#define MB 1e6
#define BANDWIDTH (100 * MB)
#define TOTAL (1000 * MB)
#define SAID_MOST 64

typedef struct _script script;
struct _script {
    convergeSample sample;              /* the next one; all that the loop sees */
    convergeSample afterApply;          /* .timeMs > 0: .sample becomes it with the next verb */
    gboolean unreachable;               /* not even a sample can be had */
    gboolean unreachableAfterApply;
    gboolean refusing;                  /* every verb */
    gboolean refusingProbes;
    convergeThrottleMethod method;      /* what throttles */

    convergeDecision said[SAID_MOST];   /* all verbs that the loop asked for */
    unsigned int nsaid;
    unsigned int probes, restores, releases;
};

static gboolean
scriptSample(void *opaque,
             convergeSample *sample,
             GError **error)
{
    script *s = opaque;

    if (s->unreachable) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, "nobody answers");
        return FALSE;
    }
    *sample = s->sample;
    return TRUE;
}

static convergeThrottleMethod
scriptChoose(void *opaque,
             convergeThrottleMethod wanted G_GNUC_UNUSED,
             char **why G_GNUC_UNUSED,
             GError **error G_GNUC_UNUSED)
{
    script *s = opaque;

    return s->method;
}

static gboolean
scriptApply(void *opaque,
            const convergeDecision *decision,
            GError **error)
{
    script *s = opaque;

    g_assert_cmpuint(s->nsaid, <, SAID_MOST);
    s->said[s->nsaid++] = *decision;
    s->unreachable = s->unreachableAfterApply;
    if (s->afterApply.timeMs > 0)
        s->sample = s->afterApply;
    if (s->refusing)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "the script refuses");
    return !s->refusing;
}

static gboolean
scriptProbe(void *opaque,
            GError **error)
{
    script *s = opaque;

    s->probes++;
    if (s->refusingProbes)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "the script has no probe");
    return !s->refusingProbes;
}

static void
scriptRelease(void *opaque)
{
    script *s = opaque;

    s->releases++;
}

static gboolean
scriptRestore(void *opaque,
              GError **error G_GNUC_UNUSED)
{
    script *s = opaque;

    s->restores++;
    return TRUE;
}

static const convergeBackendOps scriptOps = {
    .sample = scriptSample,
    .choose = scriptChoose,
    .apply = scriptApply,
    .probe = scriptProbe,
    .release = scriptRelease,
    .restore = scriptRestore,
};

/* One loop over a script. */
typedef struct _stage stage;
struct _stage {
    script script;
    convergePolicy *policy;
    convergeBackend backend;
    convergeLoop *loop;
};

static void
stageInit(stage *st,
          const char *policy,
          convergeThrottleMethod method)
{
    memset(st, 0, sizeof(*st));
    st->policy = convergePolicyParse(policy, NULL);
    g_assert_nonnull(st->policy);
    st->backend = (convergeBackend) { &scriptOps, &st->script };
    st->loop = convergeLoopNew(st->policy, &st->backend, CONVERGE_POSTCOPY_AVAILABLE, NULL, NULL);
    st->script.method = method;
    st->script.sample = (convergeSample) {
        .active = TRUE, .iteration = 1, .timeMs = 1000,
        .totalBytes = (guint64)TOTAL, .remainingBytes = (guint64)TOTAL,
    };
}

static void
stageClear(stage *st)
{
    convergeLoopFree(st->loop);
    convergePolicyFree(st->policy);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(stage, stageClear)

/* Lets the link carry BANDWIDTH for @ms, a look every 100 ms; QEMU may then sync. */
static void
sendFor(stage *st,
        gint64 ms)
{
    convergeSample *sample = &st->script.sample;
    gint64 until = sample->timeMs + ms;

    while (sample->timeMs < until && sample->active) {
        guint64 sent = (guint64)(BANDWIDTH / 10);

        convergeLoopStep(st->loop);
        sample->timeMs += 100;
        sample->processedBytes += sent;
        sample->normalBytes += sent;
        sample->remainingBytes -= MIN(sample->remainingBytes, sent);
    }
}

/* QEMU's bitmap sync finds @bytes. */
static void
syncFinds(stage *st,
          double bytes)
{
    st->script.sample.iteration++;
    st->script.sample.remainingBytes = (guint64)bytes;
    convergeLoopStep(st->loop);
}

static unsigned int
countVerb(const stage *st,
          convergeVerb verb)
{
    unsigned int count = 0;
    unsigned int i;

    for (i = 0; i < st->script.nsaid; i++)
        count += st->script.said[i].verb == verb;
    return count;
}

static const convergeDecision *
lastOf(const stage *st,
       convergeVerb verb)
{
    unsigned int i;

    for (i = st->script.nsaid; i > 0; i--) {
        if (st->script.said[i - 1].verb == verb)
            return &st->script.said[i - 1];
    }
    return NULL;
}

/* --- Limits of the policy --- */

/* "stall" is how many passes without progress are allowed; the last of them is enough. */
static void
testStallCountsPasses(void)
{
    unsigned int stall, pass;

    for (stall = 1; stall <= 4; stall++) {
        g_autofree char *policy = g_strdup_printf("stepped,fallback=suspend,stall=%u", stall);
        g_auto(stage) st = { 0 };

        stageInit(&st, policy, CONVERGE_METHOD_QEMU);
        sendFor(&st, 3000);
        syncFinds(&st, 400 * MB);           /* what later ones are measured by */
        for (pass = 1; pass <= stall; pass++) {
            g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_SUSPEND), ==, 0);
            sendFor(&st, 1000);
            syncFinds(&st, 400 * MB);
        }
        g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_SUSPEND), ==, 1);
        g_assert_cmpint(lastOf(&st, CONVERGE_VERB_SUSPEND)->reason, ==, CONVERGE_REASON_STALL);
    }
}

/* A pass that leaves a little less than the best one before it has made no progress. */
static void
testLittleLessIsNoProgress(void)
{
    static const struct {
        double share;               /* of the best one that later passes leave */
        unsigned int suspends;
    } rows[] = { { 1.2, 1 }, { 0.999, 1 }, { 0.97, 1 }, { 0.95, 0 }, { 0.5, 0 } };
    gsize i;
    int pass;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(stage) st = { 0 };

        stageInit(&st, "stepped,fallback=suspend,stall=3", CONVERGE_METHOD_QEMU);
        sendFor(&st, 3000);
        syncFinds(&st, 400 * MB);
        for (pass = 0; pass < 3; pass++) {
            sendFor(&st, 1000);
            syncFinds(&st, rows[i].share * 400 * MB);
        }
        g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_SUSPEND), ==, rows[i].suspends);
    }
}

/* Each rung is taken once: one that fails gives way to the next. */
static void
testRungIsTakenOnce(void)
{
    g_auto(stage) st = { 0 };
    int pass;

    stageInit(&st, "stepped,passes=1,fallback=post-copy+suspend+abort", CONVERGE_METHOD_QEMU);
    sendFor(&st, 3000);
    st.script.refusing = TRUE;
    for (pass = 0; pass < 6; pass++) {
        syncFinds(&st, 400 * MB);
        sendFor(&st, 1000);
    }
    g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_POSTCOPY), ==, 1);
    g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_SUSPEND), ==, 1);
    g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_ABORT), ==, 1);
    /* A rung that fails is no reason to take anything back. */
    g_assert_null(convergeLoopTrouble(st.loop));
    g_assert_cmpuint(convergeLoopStatus(st.loop)->rungs, ==, 0);
}

/* Once a rung is taken, nothing more is decided, and the guest is measured no more. */
static void
testNothingAfterARung(void)
{
    g_auto(stage) st = { 0 };
    unsigned int said, probes;
    int pass;

    stageInit(&st, "adaptive,passes=1,fallback=suspend+abort", CONVERGE_METHOD_VCPU_QUOTA);
    sendFor(&st, 3000);
    syncFinds(&st, 400 * MB);
    g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_SUSPEND), ==, 1);
    said = st.script.nsaid;
    probes = st.script.probes;
    for (pass = 0; pass < 4; pass++) {
        sendFor(&st, 3000);
        st.script.sample.probeId++;
        st.script.sample.probeMs = 1000;
        syncFinds(&st, 400 * MB);
    }
    g_assert_cmpuint(st.script.nsaid, ==, said);
    g_assert_cmpuint(st.script.probes, ==, probes);
    g_assert_cmpuint(convergeLoopStatus(st.loop)->rungs, ==, 1);
}

/* The first sync ends no pass: "passes" counts those after it. */
static void
testPassesCountAfterTheFirstSync(void)
{
    g_auto(stage) st = { 0 };

    stageInit(&st, "stepped,passes=2,fallback=suspend", CONVERGE_METHOD_QEMU);
    sendFor(&st, 3000);
    syncFinds(&st, 400 * MB);
    sendFor(&st, 1000);
    g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_SUSPEND), ==, 0);
    syncFinds(&st, 400 * MB);
    g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_SUSPEND), ==, 1);
}

/* Before anything is known of the link, the deadline alone counts. */
static void
testDeadlineWithoutBandwidth(void)
{
    g_auto(stage) st = { 0 };

    stageInit(&st, "adaptive,deadline=10s,fallback=abort", CONVERGE_METHOD_QEMU);
    for (; st.script.sample.timeMs < 10900; st.script.sample.timeMs += 100)
        convergeLoopStep(st.loop);
    g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_ABORT), ==, 0);
    st.script.sample.timeMs = 11000;
    convergeLoopStep(st.loop);
    g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_ABORT), ==, 1);
}

/* Post-copy on a link that has just failed would lose the guest. */
static void
testNoPostcopyOnFailingLink(void)
{
    static const struct {
        gint64 ms;                  /* after the link has failed */
        double carries;             /* then, bytes/s */
        unsigned int postcopies;
    } rows[] = {
        { 200, BANDWIDTH, 1 },
        { 200, 0.3 * BANDWIDTH, 0 },        /* seen in the window that has begun */
        { 400, 0.3 * BANDWIDTH, 0 },        /* ...and in the last one */
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(stage) st = { 0 };
        convergeSample *sample = &st.script.sample;
        guint64 sent = (guint64)(rows[i].carries * (double)rows[i].ms / 1000);

        stageInit(&st, "stepped,passes=1,fallback=post-copy", CONVERGE_METHOD_QEMU);
        sendFor(&st, 3000);
        convergeLoopStep(st.loop);
        sample->timeMs += rows[i].ms;
        sample->processedBytes += sent;
        sample->normalBytes += sent;
        syncFinds(&st, 400 * MB);
        g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_POSTCOPY), ==, rows[i].postcopies);
    }
}

/* --- Commands --- */

/* A command that came too late has failed for the best of reasons. */
static void
testLateCommandIsNoTrouble(void)
{
    static const struct {
        const char *what;
        gboolean over, unreachable, paused;
        gboolean trouble;
    } rows[] = {
        { "the migration goes on", FALSE, FALSE, FALSE, TRUE },
        { "the migration is over", TRUE, FALSE, FALSE, FALSE },
        { "the guest stands still", FALSE, FALSE, TRUE, FALSE },
        { "nothing can be learnt", FALSE, TRUE, FALSE, FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(stage) st = { 0 };

        g_test_message("%s", rows[i].what);
        stageInit(&st, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
        sendFor(&st, 3000);
        st.script.refusing = TRUE;
        st.script.unreachableAfterApply = rows[i].unreachable;
        st.script.afterApply = st.script.sample;
        st.script.afterApply.active = !rows[i].over;
        st.script.afterApply.paused = rows[i].paused;
        st.script.nsaid = 0;
        syncFinds(&st, 400 * MB);

        g_assert_cmpuint(st.script.nsaid, >, 0);
        g_assert_cmpint(convergeLoopTrouble(st.loop) != NULL, ==, rows[i].trouble);
        g_assert_cmpint(convergeStateIsAside(convergeLoopStatus(st.loop)->state), ==,
                        rows[i].trouble);
        g_assert_cmpuint(st.script.restores, ==, rows[i].trouble ? 1 : 0);
    }
}

/* What was refused is taken back once, and nothing is asked for any more. */
static void
testActsNoMoreOnceAside(void)
{
    g_auto(stage) st = { 0 };
    unsigned int said, probes;

    stageInit(&st, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    sendFor(&st, 3000);
    st.script.refusing = TRUE;
    syncFinds(&st, 400 * MB);
    g_assert_cmpint(convergeLoopStatus(st.loop)->state, ==, CONVERGE_STATE_ASIDE);
    said = st.script.nsaid;
    probes = st.script.probes;
    sendFor(&st, 4000);
    syncFinds(&st, 400 * MB);
    g_assert_cmpuint(st.script.nsaid, ==, said);
    g_assert_cmpuint(st.script.probes, ==, probes);
    g_assert_cmpuint(st.script.restores, ==, 1);
}

/* The throttle is let go of when QEMU has ended a migration, but not before there was one. */
static void
testReleasedOnlyOfAMigration(void)
{
    g_auto(stage) st = { 0 };

    stageInit(&st, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    st.script.sample.active = FALSE;
    convergeLoopStep(st.loop);
    g_assert_cmpuint(st.script.releases, ==, 0);
    st.script.sample.active = TRUE;
    convergeLoopStep(st.loop);
    g_assert_cmpuint(st.script.releases, ==, 0);
    st.script.sample.active = FALSE;
    convergeLoopStep(st.loop);
    g_assert_cmpuint(st.script.releases, ==, 1);
}

/* --- Turns and probes --- */

/* libvirt logs each sample that cannot be had: after some of them, they become rare. */
static void
testRareLooksWhenBlind(void)
{
    g_auto(stage) st = { 0 };
    int i;

    stageInit(&st, "adaptive", CONVERGE_METHOD_QEMU);
    st.script.unreachable = TRUE;
    for (i = 0; i < 9; i++)
        g_assert_cmpint(convergeLoopStep(st.loop), <=, CONVERGE_SAMPLE_SLOWEST_MS);
    g_assert_cmpint(convergeLoopStep(st.loop), >=, 5000);
    st.script.unreachable = FALSE;
    convergeLoopStep(st.loop);
    st.script.unreachable = TRUE;
    g_assert_cmpint(convergeLoopStep(st.loop), <=, CONVERGE_SAMPLE_SLOWEST_MS);
}

/* A throttle that acts at once may come with the end of the bulk pass, and must find no probe
 * under way; QEMU's own comes later anyway. */
static void
testNoProbeIntoEndOfBulkPass(void)
{
    static const struct {
        convergeThrottleMethod method;
        gint64 leftMs;              /* of the bulk pass */
        gboolean probed;
    } rows[] = {
        { CONVERGE_METHOD_VCPU_QUOTA, 2000, TRUE },
        { CONVERGE_METHOD_VCPU_QUOTA, 1400, FALSE },
        { CONVERGE_METHOD_VCPU_QUOTA, 300, FALSE },
        { CONVERGE_METHOD_DIRTY_LIMIT, 300, FALSE },
        { CONVERGE_METHOD_QEMU, 300, TRUE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(stage) st = { 0 };
        unsigned int probes;

        stageInit(&st, "adaptive", rows[i].method);
        sendFor(&st, 3000);
        probes = st.script.probes;
        g_assert_cmpuint(probes, ==, 1);
        st.script.sample.remainingBytes = (guint64)(BANDWIDTH * (double)rows[i].leftMs / 1000);
        st.script.sample.probeId = 1;       /* has ended without a result: the next one is due */
        convergeLoopStep(st.loop);
        g_assert_cmpuint(st.script.probes, ==, probes + rows[i].probed);
    }
}

/* Without probes there is still what each sync finds: the loop does not ask again. */
static void
testRefusedProbeIsNotAskedForAgain(void)
{
    g_auto(stage) st = { 0 };

    stageInit(&st, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    st.script.refusingProbes = TRUE;
    sendFor(&st, 4000);
    syncFinds(&st, 400 * MB);
    sendFor(&st, 4000);
    g_assert_cmpuint(st.script.probes, ==, 1);
    g_assert_null(convergeLoopTrouble(st.loop));
}

/* A probe is worth its cost only where its answer changes what is done. */
static void
testProbesOnlyForTheAdaptiveLaw(void)
{
    static const struct {
        const char *policy;
        unsigned int probes;
    } rows[] = {
        { "adaptive", 1 }, { "stepped", 0 }, { "adaptive,throttle=none", 0 },
        { "adaptive,throttle=progressive", 0 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(stage) st = { 0 };

        stageInit(&st, rows[i].policy, CONVERGE_METHOD_QEMU);
        sendFor(&st, 3000);
        g_assert_cmpuint(st.script.probes, ==, rows[i].probes);
    }
}

/* No probe while no vCPU runs. */
static void
testNoProbeOfAPausedGuest(void)
{
    g_auto(stage) st = { 0 };

    stageInit(&st, "adaptive", CONVERGE_METHOD_QEMU);
    st.script.sample.paused = TRUE;
    sendFor(&st, 3000);
    g_assert_cmpuint(st.script.probes, ==, 0);
    st.script.sample.paused = FALSE;
    sendFor(&st, 1000);
    g_assert_cmpuint(st.script.probes, ==, 1);
}

/* Between two probes there is a pause, the longer the more memory QEMU has to hash and the
 * longer the bulk pass has taken; after one that was spoilt there is none. */
static void
testPauseBetweenProbes(void)
{
    static const struct {
        double memory;
        gint64 bulkMs;              /* so far */
        gint64 probeMs;             /* 0: it was spoilt */
        gint64 leastMs, mostMs;     /* of the pause */
    } rows[] = {
        { TOTAL, 3000, 1000, 1000, 1200 },
        { TOTAL, 3000, 0, 0, 0 },
        { 100 * TOTAL, 3000, 1000, 3000, 3200 },
        { TOTAL, 60000, 1000, 3000, 3300 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(stage) st = { 0 };
        convergeSample *sample = &st.script.sample;
        gint64 endMs, at;

        stageInit(&st, "adaptive", CONVERGE_METHOD_QEMU);
        sample->totalBytes = (guint64)rows[i].memory;
        sample->remainingBytes = (guint64)(1000 * TOTAL);
        sendFor(&st, rows[i].bulkMs);
        g_assert_cmpuint(st.script.probes, ==, 1);
        sample->probeId = 1;
        sample->probeMs = rows[i].probeMs;
        sample->probeBps = 1;
        endMs = sample->timeMs;
        for (at = endMs; st.script.probes == 1 && at < endMs + 20000; at = sample->timeMs)
            sendFor(&st, 100);
        at -= 100;
        g_test_message("pause %" G_GINT64_FORMAT " ms", at - endMs);
        g_assert_cmpuint(st.script.probes, ==, 2);
        g_assert_cmpint(at - endMs, >=, rows[i].leastMs);
        g_assert_cmpint(at - endMs, <=, rows[i].mostMs);
    }
}

/* How the guest answers to a throttle that is in force at once matters most: the next probe
 * starts with it. */
static void
testProbeStartsWithThrottle(void)
{
    static const convergeThrottleMethod methods[] = {
        CONVERGE_METHOD_VCPU_QUOTA, CONVERGE_METHOD_DIRTY_LIMIT,
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(methods); i++) {
        g_auto(stage) st = { 0 };

        stageInit(&st, "adaptive", methods[i]);
        sendFor(&st, 3000);
        st.script.sample.probeId = 1;
        st.script.sample.probeMs = 1000;
        st.script.sample.probeBps = (guint64)(250 * MB);
        sendFor(&st, 300);
        g_assert_cmpuint(st.script.probes, ==, 1);
        syncFinds(&st, 400 * MB);
        g_assert_cmpuint(countVerb(&st, CONVERGE_VERB_THROTTLE), ==, 1);
        g_assert_cmpuint(st.script.probes, ==, 2);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/promises/stall-counts-passes", testStallCountsPasses);
    g_test_add_func("/promises/little-less-is-no-progress", testLittleLessIsNoProgress);
    g_test_add_func("/promises/rung-is-taken-once", testRungIsTakenOnce);
    g_test_add_func("/promises/nothing-after-a-rung", testNothingAfterARung);
    g_test_add_func("/promises/passes-count-after-the-first-sync", testPassesCountAfterTheFirstSync);
    g_test_add_func("/promises/deadline-without-bandwidth", testDeadlineWithoutBandwidth);
    g_test_add_func("/promises/no-postcopy-on-failing-link", testNoPostcopyOnFailingLink);
    g_test_add_func("/promises/late-command-is-no-trouble", testLateCommandIsNoTrouble);
    g_test_add_func("/promises/acts-no-more-once-aside", testActsNoMoreOnceAside);
    g_test_add_func("/promises/released-only-of-a-migration", testReleasedOnlyOfAMigration);
    g_test_add_func("/promises/rare-looks-when-blind", testRareLooksWhenBlind);
    g_test_add_func("/promises/no-probe-into-end-of-bulk-pass", testNoProbeIntoEndOfBulkPass);
    g_test_add_func("/promises/refused-probe-is-not-asked-for-again", testRefusedProbeIsNotAskedForAgain);
    g_test_add_func("/promises/probes-only-for-the-adaptive-law", testProbesOnlyForTheAdaptiveLaw);
    g_test_add_func("/promises/no-probe-of-a-paused-guest", testNoProbeOfAPausedGuest);
    g_test_add_func("/promises/pause-between-probes", testPauseBetweenProbes);
    g_test_add_func("/promises/probe-starts-with-throttle", testProbeStartsWithThrottle);
    return g_test_run();
}
