/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirtylimittest.c: which vCPUs dirty memory, and how only those are slowed down
 */
#include <string.h>

#include "engine/loop.h"
#include "fakeqemu.h"
#include "files.h"
#include "libvirt/backend_libvirt.h"
#include "throttle/dirty_limit.h"
#include "throttle/throttle.h"

#define SECOND_MS 1001 /* and a bit */

static void
measure(convergeVcpuShares *shares)
{
    g_assert_true(convergeVcpuSharesStart(shares, &fakeMonitor, 0, NULL));
    g_assert_false(convergeVcpuSharesCollect(shares, &fakeMonitor, SECOND_MS / 2, FALSE));
    g_assert_true(convergeVcpuSharesCollect(shares, &fakeMonitor, SECOND_MS + 1, FALSE));
    g_assert_false(convergeVcpuSharesCollect(shares, &fakeMonitor, SECOND_MS + 2, FALSE));
}

/* --- Shares --- */

static void
testShares(void)
{
    convergeVcpuShares shares = { 0 };
    g_autofree char *before = convergeVcpuSharesExplain(&shares);
    g_autofree char *text = NULL;
    g_autofree char *all = NULL;

    qemu = fakeQemuPristine;
    measure(&shares);
    g_assert_true(convergeVcpuSharesKnown(&shares));
    g_assert_cmpuint(convergeVcpuSharesRate(&shares, 0), ==, 240);
    g_assert_cmpuint(convergeVcpuSharesRate(&shares, 2), ==, 60);
    g_assert_cmpuint(convergeVcpuSharesRate(&shares, 7), ==, 0);
    g_assert_cmpuint(shares.sum, ==, 301);

    text = convergeVcpuSharesExplain(&shares);
    g_assert_nonnull(strstr(text, "2 of 3"));
    g_assert_nonnull(strstr(text, "0: 240 MiB/s, 2: 60 MiB/s"));
    g_assert_null(strstr(text, "1: "));
    g_assert_null(strstr(before, "MiB"));

    qemu.rates[1] = 100;
    measure(&shares);
    all = convergeVcpuSharesExplain(&shares);
    g_assert_nonnull(strstr(all, "0: 240 MiB/s, 1: 100 MiB/s, 2: 60 MiB/s"));
    g_assert_null(strstr(all, "left alone"));
    convergeVcpuSharesClear(&shares);
}

static void
testSharesUnknown(void)
{
    static const struct {
        const char *status;
        gint64 rate;
        gboolean spoilt;
        gint64 ms;
    } cases[] = {
        { "measured", 0, FALSE, SECOND_MS + 1 }, /* an idle guest tells nothing */
        { "measured", 100, TRUE, SECOND_MS + 1 },
        { "unstarted", 100, FALSE, SECOND_MS + 1 },
        { "measuring", 100, FALSE, 60000 }, /* never ends */
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        convergeVcpuShares shares = { 0 };

        qemu = fakeQemuPristine;
        qemu.measured = cases[i].status;
        for (j = 0; j < FAKE_VCPUS; j++)
            qemu.rates[j] = cases[i].rate;
        g_assert_true(convergeVcpuSharesStart(&shares, &fakeMonitor, 0, NULL));
        g_assert_true(convergeVcpuSharesCollect(&shares, &fakeMonitor, cases[i].ms, cases[i].spoilt));
        g_assert_false(convergeVcpuSharesKnown(&shares));
        convergeVcpuSharesClear(&shares);
    }
}

/* --- The quota by shares: a tree of plain files --- */

static void
put(const char *top,
    const char *name,
    const char *text)
{
    g_autofree char *path = g_build_filename(top, name, NULL);

    filesPut(path, text);
}

static char *
quotaOf(const char *top,
        int vcpu)
{
    g_autofree char *path = g_strdup_printf("%s/vm/vcpu%d/cpu.max", top, vcpu);
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return g_strstrip(text);
}

static void
assertSlowed(const char *top,
             gboolean first,
             gboolean second,
             gboolean third)
{
    const gboolean slowed[FAKE_VCPUS] = { first, second, third };
    int i;

    for (i = 0; i < FAKE_VCPUS; i++) {
        g_autofree char *now = quotaOf(top, i);

        if (slowed[i])
            g_assert_cmpstr(now, !=, "max 100000");
        else
            g_assert_cmpstr(now, ==, "max 100000");
    }
}

static void
testQuota(void)
{
    const pid_t threads[FAKE_VCPUS] = { 4711, 4712, 4713 };
    const gint64 ids[FAKE_VCPUS] = { 0, 1, 2 };
    const gint64 swapped[FAKE_VCPUS] = { 1, 0, 9 }; /* 9 was not measured */
    g_autofree char *top = filesNewDir();
    g_autofree char *mounts = g_strdup_printf("30 1 0:1 / %s rw - cgroup2 cgroup2 rw\n", top);
    g_autoptr(GArray) cpus = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(convergeVcpuQuota) quota = NULL;
    convergeVcpuShares shares = { 0 };
    int i;

    for (i = 0; i < FAKE_VCPUS; i++) {
        g_autofree char *group = g_strdup_printf("0::/vm/vcpu%d\n", i);
        g_autofree char *name = g_strdup_printf("%d/cgroup", (int)threads[i]);
        g_autofree char *list = g_strdup_printf("vm/vcpu%d/cgroup.threads", i);
        g_autofree char *max = g_strdup_printf("vm/vcpu%d/cpu.max", i);
        g_autofree char *thread = g_strdup_printf("%d\n", (int)threads[i]);

        put(top, name, group);
        put(top, list, thread);
        put(top, max, "max 100000\n");
    }
    put(top, "self/mountinfo", mounts);
    quota = convergeVcpuQuotaNewAt(top, threads, FAKE_VCPUS, NULL);
    g_assert_nonnull(quota);
    g_array_append_vals(cpus, ids, FAKE_VCPUS);

    /* All alike while the shares are unknown; then only the first and the last. */
    qemu = fakeQemuPristine;
    g_assert_true(convergeVcpuSharesSetQuota(&shares, quota, cpus, 80, NULL));
    assertSlowed(top, TRUE, TRUE, TRUE);
    measure(&shares);
    g_assert_true(convergeVcpuSharesSetQuota(&shares, quota, cpus, 80, NULL));
    assertSlowed(top, TRUE, FALSE, TRUE);
    g_assert_true(convergeVcpuSharesSetQuota(&shares, quota, cpus, 0, NULL));
    assertSlowed(top, FALSE, FALSE, FALSE);

    /* Shares go by QEMU's index, whatever the order of the threads. */
    memcpy(cpus->data, swapped, sizeof(swapped));
    g_assert_true(convergeVcpuSharesSetQuota(&shares, quota, cpus, 80, NULL));
    assertSlowed(top, FALSE, TRUE, TRUE);

    convergeVcpuSharesClear(&shares);
    filesRemove(top);
}

/* --- Limits --- */

static void
testLimit(void)
{
    convergeVcpuShares shares = { 0 };
    convergeDirtyLimit limit = { 0 };
    guint sets;

    qemu = fakeQemuPristine;
    measure(&shares);
    g_assert_true(convergeDirtyLimitCheck(&fakeMonitor, NULL));
    g_assert_true(convergeDirtyLimitSet(&limit, &fakeMonitor, &shares, 0, 0, NULL));
    g_assert_true(convergeDirtyLimitCancel(&limit, &fakeMonitor, NULL));
    g_assert_cmpuint(qemu.limitSets + qemu.limitCancels, ==, 0);

    g_assert_true(convergeDirtyLimitSet(&limit, &fakeMonitor, &shares, 75, 0, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 60);
    g_assert_cmpint(qemu.limits[1], ==, 1); /* to QEMU, 0 means no limit */
    g_assert_cmpint(qemu.limits[2], ==, 15);
    sets = qemu.limitSets;
    g_assert_true(convergeDirtyLimitSet(&limit, &fakeMonitor, &shares, 75, 0, NULL));
    g_assert_cmpuint(qemu.limitSets, ==, sets);
    g_assert_false(convergeDirtyLimitCheck(&fakeMonitor, NULL));

    g_assert_true(convergeDirtyLimitSet(&limit, &fakeMonitor, &shares, 0, 0, NULL));
    g_assert_cmpint(fakeQemuLimits(), ==, 0);
    g_assert_true(convergeDirtyLimitCancel(&limit, &fakeMonitor, NULL));
    g_assert_cmpuint(qemu.limitCancels, ==, 1);

    /* Only some limits were set: all are cancelled. */
    qemu.refusesLimit = TRUE;
    g_assert_false(convergeDirtyLimitSet(&limit, &fakeMonitor, &shares, 50, 0, NULL));
    g_assert_true(convergeDirtyLimitCancel(&limit, &fakeMonitor, NULL));
    g_assert_cmpint(fakeQemuLimits(), ==, 0);
    convergeVcpuSharesClear(&shares);
}

/* A limit that others have set meanwhile stays, even if a throttle could have led to its value. */
static void
testTakenOver(void)
{
    convergeVcpuShares shares = { 0 };
    convergeDirtyLimit limit = { 0 };

    qemu = fakeQemuPristine;
    measure(&shares);
    g_assert_true(convergeDirtyLimitSet(&limit, &fakeMonitor, &shares, 50, 0, NULL));
    g_assert_true(convergeDirtyLimitSet(&limit, &fakeMonitor, &shares, 75, 0, NULL));
    qemu.limits[2] = 30; /* as of a throttle of 50 % */
    g_assert_true(convergeDirtyLimitCancel(&limit, &fakeMonitor, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 0);
    g_assert_cmpint(qemu.limits[1], ==, 0);
    g_assert_cmpint(qemu.limits[2], ==, 30);
    g_assert_cmpuint(qemu.limitCancels, ==, 2);

    /* No limit of this program is left. */
    qemu.limits[0] = 60;
    g_assert_true(convergeDirtyLimitCancel(&limit, &fakeMonitor, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 60);
    convergeVcpuSharesClear(&shares);
}

/* After a daemon was killed, all limits that derive from the measured rates are cancelled. */
static void
testRecord(void)
{
    convergeVcpuShares shares = { 0 };
    convergeDirtyLimit limit = { 0 };
    unsigned int throttle;
    guint count = 0;

    qemu = fakeQemuPristine;
    measure(&shares);
    for (throttle = 1; throttle <= 99; throttle++) {
        g_assert_true(convergeDirtyLimitSet(&limit, &fakeMonitor, &shares, throttle, 0, NULL));
        g_assert_true(convergeDirtyLimitCancelDerived(&fakeMonitor, shares.rates, &count, NULL));
        g_assert_cmpint(fakeQemuLimits(), ==, 0);
        g_assert_cmpuint(qemu.limitCancels, ==, throttle);
        g_assert_cmpuint(count, ==, throttle * FAKE_VCPUS);
    }

    count = 0;
    g_assert_true(convergeDirtyLimitCancelDerived(&fakeMonitor, shares.rates, &count, NULL));
    g_assert_cmpuint(qemu.limitCancels, ==, 99);
    g_assert_cmpuint(count, ==, 0);

    qemu.limits[0] = 240; /* does not derive from any throttle */
    qemu.limits[1] = 5;
    qemu.limits[2] = 15;
    g_assert_true(convergeDirtyLimitCancelDerived(&fakeMonitor, shares.rates, &count, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 240);
    g_assert_cmpint(qemu.limits[1], ==, 5);
    g_assert_cmpint(qemu.limits[2], ==, 0);
    g_assert_cmpuint(count, ==, 1);
    g_hash_table_remove_all(shares.rates);
    qemu.limits[2] = 15;
    g_assert_true(convergeDirtyLimitCancelDerived(&fakeMonitor, shares.rates, &count, NULL));
    g_assert_cmpint(qemu.limits[2], ==, 15);
    convergeDirtyLimitClear(&limit);
    convergeVcpuSharesClear(&shares);
}

static void
testStall(void)
{
    convergeVcpuShares shares = { 0 };
    convergeDirtyLimit limit = { 0 };
    gint64 ms;

    qemu = fakeQemuPristine;
    qemu.rates[1] = 0;
    qemu.current[1] = 0; /* has never dirtied anything */
    measure(&shares);
    g_assert_true(convergeDirtyLimitSet(&limit, &fakeMonitor, &shares, 75, 0, NULL));
    for (ms = 0; ms < 20000; ms += 200)
        g_assert_false(convergeDirtyLimitStalls(&limit, &fakeMonitor, &shares, ms));
    g_assert_cmpuint(qemu.limitQueries, <=, 20);

    /* The vCPU does not write for two seconds, then writes, then stops for good. */
    qemu.current[2] = 0;
    for (; ms < 22000; ms += 200)
        g_assert_false(convergeDirtyLimitStalls(&limit, &fakeMonitor, &shares, ms));
    qemu.current[2] = 5;
    for (; ms < 24000; ms += 200)
        g_assert_false(convergeDirtyLimitStalls(&limit, &fakeMonitor, &shares, ms));
    qemu.current[2] = 0;
    for (; ms < 40000 && !convergeDirtyLimitStalls(&limit, &fakeMonitor, &shares, ms); ms += 200)
        ;
    g_assert_cmpint(ms, >=, 24000 + CONVERGE_DIRTY_LIMIT_STALL_MS - 1000);
    g_assert_cmpint(ms, <=, 24000 + CONVERGE_DIRTY_LIMIT_STALL_MS + 1000);
    convergeDirtyLimitClear(&limit);
    convergeVcpuSharesClear(&shares);
}

/* --- The whole backend --- */

static gboolean
say(convergeBackendLibvirt *backend,
    convergeVerb verb,
    unsigned int throttle)
{
    convergeDecision decision = { .verb = verb, .throttle = throttle };

    return convergeBackendLibvirtOps.apply(backend, &decision, NULL);
}

/* Does what a turn of the loop does before it decides, and returns the method in use.  @news: what
 * is new about the method is added */
static convergeThrottleMethod
turn(convergeBackendLibvirt *backend,
     convergeSample *sample,
     GString *news)
{
    const convergeThrottleTraits *throttle = NULL;
    g_autofree char *why = NULL;

    memset(sample, 0, sizeof(*sample));
    g_assert_true(convergeBackendLibvirtOps.sample(backend, sample, NULL));
    g_assert_true(sample->active);
    g_assert_true(convergeBackendLibvirtOps.poll(backend, &throttle, &why, NULL));
    g_string_append(news, why ? why : "");
    return throttle->method;
}

/* Takes turns until the vCPUs have been measured. */
static convergeThrottleMethod
turnOn(convergeBackendLibvirt *backend,
       convergeSample *sample,
       GString *news)
{
    convergeThrottleMethod method;
    gint64 start = convergeBackendLibvirtNow(backend);

    do {
        g_usleep(20000);
        method = turn(backend, sample, news);
    } while (sample->timeMs - start <= SECOND_MS);
    return method;
}

static convergeThrottleMethod
chooseLimit(convergeBackendLibvirt *backend,
            char **why)
{
    convergeSample sample = { 0 };

    g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
    return convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_DIRTY_LIMIT, why, NULL)->method;
}

static void
testBackend(void)
{
    int probing;

    for (probing = 0; probing < 2; probing++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fakeClient, FALSE);
        g_autofree char *why = NULL;
        g_autoptr(GString) news = g_string_new(NULL);
        convergeSample sample;

        qemu = fakeQemuPristine;
        g_assert_cmpint(chooseLimit(backend, &why), ==, CONVERGE_METHOD_DIRTY_LIMIT);
        g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 50));
        if (probing)
            g_assert_true(convergeBackendLibvirtOps.probe(backend, NULL));
        g_assert_cmpuint(qemu.limitSets + qemu.probes, ==, 0); /* before it is measured */

        g_assert_cmpint(turnOn(backend, &sample, news), ==, CONVERGE_METHOD_DIRTY_LIMIT);
        g_assert_cmpint(qemu.limits[0], ==, 120);
        g_assert_cmpint(qemu.limits[2], ==, 30);
        g_assert_cmpuint(qemu.probes, ==, probing); /* the one that had to wait */
        turn(backend, &sample, news);
        g_assert_cmpuint(sample.throttle, ==, 50);
        g_assert_cmpstr(news->str, ==, "");

        g_assert_true(say(backend, CONVERGE_VERB_HOLD, 0));
        g_assert_cmpint(qemu.limits[0], ==, 0);
        g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 90));
        g_assert_cmpint(qemu.limits[0], ==, 24);
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpint(fakeQemuLimits(), ==, 0);
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, fakeQemuPristine.params[CONVERGE_PARAM_INITIAL]);

        /* Polling goes on while the loop stands aside. */
        turn(backend, &sample, news);
        g_assert_cmpint(qemu.limits[0], ==, 0);
    }
}

/* A dirty limit that fails gives way to QEMU's throttle, at once and with the same strength. */
static void
testGivesWay(void)
{
    int what;

    for (what = 0; what < 2; what++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fakeClient, FALSE);
        g_autofree char *why = NULL;
        g_autoptr(GString) news = g_string_new(NULL);
        convergeSample sample;

        qemu = fakeQemuPristine;
        if (what == 0)
            qemu.refusesLimit = TRUE;
        else
            qemu.measured = "unstarted";
        g_assert_cmpint(chooseLimit(backend, &why), ==, CONVERGE_METHOD_DIRTY_LIMIT);
        g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 60));
        g_assert_cmpint(turnOn(backend, &sample, news), ==, CONVERGE_METHOD_QEMU);
        g_assert_cmpuint(news->len, >, 0);
        g_string_set_size(news, 0);
        g_assert_cmpint(fakeQemuLimits(), ==, 0);
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 60);
        g_assert_cmpint(turn(backend, &sample, news), ==, CONVERGE_METHOD_QEMU);
        g_assert_cmpuint(sample.throttle, ==, 0); /* QEMU's own comes later */
        g_assert_cmpstr(news->str, ==, "");

        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, fakeQemuPristine.params[CONVERGE_PARAM_INITIAL]);
    }
}

static void
testNoRing(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fakeClient, FALSE);
    g_autofree char *why = NULL;

    qemu = fakeQemuPristine;
    qemu.ring = FALSE;
    g_assert_cmpint(chooseLimit(backend, &why), ==, CONVERGE_METHOD_QEMU);
    g_assert_nonnull(strstr(why, "QEMU refused"));
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 60));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 60);
    g_assert_cmpuint(qemu.limitSets, ==, 0);
}

/* Limits that others have set are neither changed nor cancelled. */
static void
testForeign(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fakeClient, FALSE);
    g_autofree char *why = NULL;

    qemu = fakeQemuPristine;
    qemu.limits[1] = 500;
    g_assert_cmpint(chooseLimit(backend, &why), ==, CONVERGE_METHOD_QEMU);
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 60));
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(qemu.limits[1], ==, 500);
    g_assert_cmpuint(qemu.limitSets + qemu.limitCancels, ==, 0);
}

/* --- The loop --- */

static const convergeThrottleTraits *
chooseOnce(void *opaque G_GNUC_UNUSED,
           convergeThrottleMethod wanted,
           char **why,
           GError **error G_GNUC_UNUSED)
{
    *why = g_strdup("as wanted");
    return &convergeThrottles[wanted]->traits;
}

static gboolean
sampleBulk(void *opaque G_GNUC_UNUSED,
           convergeSample *sample,
           GError **error G_GNUC_UNUSED)
{
    sample->active = TRUE;
    sample->iteration = 1;
    sample->totalBytes = sample->remainingBytes = 1 << 30;
    return TRUE;
}

/* The method gives way at the third sample. */
static gboolean
pollThird(void *opaque,
          const convergeThrottleTraits **throttle,
          char **why,
          GError **error G_GNUC_UNUSED)
{
    int *samples = opaque;

    if (++*samples == 3)
        *why = g_strdup("gave way");
    *throttle = &convergeThrottles[*samples < 3 ? CONVERGE_METHOD_DIRTY_LIMIT :
                                                  CONVERGE_METHOD_QEMU]
                     ->traits;
    return TRUE;
}

static gboolean
refuse(void *opaque G_GNUC_UNUSED,
       GError **error)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "no");
    return FALSE;
}

static gboolean
doNothing(void *opaque G_GNUC_UNUSED,
          const convergeDecision *decision G_GNUC_UNUSED,
          GError **error G_GNUC_UNUSED)
{
    return TRUE;
}

static void
testLoop(void)
{
    static const convergeBackendOps ops = {
        .choose = chooseOnce,
        .poll = pollThird,
        .sample = sampleBulk,
        .apply = doNothing,
        .probe = refuse,
        .restore = refuse,
    };
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive,actuator=dirty-limit", NULL);
    int samples = 0;
    convergeBackend backend = { &ops, &samples };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG,
                                                   NULL, NULL);

    convergeLoopStep(loop);
    convergeLoopStep(loop);
    g_assert_cmpint(convergeLoopStatus(loop)->throttle->method, ==, CONVERGE_METHOD_DIRTY_LIMIT);
    convergeLoopStep(loop);
    g_assert_cmpint(convergeLoopStatus(loop)->throttle->method, ==, CONVERGE_METHOD_QEMU);
    g_assert_cmpint(samples, ==, 3);
}

/* A new measurement forgets the last one at once. */
static void
testMeasuredAnew(void)
{
    convergeVcpuShares shares = { 0 };

    qemu = fakeQemuPristine;
    measure(&shares);
    g_assert_true(convergeVcpuSharesStart(&shares, &fakeMonitor, 0, NULL));
    g_assert_false(convergeVcpuSharesKnown(&shares));
    g_assert_cmpuint(convergeVcpuSharesRate(&shares, 0), ==, 0);
    qemu.rates[0] = 100;
    g_assert_true(convergeVcpuSharesCollect(&shares, &fakeMonitor, SECOND_MS + 1, FALSE));
    g_assert_cmpuint(shares.sum, ==, 161);
    convergeVcpuSharesClear(&shares);
}

/* A QEMU without KVM is not asked for what makes it crash. */
static void
testNoKVM(void)
{
    convergeVcpuShares shares = { 0 };
    g_autoptr(GError) error = NULL;

    qemu = fakeQemuPristine;
    qemu.noKVM = TRUE;
    g_assert_false(convergeVcpuSharesStart(&shares, &fakeMonitor, 1, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    qemu.noKVM = FALSE;
    g_assert_true(convergeVcpuSharesStart(&shares, &fakeMonitor, 1, NULL));
    convergeVcpuSharesClear(&shares);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    g_test_add_func("/vcpu-shares/rates", testShares);
    g_test_add_func("/vcpu-shares/unknown", testSharesUnknown);
    g_test_add_func("/vcpu-shares/quota", testQuota);
    g_test_add_func("/vcpu-shares/measured-anew", testMeasuredAnew);
    g_test_add_func("/dirty-limit/limits", testLimit);
    g_test_add_func("/dirty-limit/taken-over", testTakenOver);
    g_test_add_func("/dirty-limit/record", testRecord);
    g_test_add_func("/dirty-limit/stall", testStall);
    g_test_add_func("/dirty-limit/backend", testBackend);
    g_test_add_func("/dirty-limit/gives-way", testGivesWay);
    g_test_add_func("/dirty-limit/no-ring", testNoRing);
    g_test_add_func("/dirty-limit/foreign", testForeign);
    g_test_add_func("/dirty-limit/loop", testLoop);
    g_test_add_func("/dirty-limit/no-kvm", testNoKVM);
    return g_test_run();
}
