/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methods.c: the table of methods
 *
 * Each row names the sources of its numbers; docs/simulator.md tells what is not modelled.
 */
#include <glib/gi18n-lib.h>

#include "plant/methods_priv.h"
#include "policy/policy_fields.h"

/* QEMU's auto-converge since 2.5, in today's numbers (migration/ram.c). */
#define QEMU_STEPS .autoConverge = TRUE, .initial = 20, .increment = 10, .max = 99, .threshold = 50
#define QEMU_STOCK QEMU_STEPS, .hits = 2, .downtimeMs = 300

/* oVirt engine, 0000_config.sql: DefaultMigrationPolicies.  Items with limit -1 follow all others,
 * at the next wake-up (ConvergenceSchedule.java). */
#define OVIRT_DOWNTIMES \
    { 1, CONVERGE_VERB_DOWNTIME, 150 }, { 2, CONVERGE_VERB_DOWNTIME, 200 }, \
        { 3, CONVERGE_VERB_DOWNTIME, 300 }, { 4, CONVERGE_VERB_DOWNTIME, 400 }, \
    { \
        6, CONVERGE_VERB_DOWNTIME, 500 \
    }
#define OVIRT_END \
    { -1, CONVERGE_VERB_ABORT, 0 }, \
    { \
        0, CONVERGE_VERB_LAST, 0 \
    }

static const convergeMethodAction ovirtMinimal[] = { OVIRT_DOWNTIMES, OVIRT_END };
static const convergeMethodAction ovirtSuspend[] = {
    OVIRT_DOWNTIMES,
    { -1, CONVERGE_VERB_DOWNTIME, 5000 },
    OVIRT_END,
};
static const convergeMethodAction ovirtPostcopy[] = {
    { 1, CONVERGE_VERB_DOWNTIME, 150 },
    { 2, CONVERGE_VERB_DOWNTIME, 200 },
    { -1, CONVERGE_VERB_POSTCOPY, 0 },
    OVIRT_END,
};
static const convergeMethodAction ovirtLarge[] = {
    { 1, CONVERGE_VERB_DOWNTIME, 400 },
    { 2, CONVERGE_VERB_DOWNTIME, 500 },
    { 3, CONVERGE_VERB_DOWNTIME, 700 },
    { 4, CONVERGE_VERB_DOWNTIME, 1000 },
    { 6, CONVERGE_VERB_DOWNTIME, 1500 },
    { -1, CONVERGE_VERB_DOWNTIME, 5000 },
    OVIRT_END,
};

const convergeMethod convergeMethods[] = {
    /* --- Policies of this program --- */
    {
        .name = "adaptive",
        .summary = N_("virt-converge, with QEMU's own throttle"),
        .policy = "adaptive,actuator=qemu",
    },
    {
        .name = "adaptive-quota",
        .summary = N_("virt-converge, with the CPU quota of the vCPUs"),
        .policy = "adaptive,actuator=vcpu-quota",
    },

    /* --- QEMU --- */
    {
        .name = "qemu-plain",
        .summary = N_("QEMU 7.2 without auto-converge"),
        .law = { .hits = 2, .initial = 20, .increment = 10, .max = 99, .threshold = 50, .downtimeMs = 300 },
    },
    /* arch_init.c: mig_throttle_counter++ > 4, then 30 ms of sleep every 40 ms, to the end. */
    {
        .name = "qemu-1.6",
        .summary = N_("QEMU 1.6: from the sixth bad pass on, vCPUs sleep 30 ms of every 40 ms"),
        .law = { .autoConverge = TRUE, .hits = 6, .fixedThrottle = 75, .initial = 75, .max = 75, .threshold = 50, .downtimeMs = 300 },
    },
    /* arch_init.c of that time: a counter ++ >= 2, that is the third hit. */
    {
        .name = "qemu-2.5",
        .summary = N_("QEMU 2.5: 20 %, then 10 % more after every third bad pass"),
        .law = { QEMU_STEPS, .hits = 3, .downtimeMs = 300 },
    },
    {
        .name = "qemu-5.1-tailslow",
        .summary = N_("QEMU 5.1 with cpu-throttle-tailslow: no stronger throttle than needed"),
        .law = { QEMU_STOCK, .tailslow = TRUE },
    },
    {
        .name = "qemu-7.2",
        .summary = N_("QEMU's present auto-converge: 20 %, then 10 % more after every second bad pass"),
        .law = { QEMU_STOCK },
    },
    /* vcpu-dirty-limit defaults to 1 MB/s for each vCPU. */
    {
        .name = "qemu-8.1-dirty-limit",
        .summary = N_("QEMU 8.1's dirty-limit: vCPUs that write are held to 1 MB/s"),
        .law = { .hits = 2, .vcpuDirtyLimit = 1024 * 1024, .threshold = 50, .downtimeMs = 300 },
    },
    /* migration/cpu-throttle.c: the timer's period is 5000 ms. */
    {
        .name = "qemu-9.2",
        .summary = N_("QEMU 9.2: as 7.2, with a bitmap sync every 5 s in long passes"),
        .law = { QEMU_STOCK, .syncEveryMs = 5000 },
    },
    /* The sources are named in plant_qemu.c, lookSync(). */
    {
        .name = "qemu-11.1-post-copy",
        .summary = N_("QEMU 11.1 with post-copy allowed, but not used: as 7.2, with a bitmap sync every 55 ms"),
        .law = { QEMU_STOCK, .syncInBulk = TRUE },
    },
    /* Hyman Huang, "auto-converge refinements for huge VM", qemu-devel, September 2024; the
     * second part was not merged.  There one bad pass is enough for a step, by either criterion. */
    {
        .name = "background-sync",
        .summary = N_("QEMU's refinement of 2024, first part, which became QEMU 9.2"),
        .law = { QEMU_STOCK, .syncEveryMs = 5000 },
    },
    {
        .name = "responsive-throttle",
        .summary = N_("QEMU's refinement of 2024, both parts, with a step after each bad sync"),
        .law = { QEMU_STEPS, .hits = 1, .downtimeMs = 300, .syncEveryMs = 5000 },
    },

    /* --- Orchestrators on QEMU --- */

    /* nova/conf/libvirt.py: 500 ms, 10 steps, 75 s/GiB; 800 s/GiB, abort; auto-converge and
     * post-copy are not permitted unless configured. */
    {
        .name = "nova",
        .summary = N_("nova: 50 to 500 ms in 10 steps of 75 s/GiB, abort after 800 s/GiB"),
        .law = { .hits = 2, .threshold = 50, .downtimeMs = 50 },
        .pollMs = 500,
        .ownDowntime = TRUE,
        .step = methodStepTimed,
        .maxDowntimeMs = 500,
        .steps = 10,
        .stepMs = 75000,
        .timeoutMsPerGiB = 800000,
        .timeoutVerb = CONVERGE_VERB_ABORT,
    },
    {
        .name = "nova-force-complete",
        .summary = N_("nova with auto-converge permitted, and the guest paused at the timeout"),
        .law = { QEMU_STEPS, .hits = 2, .downtimeMs = 50 },
        .pollMs = 500,
        .ownDowntime = TRUE,
        .step = methodStepTimed,
        .maxDowntimeMs = 500,
        .steps = 10,
        .stepMs = 75000,
        .timeoutMsPerGiB = 800000,
        .timeoutVerb = CONVERGE_VERB_SUSPEND,
    },
    {
        .name = "ovirt-minimal-downtime",
        .summary = N_("oVirt, Minimal downtime: 100 to 500 ms, then abort"),
        .law = { QEMU_STEPS, .hits = 2, .downtimeMs = 100 },
        .pollMs = 10000,
        .ownDowntime = TRUE,
        .step = methodStepOvirt,
        .schedule = ovirtMinimal,
    },
    {
        .name = "ovirt-suspend",
        .summary = N_("oVirt, Suspend workload if needed: 100 to 500 ms, 5 s, then abort"),
        .law = { QEMU_STEPS, .hits = 2, .downtimeMs = 100 },
        .pollMs = 10000,
        .ownDowntime = TRUE,
        .step = methodStepOvirt,
        .schedule = ovirtSuspend,
    },
    {
        .name = "ovirt-post-copy",
        .summary = N_("oVirt, Post-copy: 100 to 200 ms, then post-copy"),
        .law = { QEMU_STEPS, .hits = 2, .downtimeMs = 100 },
        .pollMs = 10000,
        .ownDowntime = TRUE,
        .step = methodStepOvirt,
        .schedule = ovirtPostcopy,
    },
    {
        .name = "ovirt-very-large",
        .summary = N_("oVirt, Very large VMs: 300 ms to 1.5 s, 5 s, then abort"),
        .law = { QEMU_STEPS, .hits = 2, .downtimeMs = 300 },
        .pollMs = 10000,
        .ownDowntime = TRUE,
        .step = methodStepOvirt,
        .schedule = ovirtLarge,
    },
    /* live-migration-source.go: completionTimeoutPerGiB 150 s; no auto-converge, no
     * post-copy, no disruption unless configured. */
    {
        .name = "kubevirt",
        .summary = N_("KubeVirt: 300 ms, abort after 150 s/GiB"),
        .law = { .hits = 2, .threshold = 50, .downtimeMs = 300 },
        .pollMs = 400,
        .ownDowntime = TRUE,
        .step = methodStepTimed,
        .timeoutMsPerGiB = 150000,
        .timeoutVerb = CONVERGE_VERB_ABORT,
    },
    {
        .name = "kubevirt-stall",
        .summary = N_("KubeVirt VEP 248: at a stall 900 ms if that suffices, otherwise abort"),
        .law = { .hits = 2, .threshold = 50, .downtimeMs = 300 },
        .pollMs = 400,
        .ownDowntime = TRUE,
        .step = methodStepKubevirtStall,
        .maxDowntimeMs = 900,
        .timeoutMsPerGiB = 150000,
        .timeoutVerb = CONVERGE_VERB_ABORT,
    },
    {
        .name = "kubevirt-stall-post-copy",
        .summary = N_("KubeVirt VEP 248 with disruption and post-copy allowed"),
        .law = { .hits = 2, .threshold = 50, .downtimeMs = 300 },
        .pollMs = 400,
        .ownDowntime = TRUE,
        .step = methodStepKubevirtStall,
        .maxDowntimeMs = 900,
        .timeoutMsPerGiB = 150000,
        .timeoutVerb = CONVERGE_VERB_POSTCOPY,
    },
    {
        .name = "kubevirt-ramp",
        .summary = N_("KubeVirt VEP 291: 150 to 900 ms in 7 steps of 10 s, abort after 150 s/GiB"),
        .law = { .hits = 2, .threshold = 50, .downtimeMs = 150 },
        .pollMs = 400,
        .ownDowntime = TRUE,
        .step = methodStepKubevirtRamp,
        .maxDowntimeMs = 900,
        .steps = 7,
        .stepMs = 10000,
        .timeoutMsPerGiB = 150000,
        .timeoutVerb = CONVERGE_VERB_ABORT,
    },
    {
        .name = "proxmox",
        .summary = N_("Proxmox: 100 ms, doubled after every six polls with more left than before"),
        .law = { QEMU_STEPS, .hits = 2, .downtimeMs = 100 },
        .pollMs = 100,
        .ownDowntime = TRUE,
        .step = methodStepProxmox,
    },
    /* internal/server/instance/drivers/driver_qemu.go */
    {
        .name = "incus",
        .summary = N_("Incus: 50 %, then 10 % more; a pass is bad at 20 % instead of 50 %"),
        .law = { .autoConverge = TRUE, .hits = 2, .initial = 50, .increment = 10, .max = 99, .threshold = 20, .downtimeMs = 300 },
    },

    /* --- Other hypervisors --- */
    {
        .name = "cloud-hypervisor",
        .summary = N_("Cloud Hypervisor: stop once what is dirty takes 300 ms, cancel after 1 h"),
        .law = { .hits = 2 },
        .pollMs = 50,
        .step = methodStepCloudHypervisor,
        .maxDowntimeMs = 300,
    },
    {
        .name = "cloud-hypervisor-throttle",
        /* xgettext:no-c-format */
        .summary = N_("Cloud Hypervisor's throttle branch: 10 % more every two passes after the fourth"),
        .law = { .hits = 2 },
        .pollMs = 50,
        .step = methodStepCloudHypervisorThrottle,
        .maxDowntimeMs = 300,
    },
    {
        .name = "xen",
        .summary = N_("Xen: stop and copy after the fifth pass"),
        .law = { .hits = 2 },
        .pollMs = 50,
        .ownDowntime = TRUE,
        .step = methodStepXen,
    },
    {
        .name = "stun-during-page-send",
        .summary = N_("like VMware: vCPUs sleep a few ms at a time, often enough for the link to keep up"),
        .law = { .hits = 2, .downtimeMs = 500 },
        .pollMs = 50,
        .ownDowntime = TRUE,
        .step = methodStepStun,
    },
};

const gsize convergeMethodCount = G_N_ELEMENTS(convergeMethods);

/* A method for each preset of the policy, in their order. */
static const convergeMethod *
presetMethods(void)
{
    static const convergeMethod *methods;

    if (g_once_init_enter(&methods)) {
        convergeMethod *made = g_new0(convergeMethod, convergePresetCount);
        gsize i;

        for (i = 0; i < convergePresetCount; i++) {
            made[i].name = made[i].policy = convergePresets[i].name;
            made[i].summary = convergePresets[i].help;
        }
        g_once_init_leave(&methods, made);
    }
    return methods;
}

const convergeMethod *
convergeMethodFind(const char *name)
{
    const convergeMethod *presets = presetMethods();
    gsize i;

    for (i = 0; i < convergeMethodCount; i++) {
        if (g_str_equal(convergeMethods[i].name, name))
            return &convergeMethods[i];
    }
    for (i = 0; i < convergePresetCount; i++) {
        if (g_str_equal(presets[i].name, name))
            return &presets[i];
    }
    return NULL;
}
