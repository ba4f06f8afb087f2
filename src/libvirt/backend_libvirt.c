/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend_libvirt.c: samples and verbs of a real migration
 */
#include <glib/gi18n-lib.h>

#include "libvirt/backend_libvirt.h"
#include "libvirt/job_sample.h"
#include "qemu/dirty_probe.h"
#include "qemu/downtime_bytes.h"
#include "qemu/guest_resume.h"
#include "throttle/throttle.h"
#include "undo/undo_disk.h"
#include "undo/undo_file.h"

/* Far longer than a switchover takes, and short enough for the loop, which looks less often after ten
 * failures. */
#define SWITCHOVER_MS 1500

struct _convergeBackendLibvirt {
    convergeMonitor monitor;
    const char *name; /* of the guest, or NULL */
    convergeThrottler *throttler;
    convergeQemuCpus *cpus; /* NULL: not on the guest's host, or not asked for yet */
    convergeDirtyProbe probe;
    gboolean probeWaits; /* until QEMU has finished another measurement */
    convergeSample last; /* newest active one */
    gboolean bytesAsked; /* QEMU was asked how much it has sent during the switchover... */
    gboolean bytesKnown; /* ...and has told that it was... */
    guint64 bytes;       /* ...this */
    gint64 startUs;
    gboolean mayPostcopy;
    gboolean postcopyBegun;     /* by the verb; the guest is not known to run at the destination yet */
    gint64 switchingMs;         /* time from which it has been switching over; 0: it is not */
    convergeUndoRecord *record; /* NULL: no record is kept, as in a client */
    convergeUndoDisk disk;      /* where .record is saved */
    GError *endError;           /* what failed at the end, for .restore to report; or NULL */
    gint cancelled;             /* atomic: libvirt's job of this migration is over */
    gboolean lateSuspend;       /* libvirt has paused the guest only after that */
};

static gboolean
isCancelled(convergeBackendLibvirt *backend)
{
    return g_atomic_int_get(&backend->cancelled);
}

/* convergeThrottlerKeep */
static gboolean
keep(void *opaque,
     const char *member,
     JsonNode *value,
     GError **error)
{
    convergeBackendLibvirt *backend = opaque;

    if (!backend->record)
        return TRUE;

    convergeUndoRecordKeep(backend->record, member, value);
    return convergeUndoDiskSave(&backend->disk, backend->record, error);
}

convergeBackendLibvirt *
convergeBackendLibvirtNew(const convergeLibvirt *libvirt,
                          gboolean callerThrottle)
{
    convergeBackendLibvirt *backend = g_new0(convergeBackendLibvirt, 1);
    convergeThrottlerOptions options = {
        .monitor = &backend->monitor,
        .callerThrottle = callerThrottle,
        .keep = keep,
        .opaque = backend,
    };

    backend->monitor.libvirt = libvirt;
    backend->throttler = convergeThrottlerNew(&options);
    backend->startUs = g_get_monotonic_time();
    return backend;
}

void
convergeBackendLibvirtFree(convergeBackendLibvirt *backend)
{
    if (!backend)
        return;
    convergeThrottlerFree(backend->throttler);
    convergeQemuCpusFree(backend->cpus);
    convergeUndoRecordFree(backend->record);
    convergeUndoDiskClear(&backend->disk);
    g_clear_error(&backend->endError);
    g_free(backend);
}

void
convergeBackendLibvirtSetDomain(convergeBackendLibvirt *backend,
                                virDomainPtr dom)
{
    backend->monitor.dom = dom;
}

void
convergeBackendLibvirtSetName(convergeBackendLibvirt *backend,
                              const char *name)
{
    backend->name = name;
}

void
convergeBackendLibvirtKeepQuiet(convergeBackendLibvirt *backend)
{
    backend->bytesAsked = TRUE;
}

void
convergeBackendLibvirtMayPostcopy(convergeBackendLibvirt *backend)
{
    backend->mayPostcopy = TRUE;
}

void
convergeBackendLibvirtForbidQmp(convergeBackendLibvirt *backend)
{
    backend->monitor.silent = TRUE;
}

/* Lifts the throttle in this thread, since the loop may be waiting for a QEMU that does not
 * answer. */
void
convergeBackendLibvirtCancel(convergeBackendLibvirt *backend)
{
    g_atomic_int_set(&backend->cancelled, TRUE);
    convergeThrottlerCancel(backend->throttler);
}

gint64
convergeBackendLibvirtNow(const convergeBackendLibvirt *backend)
{
    return (g_get_monotonic_time() - backend->startUs) / 1000;
}

void
convergeBackendLibvirtEnd(convergeBackendLibvirt *backend)
{
    g_clear_error(&backend->endError);
    convergeThrottlerRelease(backend->throttler, FALSE, &backend->endError);
    convergeThrottlerEnd(backend->throttler);
}

void
convergeBackendLibvirtForget(convergeBackendLibvirt *backend)
{
    if (backend->record)
        convergeUndoDiskRemove(&backend->disk, backend->record, NULL);
}

gboolean
convergeBackendLibvirtSwitchoverBytes(const convergeBackendLibvirt *backend,
                                      guint64 *bytes)
{
    *bytes = backend->bytes;
    return backend->bytesKnown;
}

/* --- Samples --- */

/* QEMU is asked once all memory is sent, so that this delays no switchover. */
static void
noteSwitchover(convergeBackendLibvirt *backend,
               const convergeSample *sample)
{
    if (!backend->monitor.libvirt->onHost || !sample->paused || sample->postcopy ||
        sample->remainingBytes > 0 || backend->bytesAsked)
        return;

    backend->bytesAsked = TRUE;
    backend->bytesKnown = convergeDowntimeBytesQuery(&backend->monitor, &backend->bytes);
}

static gboolean
isPostcopy(int state,
           int reason)
{
    return state == VIR_DOMAIN_PAUSED &&
        (reason == VIR_DOMAIN_PAUSED_POSTCOPY || reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED);
}

/* Whether QEMU may be switching over to post-copy.  QEMU 10.2 and later have a status of its own for
 * that, postcopy-device, which libvirt does not know: it logs an error each time it is asked for
 * statistics then.  There is nothing to decide in that time, but an end to it: a guest that stands still
 * for longer is looked at. */
static gboolean
isSwitching(convergeBackendLibvirt *backend)
{
    const convergeMonitor *monitor = &backend->monitor;
    gint64 now = convergeBackendLibvirtNow(backend);
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;

    if (!backend->mayPostcopy || monitor->libvirt->getState(monitor->dom, &state, &reason, 0) < 0)
        return FALSE;

    backend->postcopyBegun = backend->postcopyBegun && !isPostcopy(state, reason);
    if (!backend->postcopyBegun &&
        !(state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_MIGRATION)) {
        backend->switchingMs = 0;
        return FALSE;
    }

    if (backend->switchingMs == 0)
        backend->switchingMs = MAX(now, 1);
    return now - backend->switchingMs < SWITCHOVER_MS;
}

static gboolean
takeSample(void *opaque,
           convergeSample *sample,
           GError **error)
{
    convergeBackendLibvirt *backend = opaque;
    const convergeMonitor *monitor = &backend->monitor;
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int type = VIR_DOMAIN_JOB_NONE;
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;

    /* The statistics may already be those of another migration. */
    if (isCancelled(backend)) {
        sample->timeMs = convergeBackendLibvirtNow(backend);
        return TRUE;
    }
    if (isSwitching(backend)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, _("the guest is switching over"));
        return FALSE;
    }
    if (monitor->libvirt->getJobStats(monitor->dom, &type, &params, &nparams, 0) < 0) {
        convergeLibvirtSetError(error, _("cannot read the job statistics"));
        return FALSE;
    }
    convergeSampleFromJobStats(sample, type, params, nparams);
    virTypedParamsFree(params, nparams);
    sample->timeMs = convergeBackendLibvirtNow(backend);

    if (!sample->active)
        return TRUE;

    if (monitor->libvirt->getState(monitor->dom, &state, &reason, 0) == 0 &&
        state == VIR_DOMAIN_PAUSED) {
        sample->paused = TRUE;
        sample->postcopy = isPostcopy(state, reason);
    }

    convergeThrottlerNote(backend->throttler, sample->timeMs, sample->paused, sample->throttle);
    sample->throttle = convergeThrottlerInForce(backend->throttler);
    convergeDirtyProbeCollect(&backend->probe, monitor, sample);
    noteSwitchover(backend, sample);
    backend->last = *sample;
    return TRUE;
}

static gboolean
startProbe(void *opaque,
           GError **error)
{
    convergeBackendLibvirt *backend = opaque;

    if ((backend->probeWaits = convergeThrottlerIsMeasuring(backend->throttler)))
        return TRUE;
    if (!convergeDirtyProbeStart(&backend->probe, &backend->monitor, backend->last.totalBytes,
                                 convergeThrottlerInForce(backend->throttler), error))
        return FALSE;

    backend->probe.startMs = convergeBackendLibvirtNow(backend);
    return TRUE;
}

/* --- Verbs --- */

static const char *
guestName(const convergeBackendLibvirt *backend)
{
    return backend->name ? backend->name : virDomainGetName(backend->monitor.dom);
}

/* Begins the record of what has to be undone if this process is killed.  Only a process on the
 * guest's host has one; there nothing of the guest may be changed without it.  Errors are
 * CONVERGE_ERROR_RECORD. */
static gboolean
startRecord(convergeBackendLibvirt *backend,
            GError **error)
{
    virDomainPtr dom = backend->monitor.dom;
    g_autofree char *dir = convergeUndoFileDefaultDir();
    g_autoptr(GError) cause = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    if (!backend->monitor.libvirt->onHost)
        return TRUE;

    virDomainGetUUIDString(dom, uuid);
    if (!backend->cpus)
        backend->cpus = convergeQemuCpusList(&backend->monitor, guestName(backend), &cause);
    if (backend->cpus && !backend->record)
        backend->record = convergeUndoRecordNew(
            dir, uuid, guestName(backend), g_array_index(backend->cpus->threads, pid_t, 0), &cause);
    if (!backend->record) {
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD, cause->message);
        return FALSE;
    }
    return convergeUndoDiskSave(&backend->disk, backend->record, error);
}

static const convergeThrottleTraits *
choose(void *opaque,
       convergeThrottleMethod wanted,
       char **why,
       GError **error)
{
    convergeBackendLibvirt *backend = opaque;
    g_autofree char *text = NULL;
    const convergeThrottle *method;

    if (!startRecord(backend, error))
        return NULL;

    method = convergeThrottlerChoose(backend->throttler, wanted, backend->cpus,
                                     convergeBackendLibvirtNow(backend), &text);
    /* A policy that throttles nobody, or by QEMU's own law, wants QEMU's method. */
    if (backend->monitor.silent && wanted != CONVERGE_METHOD_QEMU) {
        if (method->asksQemu) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                        _("the converge policy allows no monitor commands, and nothing else throttles here: %1$s"),
                        text);
            return NULL;
        }
        *why = g_strdup_printf(_("%1$s; QEMU gets no monitor command (qmp=no), so dirty rates are not measured, and the domain is not tainted"),
                               text);
    } else {
        *why = g_steal_pointer(&text);
    }
    return &method->traits;
}

static gboolean
poll(void *opaque,
     const convergeThrottleTraits **throttle,
     char **why,
     GError **error)
{
    convergeBackendLibvirt *backend = opaque;
    gboolean ret;

    if (isCancelled(backend))
        return TRUE;

    ret = convergeThrottlerPoll(backend->throttler, why, error);
    *throttle = &convergeThrottlerMethod(backend->throttler)->traits;

    /* If the probe cannot be started, the loop never gets a result, and goes on without probes. */
    if (backend->probeWaits && !convergeThrottlerIsMeasuring(backend->throttler))
        startProbe(backend, NULL);
    return ret;
}

static gboolean
reportFailure(const char *what,
              GError **error)
{
    convergeLibvirtSetError(error, what);
    return FALSE;
}

static gboolean
setDowntime(convergeBackendLibvirt *backend,
            gint64 ms,
            GError **error)
{
    const convergeMonitor *monitor = &backend->monitor;

    if (!convergeThrottlerExpectDowntime(backend->throttler, ms, error))
        return FALSE;
    if (monitor->libvirt->setMaxDowntime(monitor->dom, (unsigned long long)ms, 0) < 0)
        return reportFailure(_("cannot set the allowed pause"), error);

    convergeThrottlerNoteDowntime(backend->throttler, ms);
    return TRUE;
}

/* Before the first byte libvirt has not told QEMU yet what its caller allows. */
gboolean
convergeBackendLibvirtLimitBandwidth(convergeBackendLibvirt *backend,
                                     gint64 bps,
                                     GError **error)
{
    const convergeSample *last = &backend->last;

    if (isCancelled(backend) || backend->monitor.silent || last->processedBytes == 0 || last->paused || last->postcopy)
        return TRUE;
    return convergeThrottlerLimitBandwidth(backend->throttler, bps, error);
}

/* The downtime limit stays.  With a longer one QEMU would finish the migration at once, and until all
 * is sent it would answer no command: the guest could not be let run again if the link fails, and the
 * migration could not be aborted.  This way QEMU finishes the pass first.  Then it sends again what
 * the guest wrote between the last sync and the pause, which for some pages is a second time. */
static gboolean
suspend(convergeBackendLibvirt *backend,
        GError **error)
{
    const convergeMonitor *monitor = &backend->monitor;

    if (monitor->libvirt->suspend(monitor->dom) < 0)
        return reportFailure(_("cannot pause the guest"), error);

    /* libvirt may have kept the call waiting until the migration was over. */
    backend->lateSuspend = isCancelled(backend);
    return TRUE;
}

/* With a longer downtime limit than @downtimeMs, QEMU might pause the guest again at once: the limit, if
 * there is one, comes first. */
static gboolean
resumeDuring(convergeBackendLibvirt *backend,
             gint64 downtimeMs,
             GError **error)
{
    return (downtimeMs <= 0 || setDowntime(backend, downtimeMs, error)) &&
        convergeGuestResume(&backend->monitor, error);
}

static gboolean
startPostcopy(convergeBackendLibvirt *backend,
              GError **error)
{
    const convergeMonitor *monitor = &backend->monitor;

    if (monitor->libvirt->startPostCopy(monitor->dom, 0) < 0)
        return reportFailure(_("cannot switch to post-copy"), error);
    backend->postcopyBegun = TRUE;
    return TRUE;
}

static gboolean
applyDecision(void *opaque,
              const convergeDecision *decision,
              GError **error)
{
    convergeBackendLibvirt *backend = opaque;
    const convergeLibvirt *libvirt = backend->monitor.libvirt;
    virDomainPtr dom = backend->monitor.dom;

    if (isCancelled(backend)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, _("the migration is over"));
        return FALSE;
    }

    switch (decision->verb) {
    case CONVERGE_VERB_HOLD:
    case CONVERGE_VERB_PRIME:
    case CONVERGE_VERB_STEP:
    case CONVERGE_VERB_THROTTLE:
        return convergeThrottlerApply(backend->throttler, decision, error);
    case CONVERGE_VERB_DOWNTIME:
        return setDowntime(backend, decision->limitMs, error);
    case CONVERGE_VERB_SUSPEND:
        return suspend(backend, error);
    case CONVERGE_VERB_RESUME:
        return resumeDuring(backend, decision->downtimeMs, error);
    case CONVERGE_VERB_POSTCOPY:
        return startPostcopy(backend, error);
    case CONVERGE_VERB_ABORT:
        return libvirt->abortJob(dom) == 0 || reportFailure(_("cannot abort the migration"), error);
    case CONVERGE_VERB_SKIP:
    case CONVERGE_VERB_LAST:
    default:
        return TRUE;
    }
}

/* --- Putting back --- */

/* After a failed migration libvirt resumes a guest that was paused during the migration, but not
 * one that was paused after it. */
static gboolean
resumeLate(convergeBackendLibvirt *backend,
           GError **error)
{
    const convergeMonitor *monitor = &backend->monitor;

    if (!backend->lateSuspend)
        return TRUE;
    if (monitor->libvirt->resume(monitor->dom) < 0)
        return reportFailure(_("cannot resume the guest"), error);
    backend->lateSuspend = FALSE;
    return TRUE;
}

/* Whether QEMU can be asked without delaying a switchover: only while the guest runs here. */
static gboolean
mayAskQemu(convergeBackendLibvirt *backend)
{
    const convergeMonitor *monitor = &backend->monitor;
    int state = VIR_DOMAIN_NOSTATE;
    int reason;

    return convergeThrottlerNeedsQemu(backend->throttler) && !isCancelled(backend) &&
        monitor->libvirt->getState(monitor->dom, &state, &reason, 0) == 0 &&
        state == VIR_DOMAIN_RUNNING;
}

static gboolean
release(void *opaque,
        GError **error)
{
    convergeBackendLibvirt *backend = opaque;

    return convergeThrottlerRelease(backend->throttler, mayAskQemu(backend), error);
}

static gboolean
restore(void *opaque,
        GError **error)
{
    convergeBackendLibvirt *backend = opaque;
    g_autoptr(GError) failure = NULL;
    gboolean done = resumeLate(backend, &failure);

    done = convergeThrottlerRestore(backend->throttler, done ? &failure : NULL) && done;

    /* If QEMU has ended, there is nothing to put back. */
    if (!done && (!backend->record || convergeUndoRecordQemuLives(backend->record))) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (backend->record && !convergeUndoDiskRemove(&backend->disk, backend->record, done ? NULL : error) &&
        !done)
        return FALSE;
    if (backend->endError && done) {
        g_propagate_error(error, g_steal_pointer(&backend->endError));
        return FALSE;
    }
    return TRUE;
}

const convergeBackendOps convergeBackendLibvirtOps = {
    .sample = takeSample,
    .choose = choose,
    .poll = poll,
    .apply = applyDecision,
    .probe = startProbe,
    .release = release,
    .restore = restore,
};
