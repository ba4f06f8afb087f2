/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.c: the thread that runs a loop for one migration
 */
#include "actuator/pass_watch.h"
#include "engine/job.h"

struct _convergeJob {
    convergePolicy *policy;
    const convergeLibvirt *libvirt;
    convergeActuatorLibvirt *libvirtActuator;
    convergeActuator actuator;
    convergePostcopy postcopy;
    char *journalDir;
    char *name;
    char uuid[VIR_UUID_STRING_BUFLEN];
    virDomainPtr dom;           /* owned by the loop's thread */
    GThread *thread;            /* NULL: joined */

    GMutex lock;                /* guards all below */
    GCond wake;
    gboolean stop;
    gboolean succeeded;
    gboolean passed;            /* a pass has begun since the last look */
    gint64 ceilingMs;
    convergeStatus status;
    char *trouble;
};

/* The first trouble is what matters. */
static void
noteTrouble(convergeJob *job,
            const char *trouble)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&job->lock);

    if (!job->trouble)
        job->trouble = g_strdup(trouble);
}

static void
takeOver(convergeJob *job,
         const convergeLoop *loop)
{
    if (convergeLoopTrouble(loop))
        noteTrouble(job, convergeLoopTrouble(loop));

    g_mutex_lock(&job->lock);
    job->status = *convergeLoopStatus(loop);
    g_mutex_unlock(&job->lock);
}

static void
restoreNow(convergeJob *job)
{
    g_autoptr(GError) error = NULL;
    int state = VIR_DOMAIN_NOSTATE;
    int reason;

    if (job->actuator.ops->restore(job->actuator.opaque, &error))
        return;

    /* With QEMU gone there is nothing to put back. */
    if (job->libvirt->getState(job->dom, &state, &reason, 0) == 0 &&
        state != VIR_DOMAIN_SHUTOFF)
        noteTrouble(job, error->message);
}

static convergeJournal *
openJournal(void *opaque)
{
    convergeJob *job = opaque;
    g_autofree char *policy = convergePolicyFormat(job->policy);
    g_autoptr(GError) error = NULL;
    convergeJournal *journal;

    if (!job->journalDir)
        return NULL;

    if (!(journal = convergeJournalOpen(job->journalDir, job->name, &error))) {
        noteTrouble(job, error->message);
        return NULL;
    }

    convergeJournalStart(journal, job->name, job->uuid, policy, job->libvirt->caller);
    return journal;
}

/* In the thread of libvirt's event loop. */
static void
notePass(void *opaque)
{
    convergeJob *job = opaque;

    g_mutex_lock(&job->lock);
    job->passed = TRUE;
    g_cond_signal(&job->wake);
    g_mutex_unlock(&job->lock);
}

/* Called with the lock held. */
static void
waitForTurn(convergeJob *job,
            const convergeLoop *loop,
            gint64 ms)
{
    gint64 until = g_get_monotonic_time() + ms * 1000;

    while (!job->stop && !(job->passed && convergeLoopExpectsThrottle(loop)) &&
           g_cond_wait_until(&job->wake, &job->lock, until))
        ;
    job->passed = FALSE;
}

static gpointer
loopThread(gpointer opaque)
{
    convergeJob *job = opaque;
    convergePassWatch *watch;
    g_autoptr(convergeLoop) loop = convergeLoopNew(job->policy, &job->actuator,
                                                   job->postcopy, openJournal, job);

    if (job->libvirt->threadInit)
        job->libvirt->threadInit();
    watch = convergePassWatchStart(job->libvirt, job->dom, notePass, job);

    g_mutex_lock(&job->lock);
    while (!job->stop) {
        gint64 wait;

        convergeLoopSetCeiling(loop, job->ceilingMs);
        g_mutex_unlock(&job->lock);
        wait = convergeLoopStep(loop);
        takeOver(job, loop);
        g_mutex_lock(&job->lock);

        waitForTurn(job, loop, wait);
    }
    g_mutex_unlock(&job->lock);
    convergePassWatchStop(watch, job->libvirt, job->dom);

    convergeLoopEnd(loop, job->succeeded, convergeActuatorLibvirtNow(job->libvirtActuator));
    convergeActuatorLibvirtEnd(job->libvirtActuator);
    if (!job->succeeded)
        restoreNow(job);

    convergeActuatorLibvirtSetDomain(job->libvirtActuator, NULL);
    g_clear_pointer(&job->dom, virDomainFree);
    takeOver(job, loop);
    return NULL;
}

convergeJob *
convergeJobStart(virDomainPtr dom,
                 const convergePolicy *policy,
                 const convergeLibvirt *libvirt,
                 const convergeJobOptions *options,
                 GError **error)
{
    g_autoptr(convergeJob) job = g_new0(convergeJob, 1);

    g_mutex_init(&job->lock);
    g_cond_init(&job->wake);
    job->policy = convergePolicyCopy(policy);
    job->libvirt = libvirt;
    job->libvirtActuator = convergeActuatorLibvirtNew(libvirt, options->callerThrottle);
    job->actuator = (convergeActuator) { &convergeActuatorLibvirtOps, job->libvirtActuator };
    job->postcopy = options->postcopy;
    job->journalDir = g_strdup(options->journalDir);
    job->name = g_strdup(virDomainGetName(dom));
    virDomainGetUUIDString(dom, job->uuid);

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
    g_autoptr(GError) error = NULL;
    GThread *thread;

    job->dom = dom;
    convergeActuatorLibvirtSetDomain(job->libvirtActuator, dom);

    /* A thread of its own: libvirt calls would clear the caller's last error. */
    if ((thread = g_thread_try_new("converge", restoreThread, job, &error)))
        g_thread_join(thread);
    else
        noteTrouble(job, error->message);

    convergeActuatorLibvirtSetDomain(job->libvirtActuator, NULL);
    job->dom = NULL;
}

void
convergeJobConfirm(convergeJob *job)
{
    convergeActuatorLibvirtForget(job->libvirtActuator);
}

void
convergeJobFree(convergeJob *job)
{
    if (!job)
        return;

    convergePolicyFree(job->policy);
    convergeActuatorLibvirtFree(job->libvirtActuator);
    g_free(job->journalDir);
    g_free(job->name);
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
    gboolean ignore = convergePolicyGet(job->policy, CONVERGE_FIELD_OUTSIDE_DOWNTIME) ==
        CONVERGE_OUTSIDE_IGNORE;
    convergeStatus status;

    convergeJobGetStatus(job, &status);
    if (status.downtimeMs <= 0 || status.state == CONVERGE_STATE_ASIDE)
        return ms;
    return ignore ? status.downtimeMs : MIN(ms, status.downtimeMs);
}

void
convergeJobSetCeiling(convergeJob *job,
                      gint64 ms)
{
    if (convergePolicyGet(job->policy, CONVERGE_FIELD_OUTSIDE_DOWNTIME) ==
        CONVERGE_OUTSIDE_IGNORE)
        return;

    g_mutex_lock(&job->lock);
    job->ceilingMs = MAX(ms, 1);
    g_mutex_unlock(&job->lock);
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
