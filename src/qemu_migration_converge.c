/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_migration_converge.c: the driver module
 *
 * Wraps the calls that a libvirt daemon makes for a migration; see the header for
 * which and why.  Each wrapper looks the same: take what is ours out of the
 * parameters, call the next definition.  Perform also brackets a job.
 */
#include <errno.h>
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "engine/postcopy.h"
#include "module/job_registry.h"
#include "module/job_stats.h"
#include "module/libvirt_next.h"
#include "module/preload.h"
#include "module/recovery.h"
#include "policy/policy_conf.h"
#include "policy/policy_domain.h"
#include "qemu_migration_converge.h"

/* Filled in by the constructor, read-only afterwards. */
static convergeNext next;
static convergeLibvirt nextLibvirt;
static gboolean enabled;        /* in a daemon whose libvirt we understand */

__attribute__((constructor)) static void
qemuMigrationConvergeLoad(void)
{
    static const char *const daemons[] = { "libvirtd", "virtqemud", NULL };
    const char *missing = convergeNextResolve(&next);

    /* virtproxyd runs the same code, and would make a second loop.  Whatever else
     * this is may be on its way to start a daemon: a shell, valgrind, env. */
    if (!g_strv_contains(daemons, program_invocation_short_name))
        return;

    /* QEMU and every helper inherit the daemon's environment. */
    convergePreloadForget(&next);

    if (missing) {
        convergeNextLog("libvirt has no %s, migrations go on as stock", missing);
        return;
    }

    nextLibvirt = (convergeLibvirt) {
        .caller = "daemon",
        .onHost = TRUE,
        .getJobStats = next.virDomainGetJobStats,
        .setMaxDowntime = next.virDomainMigrateSetMaxDowntime,
        .qemuMonitorCommand = virDomainQemuMonitorCommand,
        .startPostCopy = virDomainMigrateStartPostCopy,
        .suspend = virDomainSuspend,
        .abortJob = virDomainAbortJob,
        .getState = virDomainGetState,
        .domainEventRegisterAny = virConnectDomainEventRegisterAny,
        .domainEventDeregisterAny = virConnectDomainEventDeregisterAny,
        .threadInit = convergeNextSetSystemIdentity,
    };
    bindtextdomain(GETTEXT_PACKAGE, LOCALEDIR);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    enabled = TRUE;
    convergeNextLog("version %s is in, the default policy is '%s'",
                    PACKAGE_VERSION, CONVERGE_PRESET_DEFAULT);
    convergeRecoveryLoad(program_invocation_short_name);
}

__attribute__((destructor)) static void
qemuMigrationConvergeUnload(void)
{
    if (enabled)
        convergeRecoveryUnload();
}

/* --- Parameters --- */

/* A migration's parameters without ours.  The array is new, its elements are the
 * caller's: the daemon frees those in its own array. */
typedef struct _convergeParams convergeParams;
struct _convergeParams {
    virTypedParameterPtr params;
    int nparams;
    const char *policy;         /* in the caller's array; NULL: not stated */
    gboolean throttle;          /* the caller states how QEMU is to throttle */
};

static void
convergeParamsClear(convergeParams *params)
{
    g_free(params->params);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(convergeParams, convergeParamsClear)

/* Ours is taken out even where it is wrong, which is FALSE with @error set. */
static gboolean
splitParams(convergeParams *split,
            virTypedParameterPtr params,
            int nparams,
            GError **error)
{
    gboolean wrong = FALSE;
    int i;

    split->params = g_new0(virTypedParameter, MAX(nparams, 1));

    for (i = 0; i < nparams; i++) {
        if (!g_str_equal(params[i].field, QEMU_MIGRATION_CONVERGE_PARAM_POLICY)) {
            split->params[split->nparams++] = params[i];
            if (g_str_equal(params[i].field, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL) ||
                g_str_equal(params[i].field, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT))
                split->throttle = TRUE;
        } else if (params[i].type != VIR_TYPED_PARAM_STRING || split->policy) {
            wrong = TRUE;
        } else {
            split->policy = params[i].value.s;
        }
    }

    if (wrong)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("parameter '%1$s' must be a string, stated once"),
                    QEMU_MIGRATION_CONVERGE_PARAM_POLICY);
    return !wrong;
}

static void
raiseError(const GError *error)
{
    /* libvirt's own wording for this code. */
    g_autofree char *message = g_strdup_printf(_("invalid argument: %1$s"), error->message);

    convergeNextSetError(VIR_ERR_INVALID_ARG, message);
}

/* --- The job around Perform --- */

/* Which policy steers a migration with these flags.  NULL without @error: none. */
static convergePolicy *
choosePolicy(virDomainPtr domain,
             const char *stated,
             unsigned long flags,
             GError **error)
{
    gboolean requested = (flags & VIR_MIGRATE_AUTO_CONVERGE) != 0;
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(GError) wrong = NULL;

    if (!(flags & VIR_MIGRATE_LIVE) ||
        (flags & (VIR_MIGRATE_OFFLINE | VIR_MIGRATE_POSTCOPY_RESUME))) {
        if (stated)
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("parameter '%1$s' is for live migrations only (VIR_MIGRATE_LIVE)"),
                        QEMU_MIGRATION_CONVERGE_PARAM_POLICY);
        return NULL;
    }

    policy = convergePolicyForDomain(domain, stated, requested, CONVERGE_POLICY_CONF, &wrong);

    /* Somebody else's mistake is no reason to refuse who asked for nothing. */
    if (wrong && !stated && !requested)
        convergeNextLog("%s goes on as stock: %s", virDomainGetName(domain), wrong->message);
    else if (wrong)
        g_propagate_error(error, g_steal_pointer(&wrong));

    return g_steal_pointer(&policy);
}

/* Starts and registers the job; NULL, with one line in the log, where that cannot be
 * done: the migration then goes on as stock. */
static convergeJob *
startJob(virDomainPtr domain,
         const char *uuid,
         const convergePolicy *policy,
         const convergeParams *params,
         unsigned long flags)
{
    g_autofree char *journalDir = convergeJournalDefaultDir();
    convergeJobOptions options = {
        .journalDir = journalDir,
        .postcopy = convergePostcopyFind(domain, flags),
        .callerThrottle = params->throttle,
    };
    g_autoptr(GError) error = NULL;
    convergeJob *job;

    if (!convergeRecoveryDomain(domain, &error)) {
        convergeNextLog("%s goes on as stock: %s", uuid, error->message);
        return NULL;
    }

    /* libvirt will refuse a second migration of a domain, or make it wait. */
    if (!convergeRegistryReserve(uuid)) {
        convergeNextLog("%s is being migrated already, this call is left alone", uuid);
        return NULL;
    }

    if (!(job = convergeJobStart(domain, policy, &nextLibvirt, &options, &error)))
        convergeNextLog("%s goes on as stock: %s", uuid, error->message);
    convergeRegistryAdd(uuid, job);
    return job;
}

static void
logTrouble(convergeJob *job,
           const char *uuid)
{
    g_autofree char *trouble = convergeJobTakeTrouble(job);

    if (trouble)
        convergeNextLog("%s: %s", uuid, trouble);
}

/* Calls nothing of libvirt: the caller's last error must survive. */
static void
endPerform(convergeJob *job,
           const char *uuid,
           gboolean succeeded,
           unsigned long flags)
{
    if (!job)
        return;

    convergeJobStop(job, succeeded);
    logTrouble(job, uuid);
    convergeRegistryFinish(uuid, succeeded);
    /* Without a client in between, Confirm was part of it. */
    if (succeeded && (flags & VIR_MIGRATE_PEER2PEER))
        convergeRegistryConfirm(uuid);
}

/* The guest goes on running on the source although Perform succeeded. */
static void
undoPending(virDomainPtr domain,
            const char *uuid)
{
    g_autoptr(convergeJob) job = convergeRegistryTakePending(uuid);

    if (!job)
        return;
    convergeJobRestore(job, domain);
    logTrouble(job, uuid);
}

/* The part of Perform that comes before the next definition.  FALSE: an error was
 * raised. */
static gboolean
beginPerform(virDomainPtr domain,
             const convergeParams *params,
             unsigned long *flags,
             char uuid[VIR_UUID_STRING_BUFLEN],
             convergeJob **job)
{
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(GError) error = NULL;

    *job = NULL;
    policy = choosePolicy(domain, params->policy, *flags, &error);
    if (error) {
        raiseError(error);
        return FALSE;
    }

    if (virDomainGetUUIDString(domain, uuid) < 0)
        return TRUE;    /* the next definition will say what is wrong */

    /* Of an earlier migration whose client never came to confirm it. */
    undoPending(domain, uuid);

    if (!policy) {
        convergeRegistryForget(uuid);
        return TRUE;
    }

    /* The capability cannot be switched on later; and where nobody is to throttle, not
     * having it is the one way to be sure. */
    if (convergePolicyGet(policy, CONVERGE_FIELD_THROTTLE) != CONVERGE_THROTTLE_NONE)
        *flags |= VIR_MIGRATE_AUTO_CONVERGE;
    else if (!params->throttle)
        *flags &= ~(unsigned long)VIR_MIGRATE_AUTO_CONVERGE;

    *job = startJob(domain, uuid, policy, params, *flags);
    return TRUE;
}

/* --- Wrappers: source --- */

char *
virDomainMigrateBegin3Params(virDomainPtr domain,
                             virTypedParameterPtr params,
                             int nparams,
                             char **cookieout,
                             int *cookieoutlen,
                             unsigned int flags)
{
    g_auto(convergeParams) split = { 0 };
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(GError) error = NULL;

    if (!enabled)
        return next.virDomainMigrateBegin3Params(domain, params, nparams,
                                                 cookieout, cookieoutlen, flags);

    /* The first that a direct migration asks of the source: refuse a wrong policy
     * before anything is prepared. */
    if (splitParams(&split, params, nparams, &error))
        policy = choosePolicy(domain, split.policy, flags, &error);
    if (error) {
        raiseError(error);
        return NULL;
    }

    return next.virDomainMigrateBegin3Params(domain, split.params, split.nparams,
                                             cookieout, cookieoutlen, flags);
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
    g_auto(convergeParams) split = { 0 };
    g_autoptr(GError) error = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    unsigned long jobFlags = flags;
    convergeJob *job;
    int ret;

    if (!enabled)
        return next.virDomainMigratePerform3Params(domain, dconnuri, params, nparams,
                                                   cookiein, cookieinlen,
                                                   cookieout, cookieoutlen, flags);

    if (!splitParams(&split, params, nparams, &error)) {
        raiseError(error);
        return -1;
    }

    if (!beginPerform(domain, &split, &jobFlags, uuid, &job))
        return -1;

    ret = next.virDomainMigratePerform3Params(domain, dconnuri, split.params, split.nparams,
                                              cookiein, cookieinlen,
                                              cookieout, cookieoutlen, (unsigned int)jobFlags);
    endPerform(job, uuid, ret == 0, jobFlags);
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
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    const convergeParams none = { 0 };
    convergeJob *job = NULL;
    int ret;

    if (enabled && !beginPerform(domain, &none, &flags, uuid, &job))
        return -1;

    ret = next.virDomainMigratePerform3(domain, xmlin, cookiein, cookieinlen,
                                        cookieout, cookieoutlen, dconnuri, uri,
                                        flags, dname, resource);
    endPerform(job, uuid, ret == 0, flags);
    return ret;
}

static void
afterConfirm(virDomainPtr domain,
             const char *uuid,
             int cancelled)
{
    if (cancelled)
        undoPending(domain, uuid);
    else
        convergeRegistryConfirm(uuid);
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
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    int ret;

    if (!enabled)
        return next.virDomainMigrateConfirm3Params(domain, params, nparams,
                                                   cookiein, cookieinlen, flags, cancelled);

    splitParams(&split, params, nparams, NULL);
    virDomainGetUUIDString(domain, uuid);

    ret = next.virDomainMigrateConfirm3Params(domain, split.params, split.nparams,
                                              cookiein, cookieinlen, flags, cancelled);
    afterConfirm(domain, uuid, cancelled);
    return ret;
}

int
virDomainMigrateConfirm3(virDomainPtr domain,
                         const char *cookiein,
                         int cookieinlen,
                         unsigned long flags,
                         int cancelled)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    int ret;

    if (enabled)
        virDomainGetUUIDString(domain, uuid);

    ret = next.virDomainMigrateConfirm3(domain, cookiein, cookieinlen, flags, cancelled);
    if (enabled)
        afterConfirm(domain, uuid, cancelled);
    return ret;
}

/* --- Wrappers: destination --- */

/* The source has checked the policy and acts on it; here it is only in the way. */
static void
letPass(convergeParams *split,
        virTypedParameterPtr *params,
        int *nparams)
{
    if (!enabled)
        return;

    splitParams(split, *params, *nparams, NULL);
    *params = split->params;
    *nparams = split->nparams;
}

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

    letPass(&split, &params, &nparams);

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

    letPass(&split, &params, &nparams);

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

    letPass(&split, &params, &nparams);

    return next.virDomainMigrateFinish3Params(dconn, params, nparams, cookiein, cookieinlen,
                                              cookieout, cookieoutlen, flags, cancelled);
}

/* --- Wrappers: any time --- */

/* Every turn of the daemon's main loop: the first sign that it is up, in the process that
 * will stay. */
int
virEventRunDefaultImpl(void)
{
    if (enabled)
        convergeRecoveryStart();

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

    /* Whether the caller may is for libvirt to say: only then it counts. */
    ret = next.virDomainMigrateSetMaxDowntime(domain, downtime, flags);
    if (ret == 0)
        convergeRegistrySetCeiling(uuid, ms);
    return ret;
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
    int operation;
    int ret = next.virDomainGetJobStats(domain, type, params, nparams, flags);

    if (!enabled || ret < 0)
        return ret;

    /* The last job of a domain may be of another kind, or have come from elsewhere. */
    if (virDomainGetUUIDString(domain, uuid) == 0 &&
        virTypedParamsGetInt(*params, *nparams, VIR_DOMAIN_JOB_OPERATION, &operation) == 1 &&
        operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
        known = convergeRegistryGetStatus(uuid, !!(flags & VIR_DOMAIN_JOB_STATS_COMPLETED),
                                          &status, &policy);

    convergeJobStatsAppend(params, nparams, known ? &status : NULL, policy);
    return ret;
}
