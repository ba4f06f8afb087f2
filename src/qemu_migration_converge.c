/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_migration_converge.c: the driver module
 *
 * Wraps the calls that a libvirt daemon makes for a migration; the header lists them.  Each
 * wrapper removes the module's parameters and calls the next definition.  Perform also starts
 * and stops a job.
 */
#include <errno.h>
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "module/arrival.h"
#include "module/job_registry.h"
#include "module/job_stats.h"
#include "module/keeper.h"
#include "module/libvirt_check.h"
#include "module/metrics_writer.h"
#include "module/outgoing.h"
#include "module/preload.h"
#include "module/recovery.h"
#include "policy/policy_conf.h"
#include "qemu_migration_converge.h"
#include "util/text.h"

/* Filled in by the constructor, read-only afterwards. */
static convergeNext next;
static convergeLibvirt nextLibvirt;
static gboolean enabled;  /* in a daemon whose libvirt has all functions */
static gboolean recovers; /* in a daemon with any libvirt */

static int
runningId(virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    virDomainPtr found;
    int id = -1;

    if (virDomainGetUUIDString(domain, uuid) == 0 &&
        (found = virDomainLookupByUUIDString(virDomainGetConnect(domain), uuid))) {
        id = (int)virDomainGetID(found);
        virDomainFree(found);
    }
    return id;
}

static void
logGuest(const char *guest,
         const char *text)
{
    convergeDaemonLog("%s: %s", guest, text);
}

__attribute__((constructor)) static void
qemuMigrationConvergeLoad(void)
{
    static const char *const daemons[] = { "libvirtd", "virtqemud", NULL };
    const char *missing = convergeNextResolve(&next);

    convergeCallWatchInit(&next);

    /* virtproxyd runs the same code, and would start a second loop.  Any other process may
     * still start a daemon: a shell, valgrind, env. */
    if (!g_strv_contains(daemons, program_invocation_short_name))
        return;

    /* QEMU and every helper inherit the daemon's environment. */
    convergePreloadForget(&next);

    /* Recovery only needs public calls of libvirt. */
    recovers = TRUE;
    convergeRecoveryLoad(program_invocation_short_name);

    if (missing) {
        convergeDaemonLog("this libvirt has no %s, so migrations run without a policy; tested with libvirt %s",
                          missing, CONVERGE_LIBVIRT_TESTED);
        return;
    }

    nextLibvirt = (convergeLibvirt) {
        .caller = "daemon",
        .onHost = TRUE,
        .getId = runningId,
        .getJobStats = next.virDomainGetJobStats,
        .setMaxDowntime = next.virDomainMigrateSetMaxDowntime,
        .qemuMonitorCommand = virDomainQemuMonitorCommand,
        .startPostCopy = virDomainMigrateStartPostCopy,
        .suspend = virDomainSuspend,
        .resume = virDomainResume,
        .abortJob = virDomainAbortJob,
        .getState = virDomainGetState,
        .domainEventRegisterAny = virConnectDomainEventRegisterAny,
        .domainEventDeregisterAny = virConnectDomainEventDeregisterAny,
        .threadInit = convergeNextSetSystemIdentity,
        .log = logGuest,
    };
    convergeTextBind();
    enabled = TRUE;
    convergeDaemonLog("version %s is loaded, tested with libvirt %s, the default policy is '%s'",
                      PACKAGE_VERSION, CONVERGE_LIBVIRT_TESTED, CONVERGE_PRESET_DEFAULT);
}

__attribute__((destructor)) static void
qemuMigrationConvergeUnload(void)
{
    if (recovers)
        convergeRecoveryUnload();
}

/* --- Parameters --- */

/* The parameters of a migration without those of the module.  The array is new, but its
 * elements belong to the caller: the daemon frees those in its own array. */
typedef struct _convergeParams convergeParams;
struct _convergeParams {
    virTypedParameterPtr params;
    int n, most;           /* elements, and how many there is room for */
    int kept;              /* elements that belong to the caller; the module's own follow */
    convergeStated stated; /* texts are in the caller's array */
};

static void
convergeParamsClear(convergeParams *params)
{
    if (params->n > params->kept)
        virTypedParamsClear(&params->params[params->kept], params->n - params->kept);
    g_free(params->params);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(convergeParams, convergeParamsClear)

/* The destination's URI in a call of Perform; may be NULL.  A direct migration has that of QEMU
 * alone. */
static const char *
destinationUri(const char *dconnuri,
               virTypedParameterPtr params,
               int nparams)
{
    const char *uri = NULL;

    virTypedParamsGetString(params, nparams, VIR_MIGRATE_PARAM_URI, &uri);
    return dconnuri ? dconnuri : uri;
}

/* Replaces the caller's @params in a wrapper.  Removes the module's parameter even if it is
 * invalid; then sets @error. */
static void
splitParams(convergeParams *split,
            virTypedParameterPtr *params,
            int *nparams,
            GError **error)
{
    gboolean wrong = FALSE;
    int kept = 0;
    int i;

    split->params = g_new0(virTypedParameter, MAX(*nparams, 1));

    for (i = 0; i < *nparams; i++) {
        virTypedParameterPtr param = &(*params)[i];

        if (!g_str_equal(param->field, QEMU_MIGRATION_CONVERGE_PARAM_POLICY)) {
            split->params[kept++] = *param;
            convergeStatedTake(&split->stated, param);
        } else if (param->type != VIR_TYPED_PARAM_STRING || split->stated.policy) {
            wrong = TRUE;
        } else {
            split->stated.policy = param->value.s;
        }
    }
    split->most = MAX(*nparams, 1);
    split->n = split->kept = kept;
    *params = split->params;
    *nparams = kept;

    if (wrong)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("parameter '%1$s' must be a string and occur only once"),
                    QEMU_MIGRATION_CONVERGE_PARAM_POLICY);
}

/* --- Wrappers: source --- */

/* The client of a direct migration takes the cookie to the destination. */
static void
tellDestination(virDomainPtr domain,
                unsigned long flags,
                char **cookieout,
                int *cookieoutlen)
{
    g_autofree char *policy = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    convergeStatus status;

    if (!(flags & VIR_MIGRATE_PEER2PEER) && virDomainGetUUIDString(domain, uuid) == 0 &&
        convergeRegistryGetStatus(uuid, TRUE, &status, &policy))
        convergeArrivalTell(cookieout, cookieoutlen, &status, policy);
}

char *
virDomainMigrateBegin3Params(virDomainPtr domain,
                             virTypedParameterPtr params,
                             int nparams,
                             char **cookieout,
                             int *cookieoutlen,
                             unsigned int flags)
{
    g_auto(convergeParams) split = { 0 };
    g_auto(convergeOutgoing) outgoing = { 0 };
    GError *wrong = NULL;
    char *ret;

    /* Begin is the first call of a direct migration: a wrong policy is refused before anything
     * is prepared. */
    if (enabled) {
        splitParams(&split, &params, &nparams, &wrong);
        convergeOutgoingPrepare(&outgoing, domain, &nextLibvirt, &split.stated, wrong, flags);
        convergeOutgoingEnterBegin(&outgoing);
    }
    ret = next.virDomainMigrateBegin3Params(domain, params, nparams,
                                            cookieout, cookieoutlen, flags);
    if (enabled)
        convergeOutgoingLeaveBegin(&outgoing, ret != NULL);
    return ret;
}

/* @plain: memory goes as the caller asks
 * @again: set to whether the call should be made again with @plain */
static int
performOnce(virDomainPtr domain,
            const char *dconnuri,
            virTypedParameterPtr params,
            int nparams,
            const char *cookiein,
            int cookieinlen,
            char **cookieout,
            int *cookieoutlen,
            unsigned int flags,
            gboolean plain,
            gboolean *again)
{
    g_auto(convergeParams) split = { 0 };
    g_auto(convergeOutgoing) outgoing = { 0 };
    GError *wrong = NULL;
    int ret;

    if (enabled) {
        splitParams(&split, &params, &nparams, &wrong);
        convergeOutgoingPrepare(&outgoing, domain, &nextLibvirt, &split.stated, wrong, flags);
        if (!plain)
            convergeOutgoingPickTransport(&outgoing, dconnuri, &split.params, &split.n, &split.most);
        params = split.params;
        nparams = split.n;
        flags = (unsigned int)outgoing.flags;
        convergeOutgoingEnterPerform(&outgoing, destinationUri(dconnuri, params, nparams));
    }
    ret = next.virDomainMigratePerform3Params(domain, dconnuri, params, nparams,
                                              cookiein, cookieinlen, cookieout, cookieoutlen,
                                              flags);
    *again = enabled && ret < 0 && convergeOutgoingMayGoPlain(&outgoing);
    if (enabled)
        convergeOutgoingLeavePerform(&outgoing, ret == 0);
    if (enabled && ret == 0)
        tellDestination(domain, flags, cookieout, cookieoutlen);
    return ret;
}

int
virDomainMigratePerform3Params(virDomainPtr domain,
                               const char *dconnuri,
                               virTypedParameterPtr params,
                               int nparams,
                               const char *cookiein,
                               int cookieinlen,
                               char **cookieout,
                               int *cookieoutlen,
                               unsigned int flags)
{
    gboolean again;
    int ret = performOnce(domain, dconnuri, params, nparams, cookiein, cookieinlen,
                          cookieout, cookieoutlen, flags, FALSE, &again);

    if (again)
        ret = performOnce(domain, dconnuri, params, nparams, cookiein, cookieinlen,
                          cookieout, cookieoutlen, flags, TRUE, &again);
    return ret;
}

int
virDomainMigratePerform3(virDomainPtr domain,
                         const char *xmlin,
                         const char *cookiein,
                         int cookieinlen,
                         char **cookieout,
                         int *cookieoutlen,
                         const char *dconnuri,
                         const char *uri,
                         unsigned long flags,
                         const char *dname,
                         unsigned long resource)
{
    g_auto(convergeOutgoing) outgoing = { 0 };
    const convergeStated nothing = { 0 };
    int ret;

    if (enabled) {
        convergeOutgoingPrepare(&outgoing, domain, &nextLibvirt, &nothing, NULL, flags);
        flags = outgoing.flags;
        convergeOutgoingEnterPerform(&outgoing, dconnuri ? dconnuri : uri);
    }
    ret = next.virDomainMigratePerform3(domain, xmlin, cookiein, cookieinlen,
                                        cookieout, cookieoutlen, dconnuri, uri,
                                        flags, dname, resource);
    if (enabled)
        convergeOutgoingLeavePerform(&outgoing, ret == 0);
    if (enabled && ret == 0)
        tellDestination(domain, flags, cookieout, cookieoutlen);
    return ret;
}

int
virDomainMigrateConfirm3Params(virDomainPtr domain,
                               virTypedParameterPtr params,
                               int nparams,
                               const char *cookiein,
                               int cookieinlen,
                               unsigned int flags,
                               int cancelled)
{
    g_auto(convergeParams) split = { 0 };
    g_auto(convergeOutgoing) outgoing = { 0 };
    int ret;

    if (enabled) {
        splitParams(&split, &params, &nparams, NULL);
        convergeOutgoingEnterConfirm(&outgoing, domain, &nextLibvirt);
    }
    ret = next.virDomainMigrateConfirm3Params(domain, params, nparams,
                                              cookiein, cookieinlen, flags, cancelled);
    if (enabled)
        convergeOutgoingLeaveConfirm(&outgoing, cancelled != 0);
    return ret;
}

int
virDomainMigrateConfirm3(virDomainPtr domain,
                         const char *cookiein,
                         int cookieinlen,
                         unsigned long flags,
                         int cancelled)
{
    g_auto(convergeOutgoing) outgoing = { 0 };
    int ret;

    if (enabled)
        convergeOutgoingEnterConfirm(&outgoing, domain, &nextLibvirt);
    ret = next.virDomainMigrateConfirm3(domain, cookiein, cookieinlen, flags, cancelled);
    if (enabled)
        convergeOutgoingLeaveConfirm(&outgoing, cancelled != 0);
    return ret;
}

/* --- Wrappers: destination --- */

/* The source checks and applies the policy; the destination removes it, and remembers what it is
 * told at the end. */

int
virDomainMigratePrepare3Params(virConnectPtr dconn,
                               virTypedParameterPtr params,
                               int nparams,
                               const char *cookiein,
                               int cookieinlen,
                               char **cookieout,
                               int *cookieoutlen,
                               char **uri_out,
                               unsigned int flags)
{
    g_auto(convergeParams) split = { 0 };

    if (enabled)
        splitParams(&split, &params, &nparams, NULL);
    return next.virDomainMigratePrepare3Params(dconn, params, nparams, cookiein, cookieinlen,
                                               cookieout, cookieoutlen, uri_out, flags);
}

int
virDomainMigratePrepareTunnel3Params(virConnectPtr conn,
                                     virStreamPtr st,
                                     virTypedParameterPtr params,
                                     int nparams,
                                     const char *cookiein,
                                     int cookieinlen,
                                     char **cookieout,
                                     int *cookieoutlen,
                                     unsigned int flags)
{
    g_auto(convergeParams) split = { 0 };

    if (enabled)
        splitParams(&split, &params, &nparams, NULL);
    return next.virDomainMigratePrepareTunnel3Params(conn, st, params, nparams,
                                                     cookiein, cookieinlen,
                                                     cookieout, cookieoutlen, flags);
}

virDomainPtr
virDomainMigrateFinish3Params(virConnectPtr dconn,
                              virTypedParameterPtr params,
                              int nparams,
                              const char *cookiein,
                              int cookieinlen,
                              char **cookieout,
                              int *cookieoutlen,
                              unsigned int flags,
                              int cancelled)
{
    g_auto(convergeParams) split = { 0 };
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    virDomainPtr domain;

    if (enabled)
        splitParams(&split, &params, &nparams, NULL);
    domain = next.virDomainMigrateFinish3Params(dconn, params, nparams, cookiein, cookieinlen,
                                                cookieout, cookieoutlen, flags, cancelled);
    if (enabled && domain && virDomainGetUUIDString(domain, uuid) == 0)
        convergeArrivalNote(uuid, cookiein, cookieinlen);
    return domain;
}

/* --- Wrappers: any time --- */

/* Called in every turn of the daemon's main loop.  The first call shows that the daemon is up,
 * in the process that stays after all forks. */
int
virEventRunDefaultImpl(void)
{
    if (recovers) {
        convergeRecoveryStart();
        convergeKeeperRecover();
    }
    if (enabled) {
        convergeLibvirtCheckStart(convergeRecoveryUri(), next.virDomainGetJobStats);
        convergeMetricsWriterStart(CONVERGE_POLICY_CONF);
    }

    return next.virEventRunDefaultImpl();
}

int
virDomainMigrateSetMaxDowntime(virDomainPtr domain,
                               unsigned long long downtime,
                               unsigned int flags)
{
    gint64 ms = (gint64)MIN(downtime, (unsigned long long)G_MAXINT32);
    gint64 effective;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    int ret;

    if (!enabled || virDomainGetUUIDString(domain, uuid) < 0)
        return next.virDomainMigrateSetMaxDowntime(domain, downtime, flags);

    if ((effective = convergeRegistryOutsideDowntime(uuid, ms)) != ms)
        downtime = effective;

    /* The value counts only if libvirt permits the call. */
    ret = next.virDomainMigrateSetMaxDowntime(domain, downtime, flags);
    if (ret == 0)
        convergeRegistrySetCeiling(uuid, ms);
    return ret;
}

/* A migration that waits for its turn waits no longer. */
static int
aborted(virDomainPtr domain,
        int ret)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    if (enabled && ret == 0 && virDomainGetUUIDString(domain, uuid) == 0)
        convergeLinkTurnAbort(uuid);
    return ret;
}

int
virDomainAbortJob(virDomainPtr domain)
{
    return aborted(domain, next.virDomainAbortJob(domain));
}

int
virDomainAbortJobFlags(virDomainPtr domain,
                       unsigned int flags)
{
    return aborted(domain, next.virDomainAbortJobFlags(domain, flags));
}

/* The status of a migration that waits for its turn on the link. */
static gboolean
waitingStatus(const char *uuid,
              convergeStatus *status)
{
    g_autofree char *why = convergeLinkTurnExplain(uuid);

    if (!why)
        return FALSE;
    *status = (convergeStatus) { .state = CONVERGE_STATE_WAITING };
    convergeTextCopy(status->reason, sizeof(status->reason), why);
    return TRUE;
}

int
virDomainGetJobStats(virDomainPtr domain,
                     int *type,
                     virTypedParameterPtr *params,
                     int *nparams,
                     unsigned int flags)
{
    g_autofree char *policy = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    convergeStatus status;
    gboolean known = FALSE;
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    int ret = next.virDomainGetJobStats(domain, type, params, nparams, flags);

    if (!enabled || ret < 0)
        return ret;

    if (virDomainGetUUIDString(domain, uuid) < 0)
        uuid[0] = '\0';

    /* The last job of a domain may be of another kind. */
    virTypedParamsGetInt(*params, *nparams, VIR_DOMAIN_JOB_OPERATION, &operation);
    if (operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
        known = convergeRegistryGetStatus(uuid, !!(flags & VIR_DOMAIN_JOB_STATS_COMPLETED),
                                          &status, &policy) ||
            (*type != VIR_DOMAIN_JOB_NONE && waitingStatus(uuid, &status));
    /* Of a failed migration libvirt tells nothing. */
    if (!known && *type == VIR_DOMAIN_JOB_NONE)
        known = convergeRegistryGetFailed(uuid, &status, &policy);

    convergeJobStatsAppend(params, nparams, known ? &status : NULL, policy);
    if (operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN && *type == VIR_DOMAIN_JOB_COMPLETED)
        convergeArrivalAppend(uuid, params, nparams);
    return ret;
}

/* A domain has no metadata of ours with that URI; libvirt has checked the right to read it. */
char *
virDomainGetMetadata(virDomainPtr domain,
                     int type,
                     const char *uri,
                     unsigned int flags)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    gboolean ours = enabled && g_strcmp0(uri, QEMU_MIGRATION_CONVERGE_HISTORY_URI) == 0 &&
        virDomainGetUUIDString(domain, uuid) == 0;
    char *metadata = next.virDomainGetMetadata(domain, type, uri, flags);
    g_autofree char *history = NULL;

    if (metadata || !ours || virGetLastErrorCode() != VIR_ERR_NO_DOMAIN_METADATA ||
        !(history = convergeKeeperTell(uuid)))
        return metadata;

    virResetLastError();
    return strdup(history); /* the daemon frees it with free() */
}
