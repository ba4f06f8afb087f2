/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirtylimittest.c: who dirties memory, and what is done to those alone
 *
 * A small QEMU behind fake libvirt calls: it measures and limits the dirty rate of its
 * vCPUs, if it has a dirty ring, and has migration parameters.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/loop.h"
#include "libvirt/backend_libvirt.h"
#include "throttle/dirty_limit.h"

#define VCPUS 3
#define SECOND_MS 1001          /* and a bit */

typedef struct _fakeQemu fakeQemu;
struct _fakeQemu {
    gboolean ring;
    gboolean refusesLimit;      /* of the last vCPU */
    const char *status;         /* of the measurement */
    gint64 rates[VCPUS];        /* measured, MiB/s */
    gint64 limits[VCPUS];       /* 0: none */
    gint64 current[VCPUS];      /* under the limit */
    gint64 initial;
    guint sets, cancels, questions, probes;
};

static const fakeQemu pristine = { .ring = TRUE, .status = "measured", .rates = { 240, 1, 60 },
                                   .current = { 10, 1, 10 }, .initial = 20 };
static fakeQemu qemu;

static char *
listVcpus(const char *key,
          gboolean limits)
{
    GString *text = g_string_new("[");
    int i;

    for (i = 0; i < VCPUS; i++) {
        if (limits && qemu.limits[i] == 0)
            continue;
        if (text->len > 1)
            g_string_append_c(text, ',');
        if (limits)
            g_string_append_printf(text, "{\"cpu-index\":%d,\"limit-rate\":%d,\"current-rate\":%d}", i,
                                   (int)qemu.limits[i], (int)qemu.current[i]);
        else
            g_string_append_printf(text, "{\"id\":%d,\"%s\":%d}", i, key, (int)qemu.rates[i]);
    }
    g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

/* What is returned; NULL: an error. */
static char *
answer(const char *name,
       JsonObject *arguments)
{
    g_autofree char *list = NULL;

    if (g_str_equal(name, "calc-dirty-rate")) {
        gboolean ring = arguments && json_object_has_member(arguments, "mode");

        qemu.probes += !ring;
        return ring && !qemu.ring ? NULL : g_strdup("{}");
    }
    if (g_str_equal(name, "query-dirty-rate")) {
        list = listVcpus("dirty-rate", FALSE);
        return g_strdup_printf("{\"status\":\"%s\",\"dirty-rate\":301,\"vcpu-dirty-rate\":%s}",
                               qemu.status, list);
    }
    if (g_str_equal(name, "query-vcpu-dirty-limit")) {
        qemu.questions++;
        return listVcpus("", TRUE);
    }
    if (g_str_equal(name, "set-vcpu-dirty-limit")) {
        gint64 id = json_object_get_int_member(arguments, "cpu-index");

        if (!qemu.ring || (qemu.refusesLimit && id == VCPUS - 1))
            return NULL;
        g_assert_cmpint(id, >=, 0);
        g_assert_cmpint(id, <, VCPUS);
        qemu.sets++;
        qemu.limits[id] = json_object_get_int_member(arguments, "dirty-rate");
        g_assert_cmpint(qemu.limits[id], >, 0);
        return g_strdup("{}");
    }
    if (g_str_equal(name, "cancel-vcpu-dirty-limit")) {
        qemu.cancels++;
        if (arguments && json_object_has_member(arguments, "cpu-index"))
            qemu.limits[json_object_get_int_member(arguments, "cpu-index")] = 0;
        else
            memset(qemu.limits, 0, sizeof(qemu.limits));
        return g_strdup("{}");
    }
    if (g_str_equal(name, "query-migrate-parameters"))
        return g_strdup_printf("{\"cpu-throttle-initial\":%d,\"cpu-throttle-increment\":10,"
                               "\"max-cpu-throttle\":99,\"throttle-trigger-threshold\":50,"
                               "\"cpu-throttle-tailslow\":false,\"downtime-limit\":300}",
                               (int)qemu.initial);
    if (g_str_equal(name, "migrate-set-parameters")) {
        qemu.initial = json_object_get_int_member_with_default(arguments, "cpu-throttle-initial",
                                                               qemu.initial);
        return g_strdup("{}");
    }
    return NULL;
}

static int
fakeMonitor(virDomainPtr dom G_GNUC_UNUSED,
            const char *cmd,
            char **result,
            unsigned int flags G_GNUC_UNUSED)
{
    g_autoptr(JsonNode) node = json_from_string(cmd, NULL);
    JsonObject *command = json_node_get_object(node);
    JsonObject *arguments = json_object_has_member(command, "arguments") ?
        json_object_get_object_member(command, "arguments") : NULL;
    g_autofree char *returned = answer(json_object_get_string_member(command, "execute"), arguments);
    g_autofree char *reply = returned ? g_strdup_printf("{\"return\":%s,\"id\":\"x\"}", returned) :
        g_strdup("{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}");

    *result = strdup(reply);
    return 0;
}

static int
fakeStats(virDomainPtr dom G_GNUC_UNUSED,
          int *type,
          virTypedParameterPtr *params,
          int *nparams,
          unsigned int flags G_GNUC_UNUSED)
{
    int max = 0;

    *type = VIR_DOMAIN_JOB_UNBOUNDED;
    virTypedParamsAddInt(params, nparams, &max, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_TOTAL, 1 << 30);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_ITERATION, 1);
    return 0;
}

static int
fakeState(virDomainPtr dom G_GNUC_UNUSED,
          int *state,
          int *reason,
          unsigned int flags G_GNUC_UNUSED)
{
    *state = VIR_DOMAIN_RUNNING;
    *reason = 0;
    return 0;
}

static const convergeLibvirt fake = {
    .caller = "test",
    .getJobStats = fakeStats,
    .getState = fakeState,
    .qemuMonitorCommand = fakeMonitor,
};
static const convergeMonitor monitor = { &fake, NULL };

static void
measure(convergeVcpuShares *shares)
{
    g_assert_true(convergeVcpuSharesStart(shares, &monitor, 0, NULL));
    g_assert_false(convergeVcpuSharesCollect(shares, &monitor, SECOND_MS / 2, FALSE));
    g_assert_true(convergeVcpuSharesCollect(shares, &monitor, SECOND_MS + 1, FALSE));
    g_assert_false(convergeVcpuSharesCollect(shares, &monitor, SECOND_MS + 2, FALSE));
}

/* --- Who dirties memory --- */

static void
testShares(void)
{
    convergeVcpuShares shares = { 0 };
    g_autofree char *before = convergeVcpuSharesExplain(&shares);
    g_autofree char *text = NULL;
    g_autofree char *all = NULL;

    qemu = pristine;
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
        { "measured", 0, FALSE, SECOND_MS + 1 },        /* an idle guest tells nothing */
        { "measured", 100, TRUE, SECOND_MS + 1 },
        { "unstarted", 100, FALSE, SECOND_MS + 1 },
        { "measuring", 100, FALSE, 60000 },             /* for ever */
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        convergeVcpuShares shares = { 0 };

        qemu = pristine;
        qemu.status = cases[i].status;
        for (j = 0; j < VCPUS; j++)
            qemu.rates[j] = cases[i].rate;
        g_assert_true(convergeVcpuSharesStart(&shares, &monitor, 0, NULL));
        g_assert_true(convergeVcpuSharesCollect(&shares, &monitor, cases[i].ms, cases[i].spoilt));
        g_assert_false(convergeVcpuSharesKnown(&shares));
        convergeVcpuSharesClear(&shares);
    }
}

/* --- The quota of those alone: a tree of plain files --- */

static void
put(const char *top,
    const char *name,
    const char *text)
{
    g_autofree char *path = g_build_filename(top, name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
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
    const gboolean slowed[VCPUS] = { first, second, third };
    int i;

    for (i = 0; i < VCPUS; i++) {
        g_autofree char *now = quotaOf(top, i);

        if (slowed[i])
            g_assert_cmpstr(now, !=, "max 100000");
        else
            g_assert_cmpstr(now, ==, "max 100000");
    }
}

static void
removeAll(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *each = g_build_filename(path, name, NULL);

        removeAll(each);
    }
    g_assert_cmpint(g_remove(path), ==, 0);
}

static void
testQuota(void)
{
    const pid_t threads[VCPUS] = { 4711, 4712, 4713 };
    const gint64 ids[VCPUS] = { 0, 1, 2 };
    const gint64 swapped[VCPUS] = { 1, 0, 9 };  /* 9 was not measured */
    g_autofree char *top = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autofree char *mounts = g_strdup_printf("30 1 0:1 / %s rw - cgroup2 cgroup2 rw\n", top);
    g_autoptr(GArray) cpus = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(convergeVcpuQuota) quota = NULL;
    convergeVcpuShares shares = { 0 };
    int i;

    for (i = 0; i < VCPUS; i++) {
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
    quota = convergeVcpuQuotaNewAt(top, threads, VCPUS, NULL);
    g_assert_nonnull(quota);
    g_array_append_vals(cpus, ids, VCPUS);

    /* Before it is known all alike; then the first and the last alone. */
    qemu = pristine;
    g_assert_true(convergeVcpuSharesSetQuota(&shares, quota, cpus, 80, NULL));
    assertSlowed(top, TRUE, TRUE, TRUE);
    measure(&shares);
    g_assert_true(convergeVcpuSharesSetQuota(&shares, quota, cpus, 80, NULL));
    assertSlowed(top, TRUE, FALSE, TRUE);
    g_assert_true(convergeVcpuSharesSetQuota(&shares, quota, cpus, 0, NULL));
    assertSlowed(top, FALSE, FALSE, FALSE);

    /* By QEMU's index, whatever the order of the threads. */
    memcpy(cpus->data, swapped, sizeof(swapped));
    g_assert_true(convergeVcpuSharesSetQuota(&shares, quota, cpus, 80, NULL));
    assertSlowed(top, FALSE, TRUE, TRUE);

    convergeVcpuSharesClear(&shares);
    removeAll(top);
}

/* --- Limits --- */

static void
testLimit(void)
{
    convergeVcpuShares shares = { 0 };
    convergeDirtyLimit limit = { 0 };
    guint sets;

    qemu = pristine;
    measure(&shares);
    g_assert_true(convergeDirtyLimitCheck(&monitor, NULL));
    g_assert_true(convergeDirtyLimitSet(&limit, &monitor, &shares, 0, 0, NULL));
    g_assert_true(convergeDirtyLimitCancel(&limit, &monitor, NULL));
    g_assert_cmpuint(qemu.sets + qemu.cancels, ==, 0);

    g_assert_true(convergeDirtyLimitSet(&limit, &monitor, &shares, 75, 0, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 60);
    g_assert_cmpint(qemu.limits[1], ==, 1);     /* QEMU takes 0 as no limit */
    g_assert_cmpint(qemu.limits[2], ==, 15);
    sets = qemu.sets;
    g_assert_true(convergeDirtyLimitSet(&limit, &monitor, &shares, 75, 0, NULL));
    g_assert_cmpuint(qemu.sets, ==, sets);
    g_assert_false(convergeDirtyLimitCheck(&monitor, NULL));

    g_assert_true(convergeDirtyLimitSet(&limit, &monitor, &shares, 0, 0, NULL));
    g_assert_cmpint(qemu.limits[0] + qemu.limits[1] + qemu.limits[2], ==, 0);
    g_assert_true(convergeDirtyLimitCancel(&limit, &monitor, NULL));
    g_assert_cmpuint(qemu.cancels, ==, 1);

    /* Half of it was set: all is taken back. */
    qemu.refusesLimit = TRUE;
    g_assert_false(convergeDirtyLimitSet(&limit, &monitor, &shares, 50, 0, NULL));
    g_assert_true(convergeDirtyLimitCancel(&limit, &monitor, NULL));
    g_assert_cmpint(qemu.limits[0] + qemu.limits[1] + qemu.limits[2], ==, 0);
    convergeVcpuSharesClear(&shares);
}

/* What somebody else has set meanwhile stays, be it a value that could be ours. */
static void
testTakenOver(void)
{
    convergeVcpuShares shares = { 0 };
    convergeDirtyLimit limit = { 0 };

    qemu = pristine;
    measure(&shares);
    g_assert_true(convergeDirtyLimitSet(&limit, &monitor, &shares, 50, 0, NULL));
    g_assert_true(convergeDirtyLimitSet(&limit, &monitor, &shares, 75, 0, NULL));
    qemu.limits[2] = 30;        /* as 50 % would have it */
    g_assert_true(convergeDirtyLimitCancel(&limit, &monitor, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 0);
    g_assert_cmpint(qemu.limits[1], ==, 0);
    g_assert_cmpint(qemu.limits[2], ==, 30);
    g_assert_cmpuint(qemu.cancels, ==, 2);

    /* Nothing of ours is left. */
    qemu.limits[0] = 60;
    g_assert_true(convergeDirtyLimitCancel(&limit, &monitor, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 60);
    convergeVcpuSharesClear(&shares);
}

/* A daemon that was killed: all that derives from what was measured. */
static void
testRecord(void)
{
    convergeVcpuShares shares = { 0 };
    convergeDirtyLimit limit = { 0 };
    unsigned int throttle;

    qemu = pristine;
    measure(&shares);
    for (throttle = 1; throttle <= 99; throttle++) {
        g_assert_true(convergeDirtyLimitSet(&limit, &monitor, &shares, throttle, 0, NULL));
        g_assert_true(convergeDirtyLimitCancelDerived(&monitor, shares.rates, NULL));
        g_assert_cmpint(qemu.limits[0] + qemu.limits[1] + qemu.limits[2], ==, 0);
        g_assert_cmpuint(qemu.cancels, ==, throttle);
    }

    g_assert_true(convergeDirtyLimitCancelDerived(&monitor, shares.rates, NULL));
    g_assert_cmpuint(qemu.cancels, ==, 99);

    qemu.limits[0] = 240;       /* no throttle leaves that */
    qemu.limits[1] = 5;
    qemu.limits[2] = 15;
    g_assert_true(convergeDirtyLimitCancelDerived(&monitor, shares.rates, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 240);
    g_assert_cmpint(qemu.limits[1], ==, 5);
    g_assert_cmpint(qemu.limits[2], ==, 0);
    g_hash_table_remove_all(shares.rates);
    qemu.limits[2] = 15;
    g_assert_true(convergeDirtyLimitCancelDerived(&monitor, shares.rates, NULL));
    g_assert_cmpint(qemu.limits[2], ==, 15);

    /* A record that does not tell the rates. */
    g_assert_true(convergeDirtyLimitCancelDerived(&monitor, NULL, NULL));
    g_assert_cmpint(qemu.limits[0] + qemu.limits[1] + qemu.limits[2], ==, 0);
    convergeDirtyLimitClear(&limit);
    convergeVcpuSharesClear(&shares);
}

static void
testStall(void)
{
    convergeVcpuShares shares = { 0 };
    convergeDirtyLimit limit = { 0 };
    gint64 ms;

    qemu = pristine;
    qemu.rates[1] = 0;
    qemu.current[1] = 0;        /* has never dirtied anything */
    measure(&shares);
    g_assert_true(convergeDirtyLimitSet(&limit, &monitor, &shares, 75, 0, NULL));
    for (ms = 0; ms < 20000; ms += 200)
        g_assert_false(convergeDirtyLimitStalls(&limit, &monitor, &shares, ms));
    g_assert_cmpuint(qemu.questions, <=, 20);

    /* For two seconds it does not write, then it does; then no more. */
    qemu.current[2] = 0;
    for (; ms < 22000; ms += 200)
        g_assert_false(convergeDirtyLimitStalls(&limit, &monitor, &shares, ms));
    qemu.current[2] = 5;
    for (; ms < 24000; ms += 200)
        g_assert_false(convergeDirtyLimitStalls(&limit, &monitor, &shares, ms));
    qemu.current[2] = 0;
    for (; ms < 40000 && !convergeDirtyLimitStalls(&limit, &monitor, &shares, ms); ms += 200)
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

/* Takes samples until the vCPUs have been measured. */
static void
sampleOn(convergeBackendLibvirt *backend,
         convergeSample *sample)
{
    gint64 start = convergeBackendLibvirtNow(backend);

    do {
        memset(sample, 0, sizeof(*sample));
        g_usleep(20000);
        g_assert_true(convergeBackendLibvirtOps.sample(backend, sample, NULL));
        g_assert_true(sample->active);
    } while (sample->timeMs - start <= SECOND_MS);
}

static convergeThrottleMethod
chooseLimit(convergeBackendLibvirt *backend,
            char **why)
{
    convergeSample sample = { 0 };

    g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
    return convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_DIRTY_LIMIT, why, NULL);
}

static void
testActuator(void)
{
    int probing;

    for (probing = 0; probing < 2; probing++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);
        g_autofree char *why = NULL;
        g_autofree char *news = NULL;
        convergeSample sample;

        qemu = pristine;
        g_assert_cmpint(chooseLimit(backend, &why), ==, CONVERGE_METHOD_DIRTY_LIMIT);
        g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 50));
        if (probing)
            g_assert_true(convergeBackendLibvirtOps.probe(backend, NULL));
        g_assert_cmpuint(qemu.sets + qemu.probes, ==, 0);   /* before it is measured */

        sampleOn(backend, &sample);
        g_assert_cmpint(qemu.limits[0], ==, 120);
        g_assert_cmpint(qemu.limits[2], ==, 30);
        g_assert_cmpuint(qemu.probes, ==, probing);         /* the one that had to wait */
        g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
        g_assert_cmpuint(sample.throttle, ==, 50);
        g_assert_cmpint(convergeBackendLibvirtOps.review(backend, &news), ==,
                        CONVERGE_METHOD_DIRTY_LIMIT);
        g_assert_null(news);

        g_assert_true(say(backend, CONVERGE_VERB_HOLD, 0));
        g_assert_cmpint(qemu.limits[0], ==, 0);
        g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 90));
        g_assert_cmpint(qemu.limits[0], ==, 24);
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpint(qemu.limits[0] + qemu.limits[1] + qemu.limits[2], ==, 0);
        g_assert_cmpint(qemu.initial, ==, pristine.initial);

        /* Standing aside, it goes on looking. */
        g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
        g_assert_cmpint(qemu.limits[0], ==, 0);
    }
}

/* What cannot be had gives way to QEMU's throttle, at once and with the same strength. */
static void
testGivesWay(void)
{
    int what;

    for (what = 0; what < 2; what++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);
        g_autofree char *why = NULL;
        g_autofree char *news = NULL;
        g_autofree char *more = NULL;
        convergeSample sample;

        qemu = pristine;
        if (what == 0)
            qemu.refusesLimit = TRUE;
        else
            qemu.status = "unstarted";
        g_assert_cmpint(chooseLimit(backend, &why), ==, CONVERGE_METHOD_DIRTY_LIMIT);
        g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 60));
        sampleOn(backend, &sample);

        g_assert_cmpint(convergeBackendLibvirtOps.review(backend, &news), ==, CONVERGE_METHOD_QEMU);
        g_assert_nonnull(news);
        g_assert_null(convergeBackendLibvirtOps.review(backend, &more) == CONVERGE_METHOD_QEMU ?
                      more : "changed again");
        g_assert_cmpint(qemu.limits[0] + qemu.limits[1] + qemu.limits[2], ==, 0);
        g_assert_cmpint(qemu.initial, ==, 60);
        g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
        g_assert_cmpuint(sample.throttle, ==, 0);           /* QEMU's own comes later */

        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpint(qemu.initial, ==, pristine.initial);
    }
}

static void
testNoRing(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);
    g_autofree char *why = NULL;

    qemu = pristine;
    qemu.ring = FALSE;
    g_assert_cmpint(chooseLimit(backend, &why), ==, CONVERGE_METHOD_QEMU);
    g_assert_nonnull(strstr(why, "QEMU refused"));
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 60));
    g_assert_cmpint(qemu.initial, ==, 60);
    g_assert_cmpuint(qemu.sets, ==, 0);
}

/* Limits of somebody else are neither changed nor cancelled. */
static void
testForeign(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);
    g_autofree char *why = NULL;

    qemu = pristine;
    qemu.limits[1] = 500;
    g_assert_cmpint(chooseLimit(backend, &why), ==, CONVERGE_METHOD_QEMU);
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 60));
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(qemu.limits[1], ==, 500);
    g_assert_cmpuint(qemu.sets + qemu.cancels, ==, 0);
}

/* --- The loop --- */

static convergeThrottleMethod
chooseOnce(void *opaque G_GNUC_UNUSED,
           convergeThrottleMethod wanted,
           char **why,
           GError **error G_GNUC_UNUSED)
{
    *why = g_strdup("as wanted");
    return wanted;
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

/* Gives way at the third sample. */
static convergeThrottleMethod
reviewThird(void *opaque,
            char **why)
{
    int *samples = opaque;

    if (++*samples == 3)
        *why = g_strdup("gave way");
    return *samples < 3 ? CONVERGE_METHOD_DIRTY_LIMIT : CONVERGE_METHOD_QEMU;
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
        .choose = chooseOnce, .review = reviewThird, .sample = sampleBulk, .apply = doNothing,
        .probe = refuse, .restore = refuse,
    };
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive,actuator=dirty-limit", NULL);
    int samples = 0;
    convergeBackend backend = { &ops, &samples };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG,
                                                   NULL, NULL);

    convergeLoopStep(loop);
    convergeLoopStep(loop);
    g_assert_cmpint(convergeLoopStatus(loop)->actuator, ==, CONVERGE_METHOD_DIRTY_LIMIT);
    convergeLoopStep(loop);
    g_assert_cmpint(convergeLoopStatus(loop)->actuator, ==, CONVERGE_METHOD_QEMU);
    g_assert_cmpint(samples, ==, 3);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    g_test_add_func("/vcpu-shares/rates", testShares);
    g_test_add_func("/vcpu-shares/unknown", testSharesUnknown);
    g_test_add_func("/vcpu-shares/quota", testQuota);
    g_test_add_func("/dirty-limit/limits", testLimit);
    g_test_add_func("/dirty-limit/taken-over", testTakenOver);
    g_test_add_func("/dirty-limit/record", testRecord);
    g_test_add_func("/dirty-limit/stall", testStall);
    g_test_add_func("/dirty-limit/actuator", testActuator);
    g_test_add_func("/dirty-limit/gives-way", testGivesWay);
    g_test_add_func("/dirty-limit/no-ring", testNoRing);
    g_test_add_func("/dirty-limit/foreign", testForeign);
    g_test_add_func("/dirty-limit/loop", testLoop);
    return g_test_run();
}
