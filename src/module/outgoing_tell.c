/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outgoing_tell.c: what the daemon's log and the caller's error say of a policy
 */
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "module/outgoing_priv.h"
#include "policy/policy_conf.h"
#include "policy/policy_effect.h"
#include "policy/policy_fields.h"

/* The content of the host's configuration goes to the host's log only.  The client learns the
 * name of the file and, if known, of the wrong field. */
static char *
hostErrorForClient(const GError *error)
{
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_autofree char *quoted = g_strdup_printf("'%s'", convergeFields[i].name);

        if (strstr(error->message, quoted))
            return g_strdup_printf(_("field '%1$s' in the host's configuration '%2$s' is wrong; see the daemon's log"),
                                   convergeFields[i].name, CONVERGE_POLICY_CONF);
    }
    return g_strdup_printf(_("the host's configuration '%1$s' is wrong or cannot be read; see the daemon's log"),
                           CONVERGE_POLICY_CONF);
}

void
outgoingRaise(const GError *error)
{
    g_autofree char *text = NULL;
    g_autofree char *message = NULL;

    if (g_error_matches(error, CONVERGE_ERROR, CONVERGE_ERROR_RIGHTS)) {
        message = g_strdup_printf(_("access denied: %1$s"), error->message);
        convergeDaemonSetError(VIR_ERR_ACCESS_DENIED, message);
        return;
    }

    if (g_error_matches(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST)) {
        convergeDaemonLog("%s", error->message);
        text = hostErrorForClient(error);
    }
    /* libvirt's own wording for this code. */
    message = g_strdup_printf(_("invalid argument: %1$s"), text ? text : error->message);
    convergeDaemonSetError(VIR_ERR_INVALID_ARG, message);
}

/* Logs the fields of the domain's policy that the host has limited or locked. */
static void
logLimits(const convergeOutgoing *outgoing)
{
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_autofree char *value = NULL;

        if (!convergePolicyIsLimited(outgoing->policy, i))
            continue;
        value = convergeFieldFormat(i, convergePolicyGet(outgoing->policy, i));
        convergeDaemonLog(convergePolicyIsLocked(outgoing->policy, i) ?
                              "%s: the host locks field '%s' to '%s'; the domain's value is ignored" :
                              "%s: the host limits field '%s' of the domain's policy to '%s'",
                          outgoing->name, convergeFields[i].name, value);
    }
}

/* Logs which rule of the host applies. */
static void
logRule(const convergeOutgoing *outgoing)
{
    const char *rule = convergePolicyGetRule(outgoing->policy);

    if (rule)
        convergeDaemonLog("%s: rule '%s' applies (%s)", outgoing->name, rule,
                          convergePolicyGetRulePlace(outgoing->policy));
}

/* Logs what the call states without effect. */
static void
logIdle(const convergeOutgoing *outgoing)
{
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_autoptr(GError) error = NULL;

        if ((convergePolicyGetLayer(outgoing->policy, i) == CONVERGE_LAYER_CALL ||
             (i == CONVERGE_FIELD_INITIAL_THROTTLE && outgoing->stated.initial != 0) ||
             (i == CONVERGE_FIELD_THROTTLE_INCREMENT && outgoing->stated.increment != 0)) &&
            !convergePolicyHasEffect(outgoing->policy, i, &error))
            convergeDaemonLog("%s: stated by the call: %s", outgoing->name, error->message);
    }
}

void
outgoingLogPolicy(const convergeOutgoing *outgoing)
{
    const char *warning = convergePolicyWarning(outgoing->policy);

    logRule(outgoing);
    logLimits(outgoing);
    logIdle(outgoing);
    if (warning)
        convergeDaemonLog("%s: %s", outgoing->name, warning);
}

void
outgoingExplainFailure(convergeJob *job)
{
    const virError *error = virGetLastError();
    g_autofree char *message = NULL;
    g_autofree char *text = NULL;
    convergeVerb rung;

    if (!error || !(text = convergeJobExplainRung(job, &rung)) || rung == CONVERGE_VERB_POSTCOPY)
        return;

    /* This is libvirt's own wording for the code; libvirt itself would blame the client. */
    if (rung == CONVERGE_VERB_ABORT) {
        message = g_strdup_printf(_("operation aborted: %1$s"), text);
        convergeDaemonSetError(VIR_ERR_OPERATION_ABORTED, message);
    } else {
        message = g_strdup_printf("%s (%s)", error->message, text);
        convergeDaemonSetError((virErrorNumber)error->code, message);
    }
}

void
outgoingLogFailure(convergeJob *job)
{
    convergeStatus status;

    convergeJobGetStatus(job, &status);
    if (status.journal[0])
        convergeDaemonLog("%s: the migration has failed; virt-converge-journal %s prints what was decided in it",
                          convergeJobGetName(job), status.journal);
}
