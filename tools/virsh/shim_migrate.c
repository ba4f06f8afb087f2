/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_migrate.c: the migration calls of virsh, with the policy from the carrier in
 * --disks-uri
 *
 * If the source host has the module, the policy becomes a parameter of the migration.
 * Otherwise the same engine runs in this process.
 */
#include <stdlib.h>
#include <string.h>

#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "libvirt/job.h"
#include "libvirt/policy_domain.h"
#include "libvirt/postcopy.h"
#include "module/libvirt_next.h"
#include "qemu_migration_converge.h"

#include "client_calls.h"
#include "command_text.h"
#include "shim.h"
#include "shim_transport.h"

/* One migration call under a policy, with the arguments for libvirt. */
typedef struct {
    virTypedParameterPtr params; /* elements borrow their values */
    unsigned int nparams;
    unsigned int nowned; /* the last of them own theirs */
    unsigned int flags;
    gint64 beginUs;
    char *policyText;
    convergeStated stated;
    char *disksURI;          /* the user's own, or NULL */
    convergeLibvirt libvirt; /* libvirt calls for the job */
    gboolean begun;          /* progress is shown until it ends */
    gboolean verbose;        /* the user wants to see progress */
    gboolean refused;        /* the policy is wrong, so nothing may start */
    convergeJob *job;        /* NULL if the source host's module runs it */
} virshCall;

/* Errors of the loop must not replace the error of virsh's own call. */
static void
muteLoopThread(void)
{
    virshConvergeErrorsMute(TRUE);
}

gboolean
virshConvergeHasModule(virDomainPtr dom)
{
    virTypedParameterPtr stats = NULL;
    const char *version = NULL;
    gboolean found = FALSE;
    int nstats = 0;
    int type;

    /* The migration itself will report any failure again. */
    virshConvergeErrorsMute(TRUE);
    if (virDomainGetJobStats(dom, &type, &stats, &nstats, 0) == 0)
        found = virTypedParamsGetString(stats, nstats, QEMU_MIGRATION_CONVERGE_STAT_MODULE,
                                        &version) == 1;
    virTypedParamsFree(stats, nstats);
    virshConvergeErrorsMute(FALSE);

    return found;
}

static void
addParam(virshCall *call,
         const char *name,
         char *value)
{
    virTypedParameterPtr param = &call->params[call->nparams++];

    g_strlcpy(param->field, name, sizeof(param->field));
    param->type = VIR_TYPED_PARAM_STRING;
    param->value.s = value;
}

/* Copies the caller's array without the carrier, and with room for the two parameters that may
 * replace it.  FALSE if there is no carrier. */
static gboolean
takePolicy(virshCall *call,
           virTypedParameterPtr params,
           unsigned int nparams)
{
    unsigned int i;

    call->params = g_new0(virTypedParameter, (size_t)nparams + 1);

    for (i = 0; i < nparams; i++) {
        if (!call->policyText &&
            params[i].type == VIR_TYPED_PARAM_STRING && params[i].value.s &&
            strcmp(params[i].field, VIR_MIGRATE_PARAM_DISKS_URI) == 0 &&
            virshConvergeCarrierParse(params[i].value.s, &call->policyText,
                                      &call->disksURI, &call->verbose))
            continue;
        convergeStatedTake(&call->stated, &params[i]);
        call->params[call->nparams++] = params[i];
    }

    if (call->disksURI)
        addParam(call, VIR_MIGRATE_PARAM_DISKS_URI, call->disksURI);

    call->stated.policy = call->policyText;
    call->stated.autoConverge = TRUE;
    return call->policyText != NULL;
}

static convergePostcopy
findPostcopy(virDomainPtr dom,
             unsigned int flags)
{
    convergePostcopy postcopy;

    virshConvergeErrorsMute(TRUE);
    postcopy = convergePostcopyFind(dom, flags);
    virshConvergeErrorsMute(FALSE);
    return postcopy;
}

/* libvirt refuses a call, because the caller lacks a right or another migration of the guest
 * runs, within a round trip and a few milliseconds. */
#define REFUSAL_US (500 * 1000)
#define LOOK_US (50 * 1000)

/* Whether the guest has a migration job; FALSE also if libvirt does not tell. */
static gboolean
isMigrating(virDomainPtr dom,
            gboolean *migrating)
{
    virTypedParameterPtr stats = NULL;
    int type = VIR_DOMAIN_JOB_NONE;
    int nstats = 0;

    if (virshConvergeCalls.getJobStats(dom, &type, &stats, &nstats, 0) < 0)
        return FALSE;
    virTypedParamsFree(stats, nstats);
    *migrating = type != VIR_DOMAIN_JOB_NONE;
    return TRUE;
}

/* Runs first in the loop's thread.  There was no job before the call, so a job that exists when
 * the call can no longer be refused belongs to this call. */
static gboolean
awaitOwnJob(convergeJob *job,
            virDomainPtr dom,
            GError **error G_GNUC_UNUSED)
{
    gint64 refusalUs = 0; /* time by which a refused call has returned; 0: no job yet */
    gboolean migrating;

    while (!convergeJobIsStopping(job)) {
        if (isMigrating(dom, &migrating)) {
            if (!migrating)
                refusalUs = 0;
            else if (refusalUs == 0)
                refusalUs = g_get_monotonic_time() + REFUSAL_US;
        }
        if (refusalUs > 0 && g_get_monotonic_time() >= refusalUs)
            break;
        g_usleep(LOOK_US);
    }
    return TRUE;
}

/* Controls the migration from this process.  If that fails, the migration goes on without the
 * policy. */
static void
startJob(virshCall *call,
         virDomainPtr dom,
         const convergePolicy *policy)
{
    g_autofree char *journalDir = convergeJournalDefaultDir();
    convergeJobOptions options = {
        .journalDir = journalDir,
        .postcopy = findPostcopy(dom, call->flags),
        .callerThrottle = convergeStatedThrottle(&call->stated),
        .enter = awaitOwnJob,
    };
    g_autoptr(GError) error = NULL;
    gboolean migrating = FALSE;

    if (isMigrating(dom, &migrating) && migrating) {
        virshConvergePrint(_("warning: the guest has another job; if libvirt begins this migration nevertheless, it goes on without the policy"));
        return;
    }

    call->libvirt = virshConvergeCalls;
    call->libvirt.threadInit = muteLoopThread;

    if (!(call->job = convergeJobStart(dom, policy, &call->libvirt, &options, &error))) {
        virshConvergePrint(_("warning: the source host has no virt-converge module and this virsh cannot control the migration, which goes on without the policy: %1$s"),
                           error->message);
        return;
    }

    virshConvergePrint(_("the source host has no virt-converge module: this virsh controls the migration itself"));
    virshConvergeProgressFrom(call->job, call->policyText);

    if (!convergePolicyObserves(policy) &&
        convergePolicyGet(policy, CONVERGE_FIELD_THROTTLE) != CONVERGE_THROTTLE_NONE)
        call->flags |= VIR_MIGRATE_AUTO_CONVERGE;
}

/* Decided before the migration is prepared for, since it takes its time. */
static convergeTransport
decideTransport(const virshCall *call,
                virDomainPtr dom,
                virConnectPtr dconn,
                const char *dconnuri,
                const convergePolicy *policy,
                gint64 *streams)
{
    virshTransportCall stated = {
        .dom = dom,
        .flags = call->flags,
        .params = call->params,
        .nparams = (int)call->nparams,
        .destination = dconn,
    };
    gboolean asks = convergePolicyGet(policy, CONVERGE_FIELD_TRANSPORT) != CONVERGE_TRANSPORT_PLAIN;
    virConnectPtr opened = NULL;
    convergeTransport transport;
    g_autofree char *why = NULL;

    /* The source's daemon connects to the destination; what that can do is to be known before. */
    virshConvergeErrorsMute(TRUE);
    if (asks && dconnuri && (call->flags & VIR_MIGRATE_PEER2PEER))
        stated.destination = opened = virshConvergeOpen(dconnuri, &why);
    transport = virshTransportDecide(&stated, call->policyText, policy, streams);
    if (opened)
        virConnectClose(opened);
    virshConvergeErrorsMute(FALSE);
    return transport;
}

/* Adds what asks libvirt for @transport.  The last to be added. */
static void
addTransport(virshCall *call,
             convergeTransport transport,
             gint64 streams,
             gint64 level)
{
    int nparams = (int)call->nparams;
    int maxparams = nparams;

    if (!convergeTransportAdd(transport, streams, level, &call->flags, &call->params, &nparams, &maxparams))
        virshConvergePrint(_("note: memory goes as without field 'transport' of the policy: %1$s"), virGetLastErrorMessage());
    call->nowned = (unsigned int)nparams - call->nparams;
    call->nparams = (unsigned int)nparams;
}

static void
virshCallFree(virshCall *call)
{
    unsigned int i;

    for (i = call->nparams - call->nowned; i < call->nparams; i++) {
        if (call->params[i].type == VIR_TYPED_PARAM_STRING)
            free(call->params[i].value.s);
    }
    if (call->begun)
        virshConvergeProgressEnd();
    g_clear_pointer(&call->job, convergeJobUnref);
    g_free(call->params);
    g_free(call->policyText);
    g_free(call->disksURI);
    g_free(call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virshCall, virshCallFree)

static void
refuse(virshCall *call,
       const char *why)
{
    g_autofree char *message = g_strdup_printf(_("invalid argument: %1$s"), why);

    call->refused = TRUE;
    convergeDaemonSetError(VIR_ERR_INVALID_ARG, message);
}

/* NULL if the call carries no policy and must be forwarded unchanged. */
static virshCall *
virshCallBegin(virDomainPtr dom,
               virConnectPtr dconn,
               const char *dconnuri,
               virTypedParameterPtr params,
               unsigned int nparams,
               unsigned int flags)
{
    g_autoptr(virshCall) call = NULL;
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(GError) error = NULL;
    convergeTransport transport = CONVERGE_TRANSPORT_PLAIN;
    gint64 streams = 0;

    if (!virshConvergeActive())
        return NULL;

    call = g_new0(virshCall, 1);
    call->flags = flags;
    call->beginUs = g_get_monotonic_time();

    if (!takePolicy(call, params, nparams))
        return NULL;
    virshConvergeProgressBegin(call->verbose);
    call->begun = TRUE;

    /* The guest runs on the destination already. */
    if (flags & VIR_MIGRATE_POSTCOPY_RESUME) {
        virshConvergePrint(_("note: this resumes post-copy, where the policy plays no part"));
        return g_steal_pointer(&call);
    }

    /* Only the module on the source host knows the host's layer; this virsh does not. */
    virshConvergeErrorsMute(TRUE);
    policy = convergePolicyForDomain(dom, &call->stated, NULL, &error);
    virshConvergeErrorsMute(FALSE);

    /* Post-copy must be requested at the start, on both sides.  A QEMU that does not support it
     * may refuse the migration.  With parallel connections that depends on the QEMU of the
     * destination, which only the user knows. */
    if (policy && convergePolicyMayPostcopy(policy) && !(flags & VIR_MIGRATE_PARALLEL) &&
        findPostcopy(dom, flags | VIR_MIGRATE_POSTCOPY) == CONVERGE_POSTCOPY_AVAILABLE)
        call->flags |= VIR_MIGRATE_POSTCOPY;

    if (policy)
        transport = decideTransport(call, dom, dconn, dconnuri, policy, &streams);

    if (virshConvergeHasModule(dom)) {
        addParam(call, QEMU_MIGRATION_CONVERGE_PARAM_POLICY, call->policyText);
    } else if (policy) {
        startJob(call, dom, policy);
    } else {
        refuse(call, error->message);
    }

    if (transport != CONVERGE_TRANSPORT_PLAIN)
        addTransport(call, transport, streams, convergePolicyGet(policy, CONVERGE_FIELD_COMPRESSION_LEVEL));
    return g_steal_pointer(&call);
}

/* Stock virsh waits for a migration in a main loop.  If that is told to quit before it runs,
 * which takes milliseconds, virsh waits for ever. */
#define MAIN_LOOP_US (200 * 1000)

static void
letMainLoopBegin(const virshCall *call)
{
    gint64 left = call->beginUs + MAIN_LOOP_US - g_get_monotonic_time();

    if (left > 0)
        g_usleep((gulong)left);
}

/* This thread must make no more libvirt calls, since virsh has not yet read the error of a
 * failed call. */
static void
virshCallEnd(virshCall *call,
             gboolean succeeded)
{
    g_autofree char *trouble = NULL;

    if (!succeeded)
        letMainLoopBegin(call);
    if (!call->job)
        return;

    convergeJobStop(call->job, succeeded ? CONVERGE_JOB_DONE : CONVERGE_JOB_FAILED);
    if ((trouble = convergeJobTakeTrouble(call->job)))
        virshConvergePrint(_("warning: the policy was not kept: %1$s"), trouble);
}

/* The source has accepted the parameter, so only the destination can refuse it.  That happens
 * before anything has started. */
static void
explainRefusal(const virshCall *call)
{
    virErrorPtr error = virGetLastError();

    if (call->job || !error || error->code != VIR_ERR_ARGUMENT_UNSUPPORTED ||
        !error->message || !strstr(error->message, QEMU_MIGRATION_CONVERGE_PARAM_POLICY))
        return;

    virshConvergePrint(_("the destination host has no virt-converge module: use --p2p, or load the module there"));
}

VIRSH_CONVERGE_EXPORT virDomainPtr
virDomainMigrate3(virDomainPtr domain,
                  virConnectPtr dconn,
                  virTypedParameterPtr params,
                  unsigned int nparams,
                  unsigned int flags)
{
    __typeof__(&virDomainMigrate3) next = virshConvergeNext(virDomainMigrate3);
    g_autoptr(virshCall) call = virshCallBegin(domain, dconn, NULL, params, nparams, flags);
    virDomainPtr result;

    if (!call)
        return next(domain, dconn, params, nparams, flags);

    result = call->refused ? NULL :
                             next(domain, dconn, call->params, call->nparams, call->flags);
    virshCallEnd(call, result != NULL);
    if (!result)
        explainRefusal(call);
    return result;
}

VIRSH_CONVERGE_EXPORT int
virDomainMigrateToURI3(virDomainPtr domain,
                       const char *dconnuri,
                       virTypedParameterPtr params,
                       unsigned int nparams,
                       unsigned int flags)
{
    __typeof__(&virDomainMigrateToURI3) next = virshConvergeNext(virDomainMigrateToURI3);
    g_autoptr(virshCall) call = virshCallBegin(domain, NULL, dconnuri, params, nparams, flags);
    int result;

    if (!call)
        return next(domain, dconnuri, params, nparams, flags);

    result = call->refused ? -1 :
                             next(domain, dconnuri, call->params, call->nparams, call->flags);
    virshCallEnd(call, result == 0);
    return result;
}
