/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_domain.c: the policy of one migration of one domain, from all its layers
 */
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "libvirt/policy_domain.h"
#include "policy/policy_conf.h"
#include "policy/policy_effect.h"
#include "policy/policy_fields.h"
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

/* Sets @rule to the layer of the rule of @conf that applies to the domain, or to NULL.  As above, a
 * missing domain is no error. */
static gboolean
findRule(virDomainPtr dom,
         const convergePolicyConf *conf,
         const convergePolicySpec **rule,
         GError **error)
{
    g_autoptr(convergeDomainFacts) facts = NULL;
    char *xml;

    *rule = NULL;
    if (!conf || !convergePolicyConfHasRules(conf))
        return TRUE;

    if (!(xml = virDomainGetXMLDesc(dom, 0))) {
        if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
            return TRUE;
        convergeLibvirtSetError(error, _("cannot read the XML of the domain, which the rules of the host need"));
        return FALSE;
    }

    facts = convergeDomainFactsFromXML(xml, error);
    free(xml);
    if (facts)
        *rule = convergePolicyConfFindRule(conf, facts);
    return facts != NULL;
}

static const struct {
    const char *param;
    convergeField field;
    gsize offset; /* in convergeStated */
} throttleParams[] = {
    { VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, CONVERGE_FIELD_INITIAL_THROTTLE,
      G_STRUCT_OFFSET(convergeStated, initial) },
    { VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, CONVERGE_FIELD_THROTTLE_INCREMENT,
      G_STRUCT_OFFSET(convergeStated, increment) },
};

gboolean
convergeStatedThrottle(const convergeStated *stated)
{
    return stated->initial != 0 || stated->increment != 0;
}

void
convergeStatedTake(convergeStated *stated,
                   const virTypedParameter *param)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(throttleParams); i++) {
        if (g_str_equal(param->field, throttleParams[i].param) &&
            param->type == VIR_TYPED_PARAM_INT)
            G_STRUCT_MEMBER(int, stated, throttleParams[i].offset) = param->value.i;
    }
}

/* Makes fields of @call of the call's parameters for QEMU's throttle, where they have an effect
 * under @policy.
 *
 * @added: set to whether that has changed @call */
static gboolean
addThrottle(convergePolicySpec *call,
            const convergeStated *stated,
            const convergePolicy *policy,
            gboolean *added,
            GError **error)
{
    gsize i;

    *added = FALSE;
    for (i = 0; i < G_N_ELEMENTS(throttleParams); i++) {
        int value = G_STRUCT_MEMBER(int, stated, throttleParams[i].offset);
        convergeField field = throttleParams[i].field;
        g_autofree char *text = g_strdup_printf("%d", value);
        g_autoptr(GError) without = NULL;

        if (value == 0)
            continue;
        if (!convergePolicyHasEffect(policy, field, &without)) {
            if (!stated->policy)
                continue;
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("parameter '%1$s' of the migration is the field '%2$s' of its policy: %3$s"),
                        throttleParams[i].param, convergeFields[field].name, without->message);
            return FALSE;
        }
        if (!convergePolicySpecSetField(call, convergeFields[field].name, text, error))
            return FALSE;
        *added = TRUE;
    }
    return TRUE;
}

convergePolicy *
convergePolicyForDomain(virDomainPtr dom,
                        const convergeStated *stated,
                        const char *confPath,
                        GError **error)
{
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { NULL };
    g_autoptr(convergePolicyConf) conf = NULL;
    g_autoptr(convergePolicySpec) domain = NULL;
    g_autoptr(convergePolicySpec) call = NULL;
    g_autoptr(convergePolicy) policy = NULL;
    const convergePolicyHost *host;
    gboolean added;

    if (!(call = convergePolicySpecParse(stated->policy, error)) ||
        !(domain = domainSpec(dom, error)) ||
        (confPath && !(conf = convergePolicyConfLoad(confPath, error))) ||
        !findRule(dom, conf, &layers[CONVERGE_LAYER_RULE], error))
        return NULL;

    layers[CONVERGE_LAYER_CALL] = call;
    layers[CONVERGE_LAYER_DOMAIN] = domain;
    layers[CONVERGE_LAYER_HOST] = conf ? convergePolicyConfGetDefault(conf) : NULL;
    host = conf ? convergePolicyConfGetHost(conf) : NULL;
    if (!(policy = convergePolicyResolve(layers, host, error)))
        return NULL;

    if (!stated->policy && !stated->autoConverge &&
        convergePolicyGet(policy, CONVERGE_FIELD_WHEN) != CONVERGE_WHEN_ALWAYS)
        return NULL;

    if (!addThrottle(call, stated, policy, &added, error))
        return NULL;
    return added ? convergePolicyResolve(layers, host, error) : g_steal_pointer(&policy);
}
