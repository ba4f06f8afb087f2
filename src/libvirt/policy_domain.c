/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_domain.c: the policy of one migration of one domain, from all its layers
 */
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "libvirt/policy_domain.h"
#include "policy/policy_conf.h"
#include "policy/policy_xml.h"
#include "qemu/libvirt_calls.h"

/* What the domain's live XML states; an empty spec if it has no policy.  A missing domain is
 * no error here: the migration itself will report it. */
static convergePolicySpec *
domainSpec(virDomainPtr dom,
           GError **error)
{
    g_autoptr(convergePolicySpec) spec = NULL;
    char *xml = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT,
                                     CONVERGE_POLICY_XML_NS, VIR_DOMAIN_AFFECT_CURRENT);

    if (!xml && (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_METADATA || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN))
        return convergePolicySpecNew();
    if (!xml) {
        convergeLibvirtSetError(error, _("cannot read the policy of the domain"));
        return NULL;
    }

    spec = convergePolicySpecFromXML(xml, error);
    free(xml);
    return g_steal_pointer(&spec);
}

convergePolicy *
convergePolicyForDomain(virDomainPtr dom,
                        const char *stated,
                        gboolean requested,
                        const char *confPath,
                        GError **error)
{
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { NULL };
    g_autoptr(convergePolicyConf) conf = NULL;
    g_autoptr(convergePolicySpec) domain = NULL;
    g_autoptr(convergePolicySpec) call = NULL;
    g_autoptr(convergePolicy) policy = NULL;

    if (!(call = convergePolicySpecParse(stated, error)) ||
        !(domain = domainSpec(dom, error)) ||
        (confPath && !(conf = convergePolicyConfLoad(confPath, error))))
        return NULL;

    layers[CONVERGE_LAYER_CALL] = call;
    layers[CONVERGE_LAYER_DOMAIN] = domain;
    layers[CONVERGE_LAYER_HOST] = conf ? convergePolicyConfGetDefault(conf) : NULL;
    policy = convergePolicyResolve(layers, conf ? convergePolicyConfGetHost(conf) : NULL, error);

    if (policy && !stated && !requested &&
        convergePolicyGet(policy, CONVERGE_FIELD_WHEN) != CONVERGE_WHEN_ALWAYS)
        return NULL;

    return g_steal_pointer(&policy);
}
