/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methods_steps.c: the behaviour of orchestrators and other hypervisors that numbers alone
 * cannot express
 *
 * Written after the behaviour of their sources, at the versions that docs/simulator.md names.
 */
#include <math.h>

#include "plant/methods_priv.h"

#define GIB (1024.0 * 1024 * 1024)
#define SECOND 1000

static gboolean
isNewPass(const convergeMethodRun *run)
{
    return run->sample.iteration > run->last.iteration;
}

static void
setDowntime(convergeMethodRun *run,
            gint64 downtimeMs)
{
    if (downtimeMs == run->downtimeMs)
        return;
    run->downtimeMs = downtimeMs;
    methodSay(run, CONVERGE_VERB_DOWNTIME, downtimeMs);
}

static void
finish(convergeMethodRun *run,
       convergeVerb verb)
{
    run->done = TRUE;
    methodSay(run, verb, 0);
}

/* nova assumes at least 2 GiB (libvirt/driver.py, _live_migration_data_gb). */
static gint64
memoryGiB(const convergeMethodRun *run)
{
    return MAX(2, (gint64)(run->sample.totalBytes / GIB));
}

static gboolean
timesOut(convergeMethodRun *run)
{
    const convergeMethod *method = run->method;

    if (method->timeoutMsPerGiB == 0 ||
        run->elapsedMs < method->timeoutMsPerGiB * memoryGiB(run))
        return FALSE;
    finish(run, method->timeoutVerb);
    return TRUE;
}

/* nova 2025, libvirt/migration.py downtime_steps(): S equal rises from D / S to D, each after
 * a delay in proportion to the guest's GiB.  Also KubeVirt's legacy monitor, which has only
 * the timeout. */
void
methodStepTimed(convergeMethodRun *run)
{
    const convergeMethod *method = run->method;
    gint64 base, rises;

    if (timesOut(run) || method->steps == 0)
        return;

    base = method->maxDowntimeMs / method->steps;
    rises = MIN(run->elapsedMs / (method->stepMs * memoryGiB(run)), method->steps);
    setDowntime(run, base + rises * ((method->maxDowntimeMs - base) / method->steps));
}

/* KubeVirt VEP 291: from iteration 3 on, every 10 s a seventh of the way from 150 ms to the
 * ceiling.  The timeout of the legacy monitor still applies. */
void
methodStepKubevirtRamp(convergeMethodRun *run)
{
    const convergeMethod *method = run->method;
    gint64 now = run->downtimeMs ? run->downtimeMs : method->law.downtimeMs;

    if (timesOut(run) || run->sample.iteration < 3 || run->elapsedMs < run->dueMs)
        return;

    run->dueMs = run->elapsedMs + method->stepMs;
    setDowntime(run, MIN(now + (method->maxDowntimeMs - method->law.downtimeMs) / method->steps, method->maxDowntimeMs));
}

/* KubeVirt VEP 248, stall-detector.go: stallProgressTimeout 40 s, stallMargin 4 %,
 * precopyPossibleFactor 1.5, ewmaAlpha 0.4, patienceWindowDecay 0.5, switchoverTimeout
 * 60 s, completionTimeoutFactor 2, 150 s/GiB. */
#define STALL_WINDOW_MS (40 * SECOND)
#define STALL_MARGIN 0.04
#define STALL_FACTOR 1.5
#define STALL_DECAY 0.5
#define STALL_SWITCHOVER_MS (60 * SECOND)
#define STALL_BUDGET_FACTOR 2
#define EWMA_ALPHA 0.4

/* The least memory left at the start of a pass before @beforeMs; INFINITY: no such pass. */
static double
leastBefore(const convergeMethodRun *run,
            gint64 beforeMs)
{
    double least = INFINITY;
    guint i;

    for (i = 0; i < run->passes->len; i++) {
        const methodPass *pass = &g_array_index(run->passes, methodPass, i);

        if (pass->ms < beforeMs)
            least = MIN(least, pass->remaining);
    }
    return least;
}

/* The next larger candidate after .best, for when patience has run out. */
static double
relaxed(const convergeMethodRun *run)
{
    double next = INFINITY;
    guint i;

    for (i = 0; i < run->passes->len; i++) {
        double remaining = g_array_index(run->passes, methodPass, i).remaining;

        if (remaining > run->best)
            next = MIN(next, remaining);
    }
    return isfinite(next) ? next : run->best;
}

void
methodStepKubevirtStall(convergeMethodRun *run)
{
    const convergeMethod *method = run->method;
    gint64 ms = run->sample.timeMs - run->last.timeMs;
    gint64 budget = method->timeoutMsPerGiB * memoryGiB(run) * STALL_BUDGET_FACTOR;
    methodPass pass = { run->elapsedMs, convergePlantSyncRemaining(run->plant) };
    double estimate;

    if (run->last.active && ms > 0) {
        double now = (run->sample.processedBytes - run->last.processedBytes) * 1000.0 / ms;

        run->bandwidth += run->bandwidth > 0 ? EWMA_ALPHA * (now - run->bandwidth) : now;
    }

    /* The method has acted already: either that helps in time, or it gives up. */
    if (run->counter > 0) {
        if (run->elapsedMs > run->dueMs)
            finish(run, CONVERGE_VERB_ABORT);
        return;
    }
    if (timesOut(run))
        return;
    if (!isNewPass(run) || run->sample.iteration < 2)
        return;

    g_array_append_val(run->passes, pass);
    if (run->best <= 0) {
        if (pass.remaining < leastBefore(run, run->elapsedMs - STALL_WINDOW_MS) *
                    (1 - STALL_MARGIN) ||
            run->passes->len < 2)
            return;
        if (!isfinite(leastBefore(run, run->elapsedMs - STALL_WINDOW_MS)))
            return;
        run->best = leastBefore(run, G_MAXINT64);
        run->patienceMs = STALL_WINDOW_MS;
        run->dueMs = run->elapsedMs + run->patienceMs;
    }
    run->best = MIN(run->best, pass.remaining);
    if (run->elapsedMs > run->dueMs) {
        run->best = relaxed(run);
        run->patienceMs = (gint64)(run->patienceMs * STALL_DECAY);
        run->dueMs = run->elapsedMs + run->patienceMs;
    }
    if (pass.remaining > run->best * (1 + STALL_MARGIN) || run->bandwidth <= 0)
        return;

    estimate = pass.remaining / run->bandwidth * 1000;
    if (estimate > (double)(budget - run->elapsedMs))
        return;

    if (method->timeoutVerb == CONVERGE_VERB_POSTCOPY) {
        finish(run, CONVERGE_VERB_POSTCOPY);
    } else if (estimate <= method->maxDowntimeMs * STALL_FACTOR) {
        run->counter++;
        run->dueMs = run->elapsedMs + STALL_SWITCHOVER_MS;
        setDowntime(run, method->maxDowntimeMs);
    } else {
        finish(run, CONVERGE_VERB_ABORT);
    }
}

/* vdsm, lib/vdsm/virt/migration.py: wakes every 10 s.  If the iteration number has advanced,
 * it takes the head of the schedule once the limit of that is exceeded. */
void
methodStepOvirt(convergeMethodRun *run)
{
    const convergeMethodAction *action = &run->method->schedule[run->index];

    if (!isNewPass(run) || action->verb == CONVERGE_VERB_LAST)
        return;
    if (run->counter == 0)
        run->counter = (unsigned int)run->sample.iteration;
    if (action->limit >= (gint64)run->sample.iteration - (gint64)run->counter)
        return;

    run->index++;
    if (action->verb == CONVERGE_VERB_DOWNTIME)
        setDowntime(run, action->downtimeMs);
    else
        finish(run, action->verb);
}

/* qemu-server, QemuMigrate.pm phase2: counts the polls that find more memory left than the
 * last; every sixth doubles the downtime limit, up to 2000 s.  It polls every second, and
 * every 0.1 s once the rest would be sent within a second. */
#define PROXMOX_RISES 5
#define PROXMOX_MAX_MS (2000 * SECOND)

void
methodStepProxmox(convergeMethodRun *run)
{
    double speed = run->elapsedMs > 0 ? run->sample.processedBytes * 1000.0 / run->elapsedMs : 0;
    gint64 now = run->downtimeMs ? run->downtimeMs : run->method->law.downtimeMs;
    guint64 before = (guint64)run->best;

    if (run->elapsedMs < run->dueMs)
        return;
    run->dueMs = run->elapsedMs + (run->sample.remainingBytes < speed ? 100 : SECOND);
    run->best = (double)run->sample.remainingBytes;

    if ((before == 0 || run->sample.remainingBytes <= before) && run->sample.remainingBytes > 0)
        return;
    if (++run->counter > PROXMOX_RISES) {
        run->counter = 0;
        setDowntime(run, MIN(now * 2, PROXMOX_MAX_MS));
    }
}

/* If a pass has just ended, sets .bandwidth to its bandwidth; else returns FALSE. */
static gboolean
endPass(convergeMethodRun *run)
{
    gint64 ms = run->elapsedMs - run->passMs;

    if (!isNewPass(run) || run->sample.iteration < 2)
        return FALSE;
    if (ms > 0)
        run->bandwidth = (run->sample.processedBytes - run->passProcessed) * 1000.0 / ms;
    run->passMs = run->elapsedMs;
    run->passProcessed = run->sample.processedBytes;
    run->passRemaining = convergePlantSyncRemaining(run->plant);
    return TRUE;
}

/* cloud-hypervisor, vmm/src/lib.rs is_precopy_converged(): stops the guest at the end of an
 * iteration if dirty bytes / bandwidth of the last send <= 300 ms; cancels after 3600 s. */
#define CLOUD_HYPERVISOR_TIMEOUT_MS (3600 * SECOND)

void
methodStepCloudHypervisor(convergeMethodRun *run)
{
    if (run->elapsedMs >= CLOUD_HYPERVISOR_TIMEOUT_MS) {
        finish(run, CONVERGE_VERB_ABORT);
        return;
    }
    if (endPass(run) && run->bandwidth > 0 &&
        run->passRemaining / run->bandwidth * 1000 <= run->method->maxDowntimeMs)
        finish(run, CONVERGE_VERB_SUSPEND);
}

/* The Cyberus branch of cloud-hypervisor: after 4 iterations, 10 % more every 2 iterations. */
#define CYBERUS_AFTER 4
#define CYBERUS_EVERY 2
#define CYBERUS_STEP 10
#define CYBERUS_MAX 99

void
methodStepCloudHypervisorThrottle(convergeMethodRun *run)
{
    guint64 deltas = run->sample.iteration - 1;

    if (isNewPass(run) && deltas > CYBERUS_AFTER && (deltas - CYBERUS_AFTER) % CYBERUS_EVERY == 1 &&
        run->counter < CYBERUS_MAX) {
        run->counter = MIN(run->counter + CYBERUS_STEP, CYBERUS_MAX);
        methodThrottle(run, run->counter);
    }
    methodStepCloudHypervisor(run);
}

/* Xen, tools/libs/guest/xg_sr_save.c simple_precopy_policy(): stop-and-copy when fewer than
 * 50 pages are dirty, or at the fifth iteration. */
#define XEN_PAGES 50
#define XEN_ITERATIONS 5

void
methodStepXen(convergeMethodRun *run)
{
    if (endPass(run) && (run->passRemaining < XEN_PAGES * 4096 || run->sample.iteration > XEN_ITERATIONS))
        finish(run, CONVERGE_VERB_SUSPEND);
}

/* VMware's stun during page send: if the guest dirties nearly as much as a pass sends, its
 * vCPUs sleep for a few ms at a time, just enough for the link to keep up, until it does.
 * The constants are not public; these make each pass a quarter shorter than the last. */
#define STUN_TARGET 0.75
#define STUN_LEAST 0.01

void
methodStepStun(convergeMethodRun *run)
{
    double sent = run->passRemaining;
    double speed, ratio;

    if (!endPass(run) || sent <= 0)
        return;

    speed = (100 - run->counter) / 100.0;
    ratio = run->passRemaining / sent;
    speed = CLAMP(speed * STUN_TARGET / MAX(ratio, 0.01), STUN_LEAST, 1);
    if ((unsigned int)lrint(100 - speed * 100) != run->counter) {
        run->counter = (unsigned int)lrint(100 - speed * 100);
        methodThrottle(run, run->counter);
    }
}
