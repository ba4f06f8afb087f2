/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.c: the thread that runs a loop for one migration
 */
#include <glib/gi18n-lib.h>

#include "engine/job.h"

struct _convergeJob {
    convergePolicy *policy;
    const convergeLibvirt *libvirt;
    convergeActuatorLibvirt *libvirtActuator;
    convergeActuator actuator;
    convergeJournal *journal;
    gint64 startUs;
    virDomainPtr dom;           /* owned by the loop's thread */
    GThread *thread;            /* NULL: joined */

    GMutex lock;                /* guards all below */
    GCond wake;
    gboolean stop;
    gboolean succeeded;
    gint64 ceilingMs;
    convergeStatus status;
    char *trouble;
};

static gint64
nowMs(const convergeJob *job)
{
    return (g_get_monotonic_time() - job->startUs) / 1000;
}

/* Called with the lock held. */
static void
takeOver(convergeJob *job,
         const convergeLoop *loop)
{
    job->status = *convergeLoopStatus(loop);
    if (convergeLoopTrouble(loop) && !job->trouble)
        job->trouble = g_strdup(convergeLoopTrouble(loop));
}

static void
restoreNow(convergeJob *job)
{
    g_autoptr(GError) error = NULL;

    /* QEMU may be gone, which leaves nothing to put back. */
    if (!job->actuator.ops->restore(job->actuator.opaque, &error))
        g_debug("restore: %s", error->message);
}

static gpointer
loopThread(gpointer opaque)
{
    convergeJob *job = opaque;
    g_autoptr(convergeLoop) loop = convergeLoopNew(job->policy, &job->actuator, job->journal);

    if (job->libvirt->threadInit)
        job->libvirt->threadInit();

    g_mutex_lock(&job->lock);
    while (!job->stop) {
        gint64 wait;

        convergeLoopSetCeiling(loop, job->ceilingMs);
        g_mutex_unlock(&job->lock);
        wait = convergeLoopStep(loop, nowMs(job));
        g_mutex_lock(&job->lock);
        takeOver(job, loop);

        if (!job->stop)
            g_cond_wait_until(&job->wake, &job->lock, g_get_monotonic_time() + wait * 1000);
    }
    g_mutex_unlock(&job->lock);

    /* A finished job may be kept for its statistics: without open files. */
    convergeLoopEnd(loop, job->succeeded, nowMs(job));
    g_clear_pointer(&job->journal, convergeJournalClose);

    if (!job->succeeded)
        restoreNow(job);

    convergeActuatorLibvirtSetDomain(job->libvirtActuator, NULL);
    g_clear_pointer(&job->dom, virDomainFree);

    g_mutex_lock(&job->lock);
    takeOver(job, loop);
    g_mutex_unlock(&job->lock);

    return NULL;
}

convergeJob *
convergeJobStart(virDomainPtr dom,
                 const convergePolicy *policy,
                 const convergeLibvirt *libvirt,
                 const char *journalDir,
                 GError **error)
{
    g_autoptr(convergeJob) job = g_new0(convergeJob, 1);
    g_autofree char *text = convergePolicyFormat(policy);
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    const char *name = virDomainGetName(dom);

    g_mutex_init(&job->lock);
    g_cond_init(&job->wake);
    job->policy = convergePolicyCopy(policy);
    job->libvirt = libvirt;
    job->libvirtActuator = convergeActuatorLibvirtNew(job->libvirt);
    job->actuator = (convergeActuator) { &convergeActuatorLibvirtOps, job->libvirtActuator };
    job->startUs = g_get_monotonic_time();

    if (journalDir) {
        g_autoptr(GError) journalError = NULL;

        job->journal = convergeJournalOpen(journalDir, name, &journalError);
        if (!job->journal) {
            job->trouble = g_strdup(journalError->message);
        } else {
            virDomainGetUUIDString(dom, uuid);
            convergeJournalStart(job->journal, name, uuid, text, libvirt->caller);
        }
    }

    virDomainRef(dom);
    job->dom = dom;
    convergeActuatorLibvirtSetDomain(job->libvirtActuator, dom);
    if (!(job->thread = g_thread_try_new("converge", loopThread, job, error))) {
        virDomainFree(dom);
        return NULL;
    }

    return g_steal_pointer(&job);
}

void
convergeJobStop(convergeJob *job,
                gboolean succeeded)
{
    g_mutex_lock(&job->lock);
    job->stop = TRUE;
    job->succeeded = succeeded;
    g_cond_signal(&job->wake);
    g_mutex_unlock(&job->lock);

    g_clear_pointer(&job->thread, g_thread_join);
}

static gpointer
restoreThread(gpointer opaque)
{
    convergeJob *job = opaque;

    if (job->libvirt->threadInit)
        job->libvirt->threadInit();
    restoreNow(job);
    return NULL;
}

void
convergeJobRestore(convergeJob *job,
                   virDomainPtr dom)
{
    GThread *thread;

    convergeActuatorLibvirtSetDomain(job->libvirtActuator, dom);

    /* A thread of its own: libvirt calls would clear the caller's last error. */
    if ((thread = g_thread_try_new("converge", restoreThread, job, NULL)))
        g_thread_join(thread);

    convergeActuatorLibvirtSetDomain(job->libvirtActuator, NULL);
}

void
convergeJobFree(convergeJob *job)
{
    if (!job)
        return;

    convergePolicyFree(job->policy);
    convergeActuatorLibvirtFree(job->libvirtActuator);
    convergeJournalClose(job->journal);
    g_mutex_clear(&job->lock);
    g_cond_clear(&job->wake);
    g_free(job->trouble);
    g_free(job);
}

void
convergeJobGetStatus(convergeJob *job,
                     convergeStatus *status)
{
    g_mutex_lock(&job->lock);
    *status = job->status;
    g_mutex_unlock(&job->lock);
}

const convergePolicy *
convergeJobGetPolicy(const convergeJob *job)
{
    return job->policy;
}

gint64
convergeJobOutsideDowntime(convergeJob *job,
                           gint64 ms)
{
    gint64 effective = ms;

    if (convergePolicyGet(job->policy, CONVERGE_FIELD_OUTSIDE_DOWNTIME) ==
        CONVERGE_OUTSIDE_IGNORE)
        return -1;

    g_mutex_lock(&job->lock);
    job->ceilingMs = MAX(ms, 1);
    if (job->status.downtimeMs > 0)
        effective = MIN(ms, job->status.downtimeMs);
    g_mutex_unlock(&job->lock);

    return effective;
}

char *
convergeJobTakeTrouble(convergeJob *job)
{
    char *trouble;

    g_mutex_lock(&job->lock);
    trouble = g_steal_pointer(&job->trouble);
    g_mutex_unlock(&job->lock);
    return trouble;
}
