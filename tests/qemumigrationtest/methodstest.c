/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methodstest.c: what other methods do to a guest of the plant, and the floor of them all
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

/* The floor is what the best constant throttle loses: no method that does not know the guest
 * loses less. */
static void
testFloorIsLeast(void)
{
    const char *const methods[] = { "adaptive-quota", "qemu-7.2", "incus" };
    convergeMethodFloor floor = convergeMethodFindFloor(&busy, 300, GIVE_UP_MS);
    convergeMethodOptions options = { .giveUpMs = GIVE_UP_MS };
    gsize i;

    g_assert_true(floor.converges);
    for (i = 0; i < G_N_ELEMENTS(methods); i++) {
        convergeMethodOutcome outcome;

        convergeMethodRunOne(convergeMethodFind(methods[i]), &busy, &options, &outcome);
        g_test_message("%s loses %.0f ms, the floor is %.0f", methods[i], outcome.result.lostMs,
                       floor.lostMs);
        g_assert_true(outcome.result.completed);
        g_assert_cmpfloat(floor.lostMs, <=, 1.02 * outcome.result.lostMs);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/methods/every-preset-is-a-method", testEveryPresetIsAMethod);
    g_test_add_func("/methods/others-act-in-their-iterations", testOthersActInTheirIterations);
    g_test_add_func("/methods/cloud-hypervisor-cancels", testCloudHypervisorCancels);
    g_test_add_func("/methods/floor-is-least", testFloorIsLeast);
    return g_test_run();
}
