/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_presets.c: the built-in presets: our own, and the published methods of others
 */
#include <glib/gi18n-lib.h>

#include "policy/policy_fields.h"

const convergePreset convergePresets[] = {
    /* Our own.  A strong but brief throttle costs the guest least where dirtying takes CPU
     * time.  The built-in max-downtime of 300 ms is QEMU's default downtime-limit. */
    {
        "adaptive",
        N_("predict, throttle once and only as hard as it pays, switch over"),
        "throttle=adaptive,"
        "downtime=adaptive,initial-downtime=100ms",
    },
    /* Our own.  Pauses the guest at once if that is predicted to cost it less work than any
     * throttle (requested by Jason Herne, qemu-devel, 2 March 2015). */
    {
        "cheapest",
        N_("throttle, or pause the guest and send the rest: whichever costs it less work"),
        "throttle=adaptive,"
        "downtime=adaptive,initial-downtime=100ms,"
        "fallback=suspend,fallback-when=cheaper",
    },
    /* Our own. */
    {
        "deadline",
        N_("finish within the deadline, by post-copy or by pausing the guest if need be"),
        "throttle=adaptive,"
        "downtime=adaptive,initial-downtime=100ms,"
        "deadline=10min,fallback=post-copy+suspend",
    },
    /* Our own; operators ask for a limit on how long a guest may be held under a strong throttle.
     * Below 40 % a guest keeps more than half of its speed. */
    {
        "gentle",
        /* xgettext:no-c-format */
        N_("as adaptive, but throttle by 40 % or more for no longer than 5 s in all"),
        "throttle=adaptive,hard-throttle=40,max-throttle-time=5s,"
        "downtime=adaptive,initial-downtime=100ms",
    },
    /* Our own: as much as 5 s of standstill. */
    {
        "budget",
        N_("as adaptive, as long as that costs no more than 5 s of guest time; else post-copy"),
        "throttle=adaptive,"
        "downtime=adaptive,initial-downtime=100ms,"
        "max-lost=5s,fallback=post-copy",
    },
    /* Our own; a pause has to be bounded where nobody watches it. */
    {
        "deadline-or-stay",
        N_("as deadline, but with a pause of at most 10 s, or else the guest stays where it is"),
        "throttle=adaptive,"
        "downtime=adaptive,initial-downtime=100ms,"
        "deadline=10min,fallback=post-copy+suspend+abort,max-suspend=10s",
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
        N_("a step after every pass without progress, instead of every second one"),
        "throttle=progressive",
    },
    /* John Snow, qemu-devel, March 2015: throttle ever harder, then just pause the guest. */
    {
        "escalate",
        N_("throttle ever harder, then pause the guest and send the rest"),
        "throttle=progressive,throttle-increment=20,stall=6,fallback=suspend",
    },
    /* Thomas Treutner, qemu-devel, September 2011: MAX_MEMORY_ITERATIONS 10,
     * MAX_TOTAL_MEMORY_TRANSFER_FACTOR 3, and QEMU's downtime limit of that time, 30 ms. */
    {
        "stop-conditions",
        N_("pause the guest after 10 passes or after sending 3 times its memory"),
        "initial-downtime=30ms,max-downtime=30ms,"
        "passes=10,transfer-factor=3,fallback=suspend",
    },
    /* Anthony Liguori's answer to that: 30 ms, doubled every minute. */
    {
        "downtime-ramp",
        N_("allow 30 ms of downtime, doubled every 60 s"),
        "downtime=ramp,initial-downtime=30ms,max-downtime=2000s,"
        "ramp-after=60s,ramp-every=60s,ramp-factor=2",
    },
    /* From the same thread: pausing the guest forces convergence. */
    {
        "suspend",
        N_("pause the guest after the first pass and send the rest"),
        "passes=1,fallback=suspend",
    },
    /* qemu-devel, January 2016: post-copy always works unless the network fails. */
    {
        "post-copy",
        N_("run the guest at the destination after the first pass and fetch the rest"),
        "passes=1,fallback=post-copy",
    },

    /* What other management software does, as far as these fields can express it. */

    /* nova 2025, guest of 2 GiB: 500 ms in 10 steps, 75 s/GiB apart; 800 s/GiB, abort. */
    {
        "nova",
        N_("as nova: 50 ms to 500 ms in 10 steps of 150 s, abort after 1600 s"),
        "throttle=stepped,downtime=ramp,initial-downtime=50ms,max-downtime=500ms,"
        "ramp-after=150s,ramp-every=150s,deadline=1600s,fallback=abort",
    },
    /* The same for a guest of any size; nova counts at least 2 GiB. */
    {
        "nova-per-gib",
        N_("as nova, for guests of any size: a step each 75 s/GiB, abort after 800 s/GiB"),
        "throttle=stepped,downtime=ramp,initial-downtime=50ms,max-downtime=500ms,"
        "ramp-after=75s/GiB,ramp-every=75s/GiB,deadline=800s/GiB,fallback=abort",
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
        N_("as oVirt: 100 ms to 500 ms, a step each pass, pause the guest after 8 passes"),
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
    /* KubeVirt's completionTimeoutPerGiB, with workload disruption off. */
    {
        "kubevirt",
        N_("as KubeVirt: abort after 150 s for each GiB of guest memory"),
        "deadline=150s/GiB,fallback=abort",
    },
    /* KubeVirt VEP 248: after four stalled passes post-copy, else abort. */
    {
        "kubevirt-stall",
        N_("as KubeVirt: post-copy, else abort, after four passes without progress"),
        "max-downtime=900ms,stall=4,fallback=post-copy+abort",
    },
    /* KubeVirt VEP 248 as it came to be: by time, at a local minimum; 60 s for QEMU to switch. */
    {
        "kubevirt-stall-time",
        N_("as KubeVirt: post-copy, else abort, when little is left after 40 s without progress"),
        "max-downtime=900ms,deadline=150s/GiB,stall-time=40s,fallback=post-copy+abort,fallback-after=60s",
    },
    /* KubeVirt VEP 291: 150 ms, from the third pass on 7 steps of 10 s to 900 ms. */
    {
        "kubevirt-ramp",
        N_("as KubeVirt: 150 ms to 900 ms in 7 steps of 10 s"),
        "downtime=ramp,initial-downtime=150ms,max-downtime=900ms,"
        "ramp-after=10s,ramp-every=10s,ramp-steps=7",
    },
    /* Proxmox qemu-server: doubled whenever six polls find more memory left than before. */
    {
        "proxmox",
        N_("as Proxmox: 100 ms, doubled every six passes"),
        "throttle=stepped,downtime=ramp,initial-downtime=100ms,max-downtime=2000s,"
        "ramp-passes=6,ramp-factor=2",
    },
    /* Xen libxenguest: stop-and-copy at the fifth pass. */
    {
        "xen",
        N_("as Xen: stop-and-copy after 5 passes"),
        "initial-downtime=1ms,max-downtime=1ms,passes=5,transfer-factor=3,fallback=suspend",
    },
    /* Incus: auto-converge with cpu-throttle-initial 50, throttle-trigger-threshold 20. */
    {
        "incus",
        N_("as Incus: 50 %, then steps of 10 %, when a fifth is dirtied again"),
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
