/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methodstest.c: what other methods do to a guest of the plant, and what they are measured against
 */
#include "plant/methods.h"
#include "policy/policy_fields.h"

#define MB 1e6
#define GIVE_UP_MS (30 * 60 * 1000)

/* A guest that QEMU has to throttle. */
static const convergePlantConfig busy = {
    .memory = 1000 * MB,
    .used = 430 * MB,
    .workingSet = 400 * MB,
    .writeRate = 250 * MB,
    .bandwidth = 96 * MB,
};

/* Presets are methods too, all of them; some are in the table as well, with a law of their own. */
static void
testEveryPresetIsAMethod(void)
{
    gsize i;

    for (i = 0; i < convergePresetCount; i++) {
        const convergeMethod *method = convergeMethodFind(convergePresets[i].name);

        g_assert_nonnull(method);
        g_assert_cmpstr(method->name, ==, convergePresets[i].name);
    }
    g_assert_null(convergeMethodFind("nonesuch"));
}

typedef struct _actsWatch actsWatch;
struct _actsWatch {
    GString *acts;
    unsigned int left; /* how many more are noted */
};

static void
watchActs(void *opaque,
          const convergePlant *plant G_GNUC_UNUSED,
          const convergeSample *sample,
          const char *said)
{
    actsWatch *watch = opaque;

    if (!said || watch->left == 0)
        return;
    watch->left--;
    g_string_append_printf(watch->acts, "%s%" G_GUINT64_FORMAT " %s", watch->acts->len ? ", " : "",
                           sample->iteration, said);
}

/* What others do to a guest that never converges, and in which iteration, as their sources
 * count: Xen stops after the fifth, KubeVirt begins with the third, oVirt acts once a limit is
 * exceeded, Proxmox at the sixth rise, and the throttle of Cloud Hypervisor waits for four
 * deltas and then acts on every second. */
static void
testOthersActInTheirIterations(void)
{
    static const struct {
        const char *method;
        double size; /* of the guest */
        unsigned int n;
        const char *acts;
    } rows[] = {
        { "xen", 1, 1, "6 suspend" },
        { "kubevirt-ramp", 1, 2, "3 downtime 257 ms, 5 downtime 364 ms" },
        { "ovirt-minimal-downtime", 1, 3, "3 downtime 150 ms, 5 downtime 200 ms, 8 downtime 300 ms" },
        { "ovirt-minimal-downtime", 2.2, 2, "3 downtime 150 ms, 4 downtime 200 ms" },
        { "proxmox", 1, 2, "7 downtime 200 ms, 13 downtime 400 ms" },
        { "cloud-hypervisor-throttle", 1, 3, "6 throttle 10 %, 8 throttle 20 %, 10 throttle 30 %" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = busy;
        g_autoptr(GString) acts = g_string_new(NULL);
        actsWatch watch = { acts, rows[i].n };
        convergeMethodOptions options = {
            .giveUpMs = 5 * 60 * 1000,
            .trace = watchActs,
            .opaque = &watch,
        };
        convergeMethodOutcome outcome;

        config.writeRate = 20000 * MB;
        config.used *= rows[i].size;
        config.workingSet *= rows[i].size;
        convergeMethodRunOne(convergeMethodFind(rows[i].method), &config, &options, &outcome);
        g_assert_cmpstr(acts->str, ==, rows[i].acts);
    }
}

/* With post-copy allowed, QEMU 11.1 syncs from the start; other methods are of other QEMUs, whatever
 * the scenario's is. */
static void
testPostcopyAllowedSyncsFromTheStart(void)
{
    const char *const methods[] = { "qemu-7.2", "qemu-11.1-post-copy" };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(methods); i++) {
        convergePlantConfig config = busy;
        convergeMethodOptions options = { .giveUpMs = 2000 };
        convergeMethodOutcome outcome;

        config.syncInBulk = TRUE;
        convergeMethodRunOne(convergeMethodFind(methods[i]), &config, &options, &outcome);
        g_assert_cmpint(outcome.result.passes > 20, ==, i == 1);
    }
}

/* Cloud Hypervisor cancels after an hour. */
static void
testCloudHypervisorCancels(void)
{
    convergePlantConfig config = busy;
    convergeMethodOptions options = { .giveUpMs = 4000 * 1000 };
    convergeMethodOutcome outcome;

    config.writeRate = 20000 * MB;
    convergeMethodRunOne(convergeMethodFind("cloud-hypervisor"), &config, &options, &outcome);
    g_assert_true(outcome.result.aborted);
    g_assert_cmpint(outcome.result.totalMs, ==, 3600 * 1000);
}

/* On a guest with one working set no method that does not know the guest loses less than the best
 * constant throttle. */
static void
testBestConstantThrottle(void)
{
    const char *const methods[] = { "adaptive-quota", "qemu-7.2", "incus" };
    convergeMethodFloor floor = convergeMethodFindFloor(&busy, 300, GIVE_UP_MS);
    convergeMethodOptions options = { .giveUpMs = GIVE_UP_MS };
    gsize i;

    g_assert_true(floor.converges);
    for (i = 0; i < G_N_ELEMENTS(methods); i++) {
        convergeMethodOutcome outcome;

        convergeMethodRunOne(convergeMethodFind(methods[i]), &busy, &options, &outcome);
        g_test_message("%s loses %.0f ms, the best constant throttle %.0f", methods[i],
                       outcome.result.lostMs, floor.lostMs);
        g_assert_true(outcome.result.completed);
        g_assert_cmpfloat(floor.lostMs, <=, 1.02 * outcome.result.lostMs);
    }
}

static convergeMethodOutcome
runWithin(const convergeMethod *method,
          gint64 downtimeMs)
{
    convergePlantConfig config = busy;
    convergeMethodOptions options = { .giveUpMs = 60 * 1000, .downtimeMs = downtimeMs };
    convergeMethodOutcome outcome;

    /* What the guest dirties takes a second. */
    config.workingSet = 100 * MB;
    convergeMethodRunOne(method, &config, &options, &outcome);
    return outcome;
}

static gboolean
isSame(const convergePlantResult *one,
       const convergePlantResult *two)
{
    return one->totalMs == two->totalMs && one->pauseMs == two->pauseMs && one->passes == two->passes;
}

/* A method either takes the operator's limit, or says that it has one of its own. */
static void
testDowntimeIsTakenOrOwn(void)
{
    static const struct {
        const char *method;
        gboolean own;
    } rows[] = {
        { "adaptive", FALSE },
        { "adaptive-quota", FALSE },
        { "cheapest", FALSE },
        { "stepped", FALSE },
        { "qemu-plain", FALSE },
        { "qemu-7.2", FALSE },
        { "incus", FALSE },
        { "cloud-hypervisor", FALSE },
        { "downtime-ramp", TRUE },
        { "stop-conditions", TRUE },
        { "nova", TRUE },
        { "ovirt-suspend", TRUE },
        { "kubevirt", TRUE },
        { "kubevirt-ramp", TRUE },
        { "proxmox", TRUE },
        { "xen", TRUE },
        { "stun-during-page-send", TRUE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        const convergeMethod *method = convergeMethodFind(rows[i].method);
        convergeMethodOutcome brief = runWithin(method, 30);
        convergeMethodOutcome lasting = runWithin(method, 3000);

        g_test_message("%s", rows[i].method);
        g_assert_cmpint(brief.ownDowntime, ==, rows[i].own);
        g_assert_cmpint(lasting.ownDowntime, ==, rows[i].own);
        g_assert_cmpint(isSame(&brief.result, &lasting.result), ==, rows[i].own);
    }
}

/* A limit beyond what QEMU takes is the nearest that it takes; an initial downtime that the policy
 * states is kept. */
static void
testDowntimeBeyondTheRange(void)
{
    const convergeMethod initial = { .name = "initial", .policy = "adaptive,initial-downtime=200ms" };
    convergeMethodOutcome most = runWithin(convergeMethodFind("adaptive"), 2000 * 1000);
    convergeMethodOutcome beyond = runWithin(convergeMethodFind("adaptive"), 3000 * 1000);
    convergeMethodOutcome kept = runWithin(&initial, 50);
    convergeMethodOutcome plain = runWithin(&initial, 0);

    g_assert_true(isSame(&most.result, &beyond.result));
    g_assert_false(beyond.ownDowntime);
    g_assert_true(isSame(&kept.result, &plain.result));
    g_assert_true(kept.ownDowntime);
    g_assert_false(runWithin(&initial, 200).ownDowntime);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/methods/every-preset-is-a-method", testEveryPresetIsAMethod);
    g_test_add_func("/methods/others-act-in-their-iterations", testOthersActInTheirIterations);
    g_test_add_func("/methods/post-copy-allowed-syncs-from-the-start", testPostcopyAllowedSyncsFromTheStart);
    g_test_add_func("/methods/cloud-hypervisor-cancels", testCloudHypervisorCancels);
    g_test_add_func("/methods/best-constant-throttle", testBestConstantThrottle);
    g_test_add_func("/methods/downtime-is-taken-or-own", testDowntimeIsTakenOrOwn);
    g_test_add_func("/methods/downtime-beyond-the-range", testDowntimeBeyondTheRange);
    return g_test_run();
}
