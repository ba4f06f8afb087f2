/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_get.c: what a policy says
 */
#include "policy/policy_fields.h"
#include "policy/policy_priv.h"

char *
convergePolicyFormat(const convergePolicy *policy)
{
    GString *text = g_string_new(policy->preset);
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (policy->locked[i] || policy->scaled[i] || convergePolicyGetLayer(policy, i) > CONVERGE_LAYER_PRESET)
            convergeFieldAppend(text, i, policy->value[i]);
    }
    return g_string_free(text, FALSE);
}

gint64
convergePolicyGet(const convergePolicy *policy,
                  convergeField field)
{
    return policy->value[field];
}

convergeLayer
convergePolicyGetLayer(const convergePolicy *policy,
                       convergeField field)
{
    return policy->limited[field] ? CONVERGE_LAYER_HOST : policy->layer[field];
}

convergeLayer
convergePolicyGetAuthor(const convergePolicy *policy,
                        convergeField field)
{
    return policy->author[field];
}

gboolean
convergePolicyIsLimited(const convergePolicy *policy,
                        convergeField field)
{
    return policy->limited[field];
}

gboolean
convergePolicyIsLocked(const convergePolicy *policy,
                       convergeField field)
{
    return policy->locked[field];
}

const char *
convergePolicyGetPreset(const convergePolicy *policy)
{
    return policy->preset;
}

const char *
convergePolicyGetRule(const convergePolicy *policy)
{
    return policy->rule;
}

const char *
convergePolicyGetRulePlace(const convergePolicy *policy)
{
    return policy->rulePlace;
}

gboolean
convergePolicyObserves(const convergePolicy *policy)
{
    return policy->value[CONVERGE_FIELD_MODE] == CONVERGE_MODE_OBSERVE;
}

gboolean
convergePolicyMayPostcopy(const convergePolicy *policy)
{
    return !convergePolicyObserves(policy) &&
        convergeLadderHas(policy->value[CONVERGE_FIELD_FALLBACK], CONVERGE_RUNG_POSTCOPY);
}
