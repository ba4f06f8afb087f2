/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_run.c: what runs in a job's thread
 */
#include "libvirt/job_priv.h"
#include "libvirt/pass_watch.h"

/* How long to wait for the event with the downtime after libvirt has confirmed the migration.  It is
 * on its way already. */
#define COMPLETION_MS 300

void
jobRestoreNow(convergeJob *job)
{
    g_autoptr(GError) error = NULL;
    int state = VIR_DOMAIN_NOSTATE;
    int reason;

    /* A direct migration may still fail after the loop has ended. */
    g_mutex_lock(&job->lock);
    job->status.state = CONVERGE_STATE_FAILED;
    g_mutex_unlock(&job->lock);

    if (job->backend.ops->restore(job->backend.opaque, &error))
        return;

    /* If QEMU has ended, there is nothing to put back. */
    if (job->libvirt->getState(job->dom, &state, &reason, 0) == 0 &&
        state != VIR_DOMAIN_SHUTOFF)
        jobTell(job, error->message);
}

static convergeJournal *
openJournal(void *opaque,
            GError **error)
{
    convergeJob *job = opaque;
    g_autofree char *policy = convergePolicyFormat(job->policy);
    convergeJournal *journal;

    if (!job->journalDir || !(journal = convergeJournalOpen(job->journalDir, job->name, error)))
        return NULL;

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

    while (!job->stop && !job->over && !(job->passed && convergeLoopExpectsThrottle(loop)) &&
           g_cond_wait_until(&job->wake, &job->lock, until))
        ;
    job->passed = FALSE;
}

/* Keeps to the policy's link-limit.  The others do so in their next turns. */
static void
limitBandwidth(convergeJob *job,
               const convergeLoop *loop)
{
    gint64 limit = convergePolicyGet(job->policy, CONVERGE_FIELD_LINK_LIMIT) * 1024 * 1024;
    guint sharers = job->options.sharers ? job->options.sharers() : 1;
    g_autoptr(GError) error = NULL;

    if (limit == 0 || job->unlimited || convergePolicyObserves(job->policy) ||
        convergeStateIsAside(convergeLoopStatus(loop)->state) ||
        convergeBackendLibvirtLimitBandwidth(job->libvirtBackend, limit / MAX(sharers, 1), &error) ||
        convergeJobIsStopping(job))
        return;

    job->unlimited = TRUE;
    jobTell(job, error->message);
}

/* Takes turns until the migration call has returned. */
static void
takeTurns(convergeJob *job,
          convergeLoop *loop)
{
    g_mutex_lock(&job->lock);
    while (!job->stop) {
        gint64 wait;

        if (job->over) {
            g_cond_wait(&job->wake, &job->lock);
            continue;
        }

        convergeLoopSetCeiling(loop, job->ceilingMs);
        g_mutex_unlock(&job->lock);
        wait = convergeLoopStep(loop);
        limitBandwidth(job, loop);
        jobTakeOver(job, loop);
        g_mutex_lock(&job->lock);

        waitForTurn(job, loop, wait);
    }
    g_mutex_unlock(&job->lock);
}

static void
expectSwitchover(convergeJob *job,
                 convergeLoop *loop)
{
    g_autofree char *why = NULL;
    gint64 overheadMs = job->options.expect ? job->options.expect(job, &why) : -1;

    if (overheadMs >= 0)
        convergeLoopSetOverhead(loop, overheadMs, why);
}

/* Notes what the loop knows of the switchover.  A pause by the policy is none. */
static void
noteSwitchover(convergeJob *job,
               convergeLoop *loop)
{
    const convergeStatus *status = convergeLoopStatus(loop);
    guint64 bytes;

    if (status->rungs == 0 && convergeBackendLibvirtSwitchoverBytes(job->libvirtBackend, &bytes))
        job->switchover = (convergeSwitchover) {
            .limitMs = status->downtimeMs,
            .sentBytes = bytes,
            .bandwidth = status->bandwidth * (1 - status->saved),
        };
}

/* After libvirt has confirmed the migration. */
static void
learnSwitchover(convergeJob *job)
{
    gint64 downtimeMs = convergeCompletionWatchAwait(job->completion, COMPLETION_MS);
    gint64 overheadMs = -1;

    g_mutex_lock(&job->lock);
    job->downtimeMs = downtimeMs;
    g_mutex_unlock(&job->lock);

    if (job->options.learn && job->switchover.limitMs > 0) {
        job->switchover.downtimeMs = downtimeMs;
        overheadMs = convergeSwitchoverOverhead(&job->switchover);
    }
    if (overheadMs >= 0)
        job->options.learn(job, overheadMs, job->switchover.bandwidth);
}

void
jobRunLoop(convergeJob *job)
{
    g_autoptr(convergeLoop) loop = convergeLoopNew(job->policy, &job->backend,
                                                   job->options.postcopy, openJournal, job);
    g_autoptr(GError) error = NULL;
    convergePassWatch *watch;

    if (job->options.enter && !job->options.enter(job, job->dom, &error) &&
        !convergeJobIsStopping(job))
        convergeLoopStandAside(loop, error);

    convergeLoopSetTransport(loop, job->transport);
    expectSwitchover(job, loop);
    if (job->options.learn)
        job->completion = convergeCompletionWatchStart(job->libvirt, job->dom);
    watch = convergePassWatchStart(job->libvirt, job->dom, notePass, job);
    jobTakeOver(job, loop);
    takeTurns(job, loop);
    convergePassWatchStop(watch, job->libvirt, job->dom);

    convergeLoopEnd(loop, job->end != CONVERGE_JOB_FAILED,
                    convergeBackendLibvirtNow(job->libvirtBackend));
    convergeBackendLibvirtEnd(job->libvirtBackend);
    if (job->end == CONVERGE_JOB_FAILED)
        jobRestoreNow(job);
    else if (job->end == CONVERGE_JOB_DONE)
        convergeBackendLibvirtForget(job->libvirtBackend);
    convergeLoopCloseJournal(loop);
    jobTakeOver(job, loop);

    noteSwitchover(job, loop);
    if (job->end == CONVERGE_JOB_DONE)
        learnSwitchover(job);
    g_clear_pointer(&job->completion, convergeCompletionWatchStop);
}

void
jobConfirmNow(convergeJob *job)
{
    convergeBackendLibvirtForget(job->libvirtBackend);
    learnSwitchover(job);
    g_clear_pointer(&job->completion, convergeCompletionWatchStop);
}
