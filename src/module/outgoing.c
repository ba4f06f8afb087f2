/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outgoing.c: applies a policy to one call of an outgoing migration
 */
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "libvirt/postcopy.h"
#include "module/job_registry.h"
#include "module/keeper.h"
#include "module/learned.h"
#include "module/libvirt_check.h"
#include "module/metrics_writer.h"
#include "module/outgoing_priv.h"
#include "module/recovery.h"
#include "module/rights.h"
#include "module/switchovers.h"
#include "module/transport_pick.h"
#include "policy/policy_conf.h"
#include "qemu_migration_converge.h"

/* How long to wait for the job of an earlier migration of the same guest.  That job ends
 * within milliseconds, unless QEMU, libvirt or a disk does not answer. */
#define EARLIER_MS 30000

void
convergeOutgoingClear(convergeOutgoing *outgoing)
{
    g_free(outgoing->name);
    g_free(outgoing->destination);
    g_free(outgoing->transport);
    convergePolicyFree(outgoing->policy);
    g_clear_error(&outgoing->error);
    convergeJobUnref(outgoing->job);
}

/* --- Before the call --- */

static char *
lookUpName(virDomainPtr domain,
           const char *uuid)
{
    virDomainPtr found = virDomainLookupByUUIDString(virDomainGetConnect(domain), uuid);
    char *name = g_strdup(found ? virDomainGetName(found) : uuid);

    if (found)
        virDomainFree(found);
    return name;
}

/* Finds the policy with the daemon's identity, because the caller may lack the right to read
 * the domain.  The caller learns nothing of it before libvirt has permitted the call. */
static void
choosePolicy(convergeOutgoing *outgoing)
{
    void *identity = convergeNextElevateIdentity();
    g_autoptr(GError) unfit = NULL;

    if (!convergeLibvirtCheck(outgoing->domain, outgoing->libvirt->getJobStats, &unfit)) {
        /* Only a caller who names a policy has to know. */
        if (outgoing->stated.policy)
            outgoing->error = g_steal_pointer(&unfit);
        convergeNextRestoreIdentity(identity);
        return;
    }

    outgoing->name = lookUpName(outgoing->domain, outgoing->uuid);
    outgoing->policy = convergePolicyForDomain(outgoing->domain, &outgoing->stated,
                                               CONVERGE_POLICY_CONF, &outgoing->error);
    if (outgoing->policy) {
        outgoing->postcopy = convergePostcopyFind(outgoing->domain, outgoing->flags);
        outgoing->memory = (guint64)virDomainGetMaxMemory(outgoing->domain) * 1024;
    }
    convergeNextRestoreIdentity(identity);
}

/* The auto-converge capability cannot be switched on later.  If nothing may throttle the
 * guest, or if QEMU cannot be kept from it by commands, the only safe way is to migrate without it. */
static void
adaptFlags(convergeOutgoing *outgoing)
{
    if (convergePolicyObserves(outgoing->policy))
        return;
    if (convergePolicyGet(outgoing->policy, CONVERGE_FIELD_THROTTLE) != CONVERGE_THROTTLE_NONE &&
        convergePolicyGet(outgoing->policy, CONVERGE_FIELD_QMP))
        outgoing->flags |= VIR_MIGRATE_AUTO_CONVERGE;
    else if (!convergeStatedThrottle(&outgoing->stated))
        outgoing->flags &= ~(unsigned long)VIR_MIGRATE_AUTO_CONVERGE;
}

void
convergeOutgoingPrepare(convergeOutgoing *outgoing,
                        virDomainPtr domain,
                        const convergeLibvirt *libvirt,
                        const convergeStated *stated,
                        GError *wrong,
                        unsigned long flags)
{
    gboolean live = (flags & VIR_MIGRATE_LIVE) && !(flags & VIR_MIGRATE_OFFLINE);

    *outgoing = (convergeOutgoing) {
        .domain = domain,
        .libvirt = libvirt,
        .flags = flags,
        .asked = stated->policy || wrong || (flags & VIR_MIGRATE_AUTO_CONVERGE),
        .stated = *stated,
        .error = wrong,
    };
    outgoing->stated.autoConverge = (flags & VIR_MIGRATE_AUTO_CONVERGE) != 0;

    /* Without a UUID, libvirt itself will report the error.  A call that resumes post-copy is
     * no new migration, so no policy applies. */
    if (wrong || virDomainGetUUIDString(domain, outgoing->uuid) < 0 ||
        (flags & VIR_MIGRATE_POSTCOPY_RESUME))
        return;

    if (live)
        choosePolicy(outgoing);
    else if (stated->policy)
        g_set_error(&outgoing->error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("parameter '%1$s' is allowed for live migrations only (VIR_MIGRATE_LIVE)"),
                    QEMU_MIGRATION_CONVERGE_PARAM_POLICY);
    if (outgoing->policy)
        adaptFlags(outgoing);
}

/* --- Refusing --- */

static gboolean
checkPolicy(convergeCall *call,
            virConnectPtr conn,
            virDomainDef *def)
{
    convergeOutgoing *outgoing = (convergeOutgoing *)call;

    if (!outgoing->error && outgoing->policy)
        convergeRightsCheck(outgoing->policy, conn, def, &outgoing->error);
    if (!outgoing->error)
        return TRUE;

    /* A caller that has not asked for a policy is not refused for the mistake of the domain or
     * the host. */
    if (outgoing->asked)
        outgoingRaise(outgoing->error);
    else if (call->ended) /* set for Perform, not for Begin, so that this is logged once */
        convergeDaemonLog("%s migrates without a policy: %s", outgoing->name, outgoing->error->message);
    return !outgoing->asked;
}

/* --- Transport --- */

/* libvirt has not permitted the call yet.  It wants the same right, domain:migrate, for this. */
static gboolean
mayMigrate(virDomainPtr domain)
{
    unsigned long bandwidth;

    if (virDomainMigrateGetMaxSpeed(domain, &bandwidth, 0) == 0)
        return TRUE;
    virResetLastError();
    return FALSE;
}

void
convergeOutgoingPickTransport(convergeOutgoing *outgoing,
                              const char *uri,
                              virTypedParameterPtr *params,
                              int *nparams,
                              int *maxparams)
{
    g_autofree char *destination = convergeSwitchoversHost(uri);
    unsigned int flags = (unsigned int)outgoing->flags;
    void *identity;

    if (!outgoing->policy || convergePolicyObserves(outgoing->policy) ||
        convergePolicyGet(outgoing->policy, CONVERGE_FIELD_TRANSPORT) == CONVERGE_TRANSPORT_PLAIN)
        return;

    /* The client has chosen. */
    if (flags & (VIR_MIGRATE_PARALLEL | VIR_MIGRATE_COMPRESSED))
        return;

    if (!(flags & VIR_MIGRATE_PEER2PEER)) {
        outgoing->transport = g_strdup(_("memory is sent as it is: in a direct migration only the client can ask for another transport"));
        return;
    }
    if (!mayMigrate(outgoing->domain))
        return;

    identity = convergeNextElevateIdentity();
    outgoing->transport = convergeTransportPick(&(convergeTransportCall) {
                                                    .conn = virDomainGetConnect(outgoing->domain),
                                                    .name = outgoing->name,
                                                    .policy = outgoing->policy,
                                                    .memory = outgoing->memory,
                                                    .destination = destination,
                                                },
                                                &flags, params, nparams, maxparams);
    convergeNextRestoreIdentity(identity);
    outgoing->picked = outgoing->flags != flags;
    outgoing->flags = flags;
    outgoing->postcopy = convergePostcopyFind(outgoing->domain, flags);
}

/* What libvirt says of something that one of the hosts does not have, and of what QEMU refuses. */
static gboolean
isRefusal(int code)
{
    return code == VIR_ERR_OPERATION_UNSUPPORTED || code == VIR_ERR_ARGUMENT_UNSUPPORTED ||
        code == VIR_ERR_CONFIG_UNSUPPORTED || code == VIR_ERR_INVALID_ARG || code == VIR_ERR_INTERNAL_ERROR;
}

gboolean
convergeOutgoingMayGoPlain(const convergeOutgoing *outgoing)
{
    const virError *error = virGetLastError();
    convergeStatus status;

    if (!outgoing->picked || !outgoing->job || !error || !isRefusal(error->code))
        return FALSE;
    convergeJobGetStatus(outgoing->job, &status);
    if (status.state != CONVERGE_STATE_WAITING)
        return FALSE;
    convergeDaemonLog("%s: memory will be sent as it is, since the migration has failed with another transport: %s",
                      outgoing->name, error->message);
    return TRUE;
}

/* --- Begin --- */

void
convergeOutgoingEnterBegin(convergeOutgoing *outgoing)
{
    outgoing->call.permitted = checkPolicy;
    convergeCallEnter(&outgoing->call);
}

void
convergeOutgoingLeaveBegin(convergeOutgoing *outgoing,
                           gboolean succeeded)
{
    convergeCallLeave(&outgoing->call);
    if (succeeded && outgoing->policy)
        convergeLinkTurnPermit(outgoing->uuid);
}

/* --- Perform --- */

/* The client of an earlier migration has never confirmed it: the guest goes on running here. */
static gboolean
restoreUnconfirmed(convergeJob *pending,
                   virDomainPtr domain)
{
    convergeKeeperEnd(pending, CONVERGE_OUTCOME_FAILED,
                      _("the client has never confirmed that the guest runs at the destination"));
    return convergeJobRestore(pending, domain);
}

/* Runs first in the job's thread, with the daemon's own identity. */
static gboolean
enterJob(convergeJob *job,
         virDomainPtr domain,
         GError **error)
{
    const char *uuid = convergeJobGetUUID(job);
    g_autoptr(convergeJob) pending = NULL;

    convergeKeeperBegin(job);
    if (!convergeRegistryAwaitEarlier(uuid, job, EARLIER_MS)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("the changes of an earlier migration are not restored yet"));
        return FALSE;
    }

    if ((pending = convergeRegistryTakePending(uuid)) && !restoreUnconfirmed(pending, domain)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("the changes of an earlier migration are not restored yet"));
        return FALSE;
    }
    return convergeRecoveryDomain(domain, convergeJobCallerThrottles(job), error);
}

/* Restores the changes of a job that still waits for Confirm, if the new migration has no
 * policy and thus no job. */
static gpointer
restorePending(gpointer opaque)
{
    virDomainPtr domain = opaque;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    g_autoptr(convergeJob) pending = NULL;

    convergeNextSetSystemIdentity();
    virDomainGetUUIDString(domain, uuid);
    if ((pending = convergeRegistryTakePending(uuid)))
        restoreUnconfirmed(pending, domain);
    virDomainFree(domain);
    return NULL;
}

static void
startRestoring(convergeOutgoing *outgoing)
{
    GThread *thread;

    if (!convergeRegistryHasPending(outgoing->uuid))
        return;

    virDomainRef(outgoing->domain);
    if ((thread = g_thread_try_new("converge-undo", restorePending, outgoing->domain, NULL)))
        g_thread_unref(thread);
    else
        virDomainFree(outgoing->domain);
}

/* --- The job --- */

static void
awaitTurn(convergeOutgoing *outgoing)
{
    outgoing->turn = convergeLinkTurnAwait(outgoing->uuid, outgoing->name, outgoing->policy, outgoing->memory);
}

/* Starts and registers the job.  If that fails, logs one line, and the migration goes on
 * without a policy. */
static void
startJob(convergeCall *call)
{
    convergeOutgoing *outgoing = (convergeOutgoing *)call;
    g_autofree char *journalDir = convergeJournalDefaultDir();
    convergeJobOptions options = {
        .name = outgoing->name,
        .journalDir = journalDir,
        .postcopy = outgoing->postcopy,
        .callerThrottle = convergeStatedThrottle(&outgoing->stated),
        .destination = outgoing->destination,
        .transport = outgoing->transport,
        .enter = enterJob,
        .left = convergeRegistryLeft,
        .sharers = convergeRegistryCountLimited,
        .expect = convergeLearnedExpect,
        .learn = convergeLearnedAdd,
    };
    g_autoptr(GError) error = NULL;

    convergeRegistryForget(outgoing->uuid);
    if (!outgoing->policy) {
        startRestoring(outgoing);
        return;
    }

    /* A direct migration has waited before: here it has the domain's lock. */
    if (outgoing->flags & VIR_MIGRATE_PEER2PEER)
        awaitTurn(outgoing);
    outgoing->job = convergeJobStart(outgoing->domain, outgoing->policy, outgoing->libvirt,
                                     &options, &error);
    if (outgoing->job) {
        convergeRegistryAdd(outgoing->uuid, outgoing->job);
        convergeMetricsWriterBegun();
        outgoingLogPolicy(outgoing);
    } else {
        convergeDaemonLog("%s migrates without a policy: %s", outgoing->name,
                          error->message);
    }
}

static void
endJob(convergeCall *call)
{
    convergeOutgoing *outgoing = (convergeOutgoing *)call;

    if (outgoing->job)
        convergeJobOver(outgoing->job);
}

void
convergeOutgoingEnterPerform(convergeOutgoing *outgoing,
                             const char *uri)
{
    outgoing->destination = convergeSwitchoversHost(uri);
    outgoing->call.permitted = checkPolicy;
    /* A call that resumes post-copy is no new migration: the job of the first call still waits
     * for Confirm. */
    if (!(outgoing->flags & VIR_MIGRATE_POSTCOPY_RESUME))
        outgoing->call.begun = startJob;
    outgoing->call.ended = endJob;
    /* Whoever may not migrate the guest must not keep a thread of the daemon waiting. */
    if (outgoing->policy && !(outgoing->flags & VIR_MIGRATE_PEER2PEER) &&
        convergeLinkTurnTakePermit(outgoing->uuid))
        awaitTurn(outgoing);
    convergeCallEnter(&outgoing->call);
}

/* With libvirt's error as the client gets it. */
static void
keepFailure(convergeJob *job)
{
    const virError *error = virGetLastError();

    convergeKeeperEnd(job,
                      error && error->code == VIR_ERR_OPERATION_ABORTED ? CONVERGE_OUTCOME_ABORTED :
                                                                          CONVERGE_OUTCOME_FAILED,
                      error ? error->message : NULL);
}

/* Makes no libvirt call that would clear the caller's last error. */
void
convergeOutgoingLeavePerform(convergeOutgoing *outgoing,
                             gboolean succeeded)
{
    gboolean confirmed = (outgoing->flags & VIR_MIGRATE_PEER2PEER) != 0;
    convergeJobEnd end = !succeeded ? CONVERGE_JOB_FAILED :
        confirmed                   ? CONVERGE_JOB_DONE :
                                      CONVERGE_JOB_PENDING;

    convergeCallLeave(&outgoing->call);
    convergeLinkTurnEnd(g_steal_pointer(&outgoing->turn));

    if (outgoing->policy && succeeded && !outgoing->call.isBegun)
        convergeDaemonLog("%s has migrated without a policy: this libvirt does not signal the start of its job",
                          outgoing->name);
    if (!outgoing->job)
        return;

    if (!convergeJobStop(outgoing->job, end))
        convergeRegistryFinish(outgoing->job, CONVERGE_REGISTRY_LEAVING);
    else if (!succeeded)
        convergeRegistryFinish(outgoing->job, CONVERGE_REGISTRY_FAILED);
    else
        convergeRegistryFinish(outgoing->job, confirmed ? CONVERGE_REGISTRY_DONE : CONVERGE_REGISTRY_PENDING_CONFIRM);
    if (!succeeded) {
        outgoingLogFailure(outgoing->job);
        outgoingExplainFailure(outgoing->job);
        keepFailure(outgoing->job);
    } else if (confirmed) {
        convergeKeeperEnd(outgoing->job, CONVERGE_OUTCOME_DONE, NULL);
    }
}

/* --- Confirm --- */

void
convergeOutgoingEnterConfirm(convergeOutgoing *outgoing,
                             virDomainPtr domain,
                             const convergeLibvirt *libvirt)
{
    *outgoing = (convergeOutgoing) { .domain = domain };

    virDomainGetUUIDString(domain, outgoing->uuid);
    if (convergeRegistryHasPending(outgoing->uuid)) {
        void *identity = convergeNextElevateIdentity();

        outgoing->completion = convergeCompletionWatchStart(libvirt, domain);
        convergeNextRestoreIdentity(identity);
    }
    convergeCallEnter(&outgoing->call);
}

/* Acts only if libvirt has ended its job in this call, whatever the call returned.  A call
 * that libvirt refuses leaves the job to a later call. */
void
convergeOutgoingLeaveConfirm(convergeOutgoing *outgoing,
                             gboolean cancelled)
{
    convergeCallLeave(&outgoing->call);

    if (outgoing->call.isEnded)
        outgoing->job = convergeRegistryTakePending(outgoing->uuid);
    if (cancelled || !outgoing->job)
        convergeCompletionWatchDrop(g_steal_pointer(&outgoing->completion));
    if (!outgoing->job)
        return;

    if (cancelled) {
        convergeJobRestore(outgoing->job, outgoing->domain);
        convergeRegistryAddEnded(outgoing->uuid, outgoing->job, CONVERGE_REGISTRY_FAILED);
        outgoingLogFailure(outgoing->job);
        convergeKeeperEnd(outgoing->job, CONVERGE_OUTCOME_FAILED,
                          _("the guest did not start at the destination"));
    } else {
        if (convergeJobConfirm(outgoing->job, g_steal_pointer(&outgoing->completion)))
            convergeRegistryAddEnded(outgoing->uuid, outgoing->job, CONVERGE_REGISTRY_DONE);
        convergeKeeperEnd(outgoing->job, CONVERGE_OUTCOME_DONE, NULL);
    }
}
