/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_lock.c: the fields that neither the domain nor the call may change
 */
#include <glib/gi18n-lib.h>

#include "policy/policy_fields.h"
#include "policy/policy_priv.h"

static gboolean
isLocked(const convergePolicySpec *const layers[CONVERGE_LAYER_LAST],
         convergeField field)
{
    const convergePolicySpec *host = layers[CONVERGE_LAYER_HOST];
    const convergePolicySpec *rule = layers[CONVERGE_LAYER_RULE];

    return (host && convergePolicySpecLocks(host, field)) || (rule && convergePolicySpecLocks(rule, field));
}

gboolean
convergeLocksAny(const convergePolicySpec *const layers[CONVERGE_LAYER_LAST])
{
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (isLocked(layers, i))
            return TRUE;
    }
    return FALSE;
}

/* Always FALSE, with @error set. */
static gboolean
refuseLocked(const convergePolicy *policy,
             convergeField field,
             gint64 locked,
             GError **error)
{
    const char *name = convergeFields[field].name;
    g_autofree char *value = convergeFieldFormat(field, policy->value[field]);
    g_autofree char *only = convergeFieldFormat(field, locked);

    if (policy->layer[field] == CONVERGE_LAYER_PRESET)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' has the value '%2$s' in the preset '%3$s', but the configuration of the host locks it; allowed: '%4$s'"),
                    name, value, policy->preset, only);
    else
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' of the converge policy has the value '%2$s', but the configuration of the host locks it; allowed: '%3$s'"),
                    name, value, only);
    return FALSE;
}

gboolean
convergeLocksKeep(convergePolicy *policy,
                  const convergePolicySpec *const layers[CONVERGE_LAYER_LAST],
                  const convergePolicy *hosts,
                  GError **error)
{
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (!isLocked(layers, i))
            continue;

        policy->locked[i] = TRUE;
        if (policy->author[i] == CONVERGE_LAYER_HOST)
            continue;
        if (policy->value[i] != hosts->value[i]) {
            if (policy->author[i] == CONVERGE_LAYER_CALL)
                return refuseLocked(policy, i, hosts->value[i], error);
            policy->limited[i] = policy->author[i] == CONVERGE_LAYER_DOMAIN;
        }

        policy->value[i] = hosts->value[i];
        policy->layer[i] = hosts->layer[i];
        policy->author[i] = hosts->author[i];
    }
    return TRUE;
}

gboolean
convergeLocksSettle(convergePolicy *policy,
                    convergeField low,
                    convergeField high)
{
    convergeField stays = policy->locked[low] ? low : high;
    convergeField yields = policy->locked[low] ? high : low;

    if (!policy->locked[stays] || policy->author[yields] == CONVERGE_LAYER_CALL ||
        policy->author[yields] == CONVERGE_LAYER_HOST)
        return FALSE;

    policy->value[yields] = policy->value[stays];
    policy->limited[yields] = TRUE;
    return TRUE;
}
