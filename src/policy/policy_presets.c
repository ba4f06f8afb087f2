/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_presets.c: the methods that the field knows, each a row of the fields
 */
#include <glib/gi18n-lib.h>

#include "policy/policy_fields.h"

const convergePreset convergePresets[] = {
    /* Ours.  Strong and brief loses least where dirtying costs CPU time.  300 ms is QEMU's
     * own downtime-limit. */
    {
        "adaptive",
        N_("predict, throttle once and only as hard as it pays, switch over"),
        "throttle=adaptive,"
        "downtime=adaptive,initial-downtime=100ms",
    },
    /* Ours: when prediction finds that pausing at once loses the guest less work than
     * any throttle, pause (asked for by Jason Herne, qemu-devel, 2 March 2015). */
    {
        "cheapest",
        N_("throttle, or pause and ship the rest: whichever loses the guest less work"),
        "throttle=adaptive,"
        "downtime=adaptive,initial-downtime=100ms,"
        "fallback=suspend,fallback-when=cheaper",
    },
    /* Ours. */
    {
        "deadline",
        N_("done within the deadline, whatever the fallback has to do for it"),
        "throttle=adaptive,"
        "downtime=adaptive,initial-downtime=100ms,"
        "deadline=10min,fallback=post-copy+suspend",
    },
    /* QEMU's auto-converge since 2.5: 20 %, then 10 % more after every second bad pass,
     * up to 99 % (migration/ram.c, mig_throttle_guest_down). */
    {
        "stepped",
        N_("QEMU's own auto-converge: 20 %, then 10 % more every two bad passes"),
        "throttle=stepped",
    },
    /* The same with cpu-throttle-tailslow, QEMU 5.1. */
    {
        "stepped-tailslow",
        N_("as stepped, with smaller steps towards the end"),
        "throttle=stepped,throttle-tailslow=yes",
    },
    /* Hyman Huang, "auto-converge refinements for huge VM", qemu-devel 2024: one bad sign
     * instead of two, and not only at the end of a pass. */
    {
        "responsive",
        N_("a step after every pass that did not help, instead of every second"),
        "throttle=progressive",
    },
    /* John Snow, qemu-devel, March 2015: an ever tighter grip, then just pause it. */
    {
        "escalate",
        N_("ever stronger throttle up to nearly stopped, then pause and ship the rest"),
        "throttle=progressive,throttle-increment=20,stall=6,fallback=suspend",
    },
    /* Thomas Treutner, qemu-devel, September 2011: MAX_MEMORY_ITERATIONS 10,
     * MAX_TOTAL_MEMORY_TRANSFER_FACTOR 3, and QEMU's 30 ms of the day. */
    {
        "stop-conditions",
        N_("10 passes, or 3 times the guest's memory sent, then force the last pass"),
        "initial-downtime=30ms,max-downtime=30ms,"
        "passes=10,transfer-factor=3,fallback=suspend",
    },
    /* Anthony Liguori's answer to that: 30 ms, from one minute on doubled every minute. */
    {
        "downtime-ramp",
        N_("allow 30 ms of pause, from 60 s on doubled every 60 s"),
        "downtime=ramp,initial-downtime=30ms,max-downtime=2000s,"
        "ramp-after=60s,ramp-every=60s,ramp-factor=2",
    },
    /* The same thread: pausing the guest forces convergence. */
    {
        "suspend",
        N_("pause after the first pass and ship the rest"),
        "passes=1,fallback=suspend",
    },
    /* qemu-devel, January 2016: post-copy always works, but for a failing network. */
    {
        "post-copy",
        N_("run at the destination after the first pass and fetch the rest"),
        "passes=1,fallback=post-copy",
    },

    /* What orchestrators do, as far as these fields can say it. */

    /* nova 2025, guest of 2 GiB: 500 ms in 10 steps, 75 s/GiB apart; 800 s/GiB, abort. */
    {
        "nova",
        N_("as nova: 50 ms to 500 ms in 10 steps of 150 s, abort after 1600 s"),
        "throttle=stepped,downtime=ramp,initial-downtime=50ms,max-downtime=500ms,"
        "ramp-after=150s,ramp-every=150s,deadline=1600s,fallback=abort",
    },
    /* oVirt engine, policy "Minimal downtime". */
    {
        "ovirt-minimal-downtime",
        N_("as oVirt: 100 ms to 500 ms, a step each pass, abort after 8 passes"),
        "throttle=stepped,downtime=ramp,initial-downtime=100ms,max-downtime=500ms,"
        "ramp-passes=1,ramp-steps=8,passes=8,fallback=abort",
    },
    /* oVirt engine, policy "Suspend workload if needed": 5 s at last, abort. */
    {
        "ovirt-suspend",
        N_("as oVirt: 100 ms to 500 ms, a step each pass, pause after 8 passes"),
        "throttle=stepped,downtime=ramp,initial-downtime=100ms,max-downtime=500ms,"
        "ramp-passes=1,ramp-steps=8,passes=8,fallback=suspend",
    },
    /* oVirt engine, policy "Post-copy migration". */
    {
        "ovirt-post-copy",
        N_("as oVirt: 100 ms to 200 ms, a step each pass, post-copy after 3 passes"),
        "throttle=stepped,downtime=ramp,initial-downtime=100ms,max-downtime=200ms,"
        "ramp-passes=1,ramp-steps=2,passes=3,fallback=post-copy+abort",
    },
    /* KubeVirt VEP 248: stalled for four passes; post-copy, else give up. */
    {
        "kubevirt-stall",
        N_("as KubeVirt: post-copy, else abort, when four passes made no progress"),
        "max-downtime=900ms,stall=4,fallback=post-copy+abort",
    },
    /* KubeVirt VEP 291: 150 ms, from the third pass on 7 steps of 10 s to 900 ms. */
    {
        "kubevirt-ramp",
        N_("as KubeVirt: 150 ms to 900 ms in 7 steps of 10 s"),
        "downtime=ramp,initial-downtime=150ms,max-downtime=900ms,"
        "ramp-after=10s,ramp-every=10s,ramp-steps=7",
    },
    /* Proxmox qemu-server: doubled whenever six polls found more left than before. */
    {
        "proxmox",
        N_("as Proxmox: 100 ms, doubled every six passes"),
        "throttle=stepped,downtime=ramp,initial-downtime=100ms,max-downtime=2000s,"
        "ramp-passes=6,ramp-factor=2",
    },
    /* Xen libxenguest: stop-and-copy at the fifth pass. */
    {
        "xen",
        N_("as Xen: stop and copy after 5 passes"),
        "initial-downtime=1ms,max-downtime=1ms,passes=5,transfer-factor=3,fallback=suspend",
    },
    /* Incus: auto-converge with cpu-throttle-initial 50, throttle-trigger-threshold 20. */
    {
        "incus",
        N_("as Incus: 50 %, then 10 % more, at a fifth of the dirtying"),
        "throttle=stepped,initial-throttle=50,throttle-threshold=20",
    },
};

const gsize convergePresetCount = G_N_ELEMENTS(convergePresets);

const convergePreset *
convergePresetFind(const char *name)
{
    gsize i;

    for (i = 0; i < convergePresetCount; i++) {
        if (g_str_equal(convergePresets[i].name, name))
            return &convergePresets[i];
    }
    return NULL;
}
