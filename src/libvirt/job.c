/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.c: the thread that runs a loop for one migration
 */
#include <glib/gi18n-lib.h>

#include "engine/switchover.h"
#include "libvirt/backend_observe.h"
#include "libvirt/job.h"
#include "libvirt/pass_watch.h"

/* How long to wait for the event with the downtime after libvirt has confirmed the migration.  It is
 * on its way already. */
#define COMPLETION_MS 300

struct _convergeJob {
    /* Set at the start, read-only afterwards. */
    convergePolicy *policy;
    const convergeLibvirt *libvirt;
    convergeJobOptions options; /* without its strings */
    char *journalDir;
    char *destination;
    char *name;
    char uuid[VIR_UUID_STRING_BUFLEN];
    gint64 beginMs; /* since 1970 */

    /* Used by the job's thread or, while it does not run, by the caller that starts one. */
    convergeBackendLibvirt *libvirtBackend;
    convergeBackend acting;  /* over .libvirtBackend */
    convergeBackend backend; /* the same, or what only observes with it */
    virDomainPtr dom;        /* a reference */
    convergeSwitchover switchover;
    convergeCompletionWatch *completion; /* while .switchover lacks the downtime; or NULL */

    GMutex lock;      /* guards all below */
    GCond wake;       /* wakes the thread */
    GCond idle;       /* the thread has ended */
    gboolean running; /* the thread runs */
    gboolean over;    /* libvirt's job is over: no more turns */
    gboolean stop;    /* the migration call has returned */
    convergeJobEnd end;
    gboolean passed; /* a pass has begun since the last turn */
    gint64 ceilingMs;
    convergeStatus status;
    gint64 downtimeMs; /* as libvirt reports it after the end; 0: it has not */
    gint64 historyId;
    char *aside; /* why the loop stands aside, or NULL */
    char *trouble;
};

/* --- Reporting --- */

/* Logs @text or, without a log, keeps it for convergeJobTakeTrouble() unless an earlier one is
 * waiting. */
static void
tell(convergeJob *job,
     const char *text)
{
    g_autoptr(GMutexLocker) locker = NULL;

    if (job->libvirt->log) {
        job->libvirt->log(job->name, text);
        return;
    }

    locker = g_mutex_locker_new(&job->lock);
    if (!job->trouble)
        job->trouble = g_strdup(text);
}

/* %1$s: name of a policy, %2$s: what was done and why */
static const char *
rungFormat(convergeLayer author)
{
    switch (author) {
    case CONVERGE_LAYER_CALL:
        return _("fallback of the converge policy '%1$s', as the migration call asks: %2$s");
    case CONVERGE_LAYER_DOMAIN:
        return _("fallback of the converge policy '%1$s', as the domain's metadata asks: %2$s");
    case CONVERGE_LAYER_HOST:
    case CONVERGE_LAYER_RULE:
        return _("fallback of the converge policy '%1$s', as the host's configuration asks: %2$s");
    case CONVERGE_LAYER_PRESET:
    case CONVERGE_LAYER_BUILTIN:
    case CONVERGE_LAYER_LAST:
    default:
        return _("fallback of the converge policy '%1$s', as the built-in policy asks: %2$s");
    }
}

char *
convergeJobExplainRung(convergeJob *job,
                       convergeVerb *verb)
{
    convergeLayer author = convergePolicyGetAuthor(job->policy, CONVERGE_FIELD_FALLBACK);
    convergeStatus status;

    convergeJobGetStatus(job, &status);
    if (verb)
        *verb = status.rung;
    if (!status.rungText[0])
        return NULL;

    return g_strdup_printf(rungFormat(author), convergePolicyGetPreset(job->policy),
                           status.rungText);
}

/* Copies the loop's status, and reports new trouble and a new rung of the fallback. */
static void
takeOver(convergeJob *job,
         convergeLoop *loop)
{
    const convergeStatus *status = convergeLoopStatus(loop);
    g_autofree char *journalTrouble = convergeLoopTakeJournalTrouble(loop);
    gboolean newRung, newTrouble;

    g_mutex_lock(&job->lock);
    newRung = status->rungs != job->status.rungs;
    newTrouble = convergeStateIsAside(status->state) && !convergeStateIsAside(job->status.state);
    job->status = *status;
    if (newTrouble) {
        g_free(job->aside);
        job->aside = g_strdup(convergeLoopTrouble(loop));
    }
    g_mutex_unlock(&job->lock);

    if (journalTrouble)
        tell(job, journalTrouble);
    if (newTrouble) {
        g_autofree char *text = g_strdup_printf(_("the migration goes on without a policy: %1$s"),
                                                convergeLoopTrouble(loop));

        tell(job, text);
    }
    if (newRung && job->libvirt->log) {
        g_autofree char *text = convergeJobExplainRung(job, NULL);

        job->libvirt->log(job->name, text);
    }
}

/* --- In the thread --- */

static void
restoreNow(convergeJob *job)
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
        tell(job, error->message);
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

/* Runs the loop until the migration call has returned. */
static void
runLoop(convergeJob *job,
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
        takeOver(job, loop);
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
            .bandwidth = status->bandwidth,
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
        job->options.learn(job, overheadMs);
}

static void
loopThread(convergeJob *job)
{
    g_autoptr(convergeLoop) loop = convergeLoopNew(job->policy, &job->backend,
                                                   job->options.postcopy, openJournal, job);
    g_autoptr(GError) error = NULL;
    convergePassWatch *watch;

    if (job->options.enter && !job->options.enter(job, job->dom, &error) &&
        !convergeJobIsStopping(job))
        convergeLoopStandAside(loop, error);

    expectSwitchover(job, loop);
    if (job->options.learn)
        job->completion = convergeCompletionWatchStart(job->libvirt, job->dom);
    watch = convergePassWatchStart(job->libvirt, job->dom, notePass, job);
    takeOver(job, loop);
    runLoop(job, loop);
    convergePassWatchStop(watch, job->libvirt, job->dom);

    convergeLoopEnd(loop, job->end != CONVERGE_JOB_FAILED,
                    convergeBackendLibvirtNow(job->libvirtBackend));
    convergeBackendLibvirtEnd(job->libvirtBackend);
    if (job->end == CONVERGE_JOB_FAILED)
        restoreNow(job);
    else if (job->end == CONVERGE_JOB_DONE)
        convergeBackendLibvirtForget(job->libvirtBackend);
    convergeLoopCloseJournal(loop);
    takeOver(job, loop);

    noteSwitchover(job, loop);
    if (job->end == CONVERGE_JOB_DONE)
        learnSwitchover(job);
    g_clear_pointer(&job->completion, convergeCompletionWatchStop);
}

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
        tell(job, _("QEMU, libvirt or a disk does not answer; what was changed will be put back as soon as it does"));
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
    job->destination = g_strdup(options->destination);
    virDomainGetUUIDString(dom, job->uuid);
    job->beginMs = g_get_real_time() / 1000;

    if (!startThread(job, dom, loopThread, error))
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
        tell(job, error->message);
        return FALSE;
    }
    return awaitThread(job);
}

gboolean
convergeJobRestore(convergeJob *job,
                   virDomainPtr dom)
{
    return runAfterwards(job, dom, restoreNow);
}

static void
confirmNow(convergeJob *job)
{
    convergeBackendLibvirtForget(job->libvirtBackend);
    learnSwitchover(job);
    g_clear_pointer(&job->completion, convergeCompletionWatchStop);
}

gboolean
convergeJobConfirm(convergeJob *job,
                   convergeCompletionWatch *watch)
{
    job->completion = watch;
    return runAfterwards(job, NULL, confirmNow);
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

char *
convergeJobExplainAside(convergeJob *job)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&job->lock);

    return g_strdup(job->aside);
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

char *
convergeJobTakeTrouble(convergeJob *job)
{
    char *trouble;

    g_mutex_lock(&job->lock);
    trouble = g_steal_pointer(&job->trouble);
    g_mutex_unlock(&job->lock);
    return trouble;
}
