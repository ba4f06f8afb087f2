/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_commands.c: what our commands do with a domain
 *
 * Each of them has become virsh's own "metadata DOMAIN URI" (command_table.h).  virsh
 * looks up the domain; in its call for the metadata we do our part, and what that
 * returns virsh prints.
 */
#include <stdlib.h>
#include <string.h>

#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "engine/status_table.h"
#include "policy/policy_xml.h"
#include "qemu_migration_converge.h"
#include "util/error.h"
#include "util/json.h"
#include "util/text.h"

#include "command_local.h"
#include "command_table.h"
#include "shim.h"
#include "stat_text.h"

/* The message is ours; what libvirt said before must not follow it. */
static void
fail(const GError *error)
{
    virshConvergePrint(_("error: %1$s"), error->message);
    virResetLastError();
}

convergePolicySpec *
virshConvergeReadSpec(virDomainPtr dom,
                      unsigned int flags,
                      gboolean *missing,
                      GError **error)
{
    convergePolicySpec *spec;
    char *xml;

    virshConvergeErrorsMute(TRUE);
    xml = virshConvergeNext(virDomainGetMetadata)(dom, VIR_DOMAIN_METADATA_ELEMENT,
                                                  CONVERGE_POLICY_XML_NS, flags);
    virshConvergeErrorsMute(FALSE);

    *missing = !xml && virGetLastError() && virGetLastError()->code == VIR_ERR_NO_DOMAIN_METADATA;
    if (*missing)
        virResetLastError();
    if (!xml)
        return NULL;

    spec = convergePolicySpecFromXML(xml, error);
    free(xml);
    return spec;
}

convergeDomainFacts *
virshConvergeReadFacts(virDomainPtr dom)
{
    convergeDomainFacts *facts;
    char *xml;

    virshConvergeErrorsMute(TRUE);
    xml = virDomainGetXMLDesc(dom, 0);
    virshConvergeErrorsMute(FALSE);
    if (!xml)
        virResetLastError();

    facts = xml ? convergeDomainFactsFromXML(xml, NULL) : NULL;
    free(xml);
    return facts;
}

static char *
doShow(virDomainPtr dom,
       unsigned int flags,
       gboolean json,
       GError **error)
{
    gboolean missing;
    g_autoptr(convergePolicySpec) spec = virshConvergeReadSpec(dom, flags, &missing, error);

    if (missing)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("domain '%1$s' has no convergence policy"), virDomainGetName(dom));

    if (!spec)
        return NULL;
    return json ? g_strchomp(virshConvergeSpecJSON(spec)) : convergePolicySpecFormat(spec);
}

char *
virshConvergeRemoteHost(virConnectPtr conn)
{
    char *text = virConnectGetURI(conn);
    g_autoptr(GUri) uri = text ? g_uri_parse(text, G_URI_FLAGS_NON_DNS, NULL) : NULL;
    const char *host = uri ? g_uri_get_host(uri) : NULL;

    free(text);
    if (!host || !*host || g_str_equal(host, "localhost") || g_str_equal(host, g_get_host_name()))
        return NULL;
    return g_strdup(host);
}

static char *
remoteHost(virDomainPtr dom)
{
    return virshConvergeRemoteHost(virDomainGetConnect(dom));
}

static char *
doExplain(virDomainPtr dom,
          const char *call,
          gboolean json,
          GError **error)
{
    g_autofree char *host = remoteHost(dom);
    gboolean missing;
    g_autoptr(convergePolicySpec) spec = virshConvergeReadSpec(dom, VIR_DOMAIN_AFFECT_CURRENT, &missing, error);
    g_autoptr(convergeDomainFacts) facts = NULL;
    char *text;

    if (!spec && !missing)
        return NULL;

    facts = virshConvergeReadFacts(dom);
    text = virshConvergeExplain(call, &(virshConvergeDomain) { spec, facts }, json, error);
    if (text && host)
        virshConvergePrint(_("note: the layer of the host is that of this machine, not of '%1$s'"),
                           host);
    return text ? g_strchomp(text) : NULL; /* virsh adds the last end of line again */
}

static char *
doEstimate(virDomainPtr dom,
           const char *words,
           GError **error)
{
    g_autofree char *host = remoteHost(dom);
    gboolean missing;
    g_autoptr(convergePolicySpec) spec = virshConvergeReadSpec(dom, VIR_DOMAIN_AFFECT_CURRENT, &missing, error);
    g_autoptr(convergeDomainFacts) facts = NULL;
    char *text;

    if (!spec && !missing)
        return NULL;

    facts = virshConvergeReadFacts(dom);
    /* What libvirt says is part of our own message. */
    virshConvergeErrorsMute(TRUE);
    text = virshConvergeEstimate(dom, words, &(virshConvergeDomain) { spec, facts }, host, error);
    virshConvergeErrorsMute(FALSE);
    return text ? g_strchomp(text) : NULL;
}

/* Appends one line, if libvirt returned this statistic. */
static void
appendStat(GString *text,
           virTypedParameterPtr stats,
           int nstats,
           const convergeStat *stat)
{
    g_autofree char *value = virshConvergeStatText(stats, nstats, stat);

    if (value)
        g_string_append_printf(text, "%s%s: %s", text->len ? "\n" : "", stat->name, value);
}

/* The statistics of the job that is of interest: between two migrations the last one, also where
 * the guest has left with it.  Asking must not make the host forget it. */
static gboolean
getStats(virDomainPtr dom,
         virTypedParameterPtr *stats,
         int *nstats)
{
    virTypedParameterPtr last = NULL;
    gboolean known;
    int nlast = 0;
    int type;

    virshConvergeErrorsMute(TRUE);
    known = virDomainGetJobStats(dom, &type, stats, nstats, 0) == 0;
    if ((!known || !virTypedParamsGet(*stats, *nstats, QEMU_MIGRATION_CONVERGE_STAT_STATE)) &&
        virDomainGetJobStats(dom, &type, &last, &nlast,
                             VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED) == 0) {
        virTypedParamsFree(*stats, *nstats);
        *stats = last;
        *nstats = nlast;
        known = TRUE;
    }
    virshConvergeErrorsMute(FALSE);
    if (known)
        virResetLastError();
    return known;
}

static char *
doStatus(virDomainPtr dom,
         gboolean json)
{
    g_autoptr(GString) text = g_string_new(NULL);
    virTypedParameterPtr stats = NULL;
    int nstats = 0;
    int operation;
    gsize i;

    if (!getStats(dom, &stats, &nstats))
        return NULL;

    /* Whatever has controlled that migration has done so on the other host. */
    if (virTypedParamsGetInt(stats, nstats, VIR_DOMAIN_JOB_OPERATION, &operation) == 1 &&
        operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN &&
        !virTypedParamsGet(stats, nstats, QEMU_MIGRATION_CONVERGE_STAT_STATE))
        virshConvergePrint(_("note: the domain has come here by migration; what was decided in it is on the host that it came from, where virt-converge-journal prints it"));

    if (json) {
        char *object = convergeJSONWrite(virshConvergeStatObject(stats, nstats), TRUE);

        virTypedParamsFree(stats, nstats);
        return object;
    }

    if (!virTypedParamsGet(stats, nstats, QEMU_MIGRATION_CONVERGE_STAT_MODULE))
        g_string_append(text, _("module: not loaded"));
    for (i = 0; i < convergeStatCount; i++)
        appendStat(text, stats, nstats, &convergeStats[i]);

    virTypedParamsFree(stats, nstats);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

VIRSH_CONVERGE_EXPORT char *
virDomainGetMetadata(virDomainPtr domain,
                     int type,
                     const char *uri,
                     unsigned int flags)
{
    g_autofree char *policy = NULL;
    g_autoptr(GError) error = NULL;
    virshConvergeVerb verb;
    gboolean json;
    g_autofree char *text = NULL;

    if (!virshConvergeActive() || !uri || !virshConvergeCommandParse(uri, &verb, &json, &policy))
        return virshConvergeNext(virDomainGetMetadata)(domain, type, uri, flags);

    if (verb == VIRSH_VERB_SHOW)
        text = doShow(domain, flags, json, &error);
    else if (verb == VIRSH_VERB_EXPLAIN)
        text = doExplain(domain, policy, json, &error);
    else if (verb == VIRSH_VERB_STATUS)
        text = doStatus(domain, json);
    else if (verb == VIRSH_VERB_ESTIMATE)
        text = doEstimate(domain, policy, &error);

    if (error)
        fail(error);

    /* virsh frees it with free(). */
    return text ? strdup(text) : NULL;
}

/* The XML of the policy that virsh has been given in its place. */
static char *
policyXML(virDomainPtr dom,
          const char *text,
          GError **error)
{
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(text, error);
    g_autofree char *host = remoteHost(dom);
    g_autoptr(GError) wrong = NULL;

    if (!spec)
        return NULL;

    if (!virshConvergePolicyCheck(text, &wrong)) {
        /* Another host may have policies of its own. */
        if (!host) {
            g_propagate_error(error, g_steal_pointer(&wrong));
            return NULL;
        }
        virshConvergePrint(_("warning: %1$s"), wrong->message);
    }

    return convergePolicySpecToXML(spec);
}

VIRSH_CONVERGE_EXPORT int
virDomainSetMetadata(virDomainPtr domain,
                     int type,
                     const char *metadata,
                     const char *key,
                     const char *uri,
                     unsigned int flags)
{
    __typeof__(&virDomainSetMetadata) next = virshConvergeNext(virDomainSetMetadata);
    g_autofree char *policy = NULL;
    g_autofree char *xml = NULL;
    g_autoptr(GError) error = NULL;
    virshConvergeVerb verb;
    gboolean json;
    int result;

    if (!virshConvergeActive() || !uri || !virshConvergeCommandParse(uri, &verb, &json, &policy))
        return next(domain, type, metadata, key, uri, flags);

    if (verb == VIRSH_VERB_SET && !(xml = policyXML(domain, metadata, &error))) {
        fail(error);
        return -1;
    }

    result = next(domain, type, xml, key, CONVERGE_POLICY_XML_NS, flags);
    if (result == 0 && verb == VIRSH_VERB_SET)
        virshConvergeSayInstead("Metadata modified", _("Convergence policy set"));
    else if (result == 0)
        virshConvergeSayInstead("Metadata removed", _("Convergence policy cleared"));
    return result;
}
