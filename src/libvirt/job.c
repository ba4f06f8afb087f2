/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.c: starts and stops the thread that runs a loop for one migration
 */
#include <glib/gi18n-lib.h>

#include "libvirt/backend_observe.h"
#include "libvirt/job_priv.h"

/* --- Threads --- */

typedef struct _jobRun jobRun;
struct _jobRun {
    convergeJob *job; /* a reference */
    void (*run)(convergeJob *job);
};

static gpointer
threadMain(gpointer opaque)
{
    g_autofree jobRun *run = opaque;
    convergeJob *job = run->job;

    if (job->libvirt->threadInit)
        job->libvirt->threadInit();
    run->run(job);

    convergeBackendLibvirtSetDomain(job->libvirtBackend, NULL);
    g_clear_pointer(&job->dom, virDomainFree);
    if (job->options.left)
        job->options.left(job);

    g_mutex_lock(&job->lock);
    job->running = FALSE;
    g_cond_broadcast(&job->idle);
    g_mutex_unlock(&job->lock);
    convergeJobUnref(job);
    return NULL;
}

/* @dom: NULL if @run makes no libvirt call */
static gboolean
startThread(convergeJob *job,
            virDomainPtr dom,
            void (*run)(convergeJob *job),
            GError **error)
{
    jobRun *start = g_new0(jobRun, 1);
    GThread *thread;

    if (dom)
        virDomainRef(dom);
    job->dom = dom;
    convergeBackendLibvirtSetDomain(job->libvirtBackend, dom);
    job->running = TRUE;
    *start = (jobRun) { convergeJobRef(job), run };

    if ((thread = g_thread_try_new("converge", threadMain, start, error))) {
        g_thread_unref(thread);
        return TRUE;
    }

    job->running = FALSE;
    g_clear_pointer(&job->dom, virDomainFree);
    convergeJobUnref(job);
    g_free(start);
    return FALSE;
}

static gboolean
awaitThread(convergeJob *job)
{
    gint64 until = g_get_monotonic_time() + CONVERGE_JOB_PATIENCE_MS * 1000;
    gboolean ended;

    g_mutex_lock(&job->lock);
    while (job->running && g_cond_wait_until(&job->idle, &job->lock, until))
        ;
    ended = !job->running;
    g_mutex_unlock(&job->lock);

    if (!ended)
        jobTell(job, _("QEMU, libvirt or a disk does not answer; what was changed will be put back as soon as it does"));
    return ended;
}

/* --- Public functions --- */

static void
jobClear(gpointer opaque)
{
    convergeJob *job = opaque;

    convergeCompletionWatchDrop(job->completion);
    convergePolicyFree(job->policy);
    convergeBackendLibvirtFree(job->libvirtBackend);
    g_free(job->journalDir);
    g_free(job->transport);
    g_free(job->destination);
    g_free(job->name);
    g_mutex_clear(&job->lock);
    g_cond_clear(&job->wake);
    g_cond_clear(&job->idle);
    g_free(job->aside);
    g_free(job->trouble);
}

convergeJob *
convergeJobRef(convergeJob *job)
{
    return g_atomic_rc_box_acquire(job);
}

void
convergeJobUnref(convergeJob *job)
{
    if (job)
        g_atomic_rc_box_release_full(job, jobClear);
}

convergeJob *
convergeJobStart(virDomainPtr dom,
                 const convergePolicy *policy,
                 const convergeLibvirt *libvirt,
                 const convergeJobOptions *options,
                 GError **error)
{
    g_autoptr(convergeJob) job = g_atomic_rc_box_new0(convergeJob);

    g_mutex_init(&job->lock);
    g_cond_init(&job->wake);
    g_cond_init(&job->idle);
    job->policy = convergePolicyCopy(policy);
    job->libvirt = libvirt;
    job->libvirtBackend = convergeBackendLibvirtNew(libvirt, options->callerThrottle);
    job->acting = (convergeBackend) { &convergeBackendLibvirtOps, job->libvirtBackend };
    job->backend = job->acting;
    if (convergePolicyObserves(policy)) {
        job->backend = (convergeBackend) { &convergeBackendObserveOps, &job->acting };
        convergeBackendLibvirtKeepQuiet(job->libvirtBackend);
    }
    job->options = *options;
    job->name = g_strdup(options->name ? options->name : virDomainGetName(dom));
    convergeBackendLibvirtSetName(job->libvirtBackend, job->name);
    if (options->postcopy != CONVERGE_POSTCOPY_NO_FLAG)
        convergeBackendLibvirtMayPostcopy(job->libvirtBackend);
    if (!convergePolicyGet(policy, CONVERGE_FIELD_QMP))
        convergeBackendLibvirtForbidQmp(job->libvirtBackend);
    job->journalDir = g_strdup(options->journalDir);
    job->transport = g_strdup(options->transport);
    job->destination = g_strdup(options->destination);
    virDomainGetUUIDString(dom, job->uuid);
    job->beginMs = g_get_real_time() / 1000;

    if (!startThread(job, dom, jobRunLoop, error))
        return NULL;
    return g_steal_pointer(&job);
}

void
convergeJobOver(convergeJob *job)
{
    convergeBackendLibvirtCancel(job->libvirtBackend);

    g_mutex_lock(&job->lock);
    job->over = TRUE;
    g_cond_signal(&job->wake);
    g_mutex_unlock(&job->lock);
}

gboolean
convergeJobStop(convergeJob *job,
                convergeJobEnd end)
{
    convergeBackendLibvirtCancel(job->libvirtBackend);

    g_mutex_lock(&job->lock);
    job->stop = TRUE;
    job->end = end;
    g_cond_signal(&job->wake);
    g_mutex_unlock(&job->lock);

    return awaitThread(job);
}

/* Calls @run in a thread of its own: its libvirt calls would clear the caller's last error, and
 * may wait. */
static gboolean
runAfterwards(convergeJob *job,
              virDomainPtr dom,
              void (*run)(convergeJob *job))
{
    g_autoptr(GError) error = NULL;

    if (!startThread(job, dom, run, &error)) {
        jobTell(job, error->message);
        return FALSE;
    }
    return awaitThread(job);
}

gboolean
convergeJobRestore(convergeJob *job,
                   virDomainPtr dom)
{
    return runAfterwards(job, dom, jobRestoreNow);
}

gboolean
convergeJobConfirm(convergeJob *job,
                   convergeCompletionWatch *watch)
{
    job->completion = watch;
    return runAfterwards(job, NULL, jobConfirmNow);
}

const convergePolicy *
convergeJobGetPolicy(const convergeJob *job)
{
    return job->policy;
}

const char *
convergeJobGetName(const convergeJob *job)
{
    return job->name;
}

const char *
convergeJobGetUUID(const convergeJob *job)
{
    return job->uuid;
}

const char *
convergeJobGetDestination(const convergeJob *job)
{
    return job->destination;
}

gint64
convergeJobGetBegin(const convergeJob *job)
{
    return job->beginMs;
}

gint64
convergeJobGetDowntime(convergeJob *job)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&job->lock);

    return job->downtimeMs;
}

void
convergeJobSetHistoryId(convergeJob *job,
                        gint64 id)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&job->lock);

    job->historyId = id;
}

gint64
convergeJobGetHistoryId(convergeJob *job)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&job->lock);

    return job->historyId;
}

gboolean
convergeJobCallerThrottles(const convergeJob *job)
{
    return job->options.callerThrottle;
}

gboolean
convergeJobIsStopping(convergeJob *job)
{
    gboolean stopping;

    g_mutex_lock(&job->lock);
    stopping = job->stop || job->over;
    g_mutex_unlock(&job->lock);
    return stopping;
}

gint64
convergeJobOutsideDowntime(convergeJob *job,
                           gint64 ms)
{
    gboolean ignore = convergePolicyGet(job->policy, CONVERGE_FIELD_OUTSIDE_DOWNTIME) ==
        CONVERGE_OUTSIDE_IGNORE;
    convergeStatus status;

    convergeJobGetStatus(job, &status);
    if (status.downtimeMs <= 0 || convergeStateIsAside(status.state))
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
