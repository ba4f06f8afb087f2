/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.c: merges, checks and limits policies; all knowledge of fields is in the
 * tables of policy_fields.c, policy_presets.c and policy_limits.c
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy_fields.h"
#include "policy/policy_limits.h"
#include "policy/policy_priv.h"
#include "util/nearest.h"

static const char *const layerNames[] = {
    [CONVERGE_LAYER_BUILTIN] = "built-in",
    [CONVERGE_LAYER_PRESET] = "preset",
    [CONVERGE_LAYER_HOST] = "host",
    [CONVERGE_LAYER_RULE] = "rule",
    [CONVERGE_LAYER_DOMAIN] = "domain",
    [CONVERGE_LAYER_CALL] = "call",
};
G_STATIC_ASSERT(G_N_ELEMENTS(layerNames) == CONVERGE_LAYER_LAST);

const char *
convergeLayerName(convergeLayer layer)
{
    return layerNames[layer];
}

/* Whether the host's configuration states the value. */
static gboolean
isHosts(const convergePolicy *policy,
        convergeField field)
{
    return policy->layer[field] == CONVERGE_LAYER_HOST || policy->layer[field] == CONVERGE_LAYER_RULE;
}

/* --- The policy of a migration --- */

static void
merge(convergePolicy *policy,
      const convergePolicySpec *spec,
      convergeLayer layer,
      convergeLayer author)
{
    gsize i;

    for (i = 0; spec && i < CONVERGE_FIELD_LAST; i++) {
        if (!convergePolicySpecHas(spec, i))
            continue;
        policy->value[i] = convergePolicySpecGet(spec, i);
        policy->layer[i] = layer;
        policy->author[i] = author;
    }
}

static void
unknownPreset(const char *name,
              GHashTable *sites,
              GError **error)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new();
    g_autoptr(GList) names = sites ? g_hash_table_get_keys(sites) : NULL;
    g_autofree char *list = NULL;
    GList *each;
    gsize i;

    for (i = 0; i < convergePresetCount; i++)
        g_ptr_array_add(known, (char *)convergePresets[i].name);

    names = g_list_sort(names, (GCompareFunc)strcmp);
    for (each = names; each; each = each->next)
        g_ptr_array_add(known, each->data);
    g_ptr_array_add(known, NULL);
    list = g_strjoinv(", ", (char **)known->pdata);

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("unknown preset '%1$s' in the converge policy; allowed: %2$s"),
                name, list);
    convergeSuggest(error, name, (const char *const *)known->pdata);
}

/* Merges the built-in preset that @policy->preset names, or that the site's policy of that
 * name builds on. */
static gboolean
mergePreset(convergePolicy *policy,
            convergeLayer author,
            const convergePolicySpec *site,
            GHashTable *sites,
            GError **error)
{
    const char *name = policy->preset;
    g_autoptr(convergePolicySpec) row = NULL;
    g_autofree char *text = NULL;
    const convergePreset *preset;

    if (site && !(name = convergePolicySpecGetPreset(site)))
        name = CONVERGE_PRESET_DEFAULT;

    if (!(preset = convergePresetFind(name))) {
        unknownPreset(name, sites, error);
        return FALSE;
    }

    text = g_strconcat(name, ",", preset->fields, NULL);
    if (!(row = convergePolicySpecParse(text, error)))
        return FALSE;

    merge(policy, row, CONVERGE_LAYER_PRESET, author);
    return TRUE;
}

/* Pairs of fields where the first must not exceed the second, unless the third is none. */
static const struct {
    convergeField low, high, ifSet;
} orderedFields[] = {
    { CONVERGE_FIELD_INITIAL_THROTTLE, CONVERGE_FIELD_MAX_THROTTLE, CONVERGE_FIELD_MAX_THROTTLE },
    /* Otherwise no throttle would ever count. */
    { CONVERGE_FIELD_HARD_THROTTLE, CONVERGE_FIELD_MAX_THROTTLE, CONVERGE_FIELD_MAX_THROTTLE_TIME },
    { CONVERGE_FIELD_INITIAL_DOWNTIME, CONVERGE_FIELD_MAX_DOWNTIME, CONVERGE_FIELD_MAX_DOWNTIME },
};

static gboolean
inOrder(const convergePolicy *policy,
        gsize pair)
{
    return policy->value[orderedFields[pair].ifSet] == 0 ||
        policy->value[orderedFields[pair].low] <= policy->value[orderedFields[pair].high];
}

/* A maximum pulls down a value of a lower layer.  Any other contradiction is
 * refused. */
static gboolean
settleOrder(convergePolicy *policy,
            GError **error)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(orderedFields); i++) {
        convergeField low = orderedFields[i].low;
        convergeField high = orderedFields[i].high;
        g_autofree char *lowText = NULL;
        g_autofree char *highText = NULL;

        if (inOrder(policy, i) || convergeLocksSettle(policy, low, high))
            continue;

        if (!policy->locked[low] && policy->layer[low] < policy->layer[high]) {
            policy->value[low] = policy->value[high];
            continue;
        }

        lowText = convergeFieldFormat(low, policy->value[low]);
        highText = convergeFieldFormat(high, policy->value[high]);
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' of the converge policy is %2$s; allowed: up to '%3$s', which is %4$s"),
                    convergeFields[low].name, lowText,
                    convergeFields[high].name, highText);
        return FALSE;
    }

    return TRUE;
}

/* Words of a field that cannot do without monitor commands. */
static const struct {
    convergeField field;
    guint words; /* a bit for each */
} needQmp[] = {
    { CONVERGE_FIELD_THROTTLE, 1u << CONVERGE_THROTTLE_STEPPED },
    { CONVERGE_FIELD_ACTUATOR, 1u << CONVERGE_METHOD_QEMU | 1u << CONVERGE_METHOD_DIRTY_LIMIT },
};

static gboolean
checkQmp(const convergePolicy *policy,
         GError **error)
{
    gsize i, word;

    for (i = 0; i < G_N_ELEMENTS(needQmp) && !policy->value[CONVERGE_FIELD_QMP]; i++) {
        const convergeFieldInfo *info = &convergeFields[needQmp[i].field];
        gint64 value = policy->value[needQmp[i].field];
        g_autoptr(GString) allowed = g_string_new(NULL);

        if (!(needQmp[i].words & 1u << value))
            continue;
        for (word = 0; info->words[word]; word++) {
            if (!(needQmp[i].words & 1u << word))
                g_string_append_printf(allowed, "%s%s", allowed->len ? ", " : "", info->words[word]);
        }
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' of the converge policy is '%2$s', which needs the monitor commands that '%3$s' forbids; allowed: %4$s"),
                    info->name, info->words[value], convergeFields[CONVERGE_FIELD_QMP].name,
                    allowed->str);
        return FALSE;
    }
    return TRUE;
}

/* Always FALSE, with @error set. */
static gboolean
refuseBeyond(const convergePolicy *policy,
             convergeField field,
             gint64 limit,
             GError **error)
{
    const char *name = convergeFields[field].name;
    g_autofree char *value = convergeFieldFormat(field, policy->value[field]);
    g_autofree char *most = convergeFieldFormat(field, limit);

    if (policy->layer[field] == CONVERGE_LAYER_PRESET)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' has the value '%2$s' in the preset '%3$s', which is beyond the limit in the configuration of the host; allowed: no more than '%4$s'"),
                    name, value, policy->preset, most);
    else
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' of the converge policy has the value '%2$s', which is beyond the limit in the configuration of the host; allowed: no more than '%3$s'"),
                    name, value, most);
    return FALSE;
}

/* Reduces one field to the limits for its author, or refuses it. */
static gboolean
keepWithin(convergePolicy *policy,
           const convergeLimit *limit,
           const convergePolicyHost *host,
           GError **error)
{
    convergeField field = limit->field;
    gint64 value = policy->value[field];
    gint64 all, domain;

    if (!convergeLimitGet(limit, CONVERGE_LIMITS_ALL, host, &all, error) ||
        !convergeLimitGet(limit, CONVERGE_LIMITS_DOMAIN, host, &domain, error))
        return FALSE;

    if (policy->author[field] == CONVERGE_LAYER_DOMAIN)
        value = limit->within(value, domain);
    value = limit->within(value, all);
    if (value == policy->value[field])
        return TRUE;

    /* The caller can ask for less; a host that exceeds its own limit has a wrong file. */
    if (policy->author[field] == CONVERGE_LAYER_CALL ||
        isHosts(policy, field))
        return refuseBeyond(policy, field, all, error);

    policy->value[field] = value;
    policy->limited[field] = TRUE;
    return TRUE;
}

/* Whether a domain may ask for the ladder of @policy, whichever layer has stated it. */
static gboolean
domainMayAsk(const convergePolicy *policy,
             const convergePolicyHost *host,
             gboolean *may,
             GError **error)
{
    const convergeLimit *limit = convergeLimitFind(CONVERGE_FIELD_FALLBACK);
    gint64 ladder = policy->value[CONVERGE_FIELD_FALLBACK];
    gint64 domain;

    if (!convergeLimitGet(limit, CONVERGE_LIMITS_DOMAIN, host, &domain, error))
        return FALSE;

    *may = limit->within(ladder, domain) == ladder;
    return TRUE;
}

/* Takes each trigger that the domain has made stricter back to the value in @without, the
 * policy without the domain's layer, as far as the host allows that. */
static gboolean
keepTriggers(convergePolicy *policy,
             const convergePolicy *without,
             const convergePolicyHost *host,
             GError **error)
{
    gsize i;

    for (i = 0; i < convergeTriggerCount; i++) {
        convergeField field = convergeTriggers[i].field;
        const convergeLimit *limit = convergeLimitFind(field);
        gint64 value = convergeTriggers[i].noSooner(policy->value[field], without->value[field]);
        gint64 all;

        if (limit) {
            if (!convergeLimitGet(limit, CONVERGE_LIMITS_ALL, host, &all, error))
                return FALSE;
            value = limit->within(value, all);
        }
        if (policy->author[field] != CONVERGE_LAYER_DOMAIN || value == policy->value[field])
            continue;
        policy->value[field] = value;
        policy->limited[field] = TRUE;
    }
    return TRUE;
}

/* Reduces the policy to the limits of the host, and keeps its pairs of fields in order. */
static gboolean
applyLimits(convergePolicy *policy,
            const convergePolicyHost *host,
            GError **error)
{
    gsize i;

    for (i = 0; i < convergeLimitCount; i++) {
        if (!keepWithin(policy, &convergeLimitRows[i], host, error))
            return FALSE;
    }

    for (i = 0; i < G_N_ELEMENTS(orderedFields); i++) {
        convergeField low = orderedFields[i].low;
        convergeField high = orderedFields[i].high;

        if (inOrder(policy, i) || convergeLocksSettle(policy, low, high))
            continue;

        /* As in keepWithin(); but if the maximum is the domain's, the host's file is right. */
        if (policy->layer[low] == CONVERGE_LAYER_CALL ||
            (isHosts(policy, low) &&
             policy->author[high] != CONVERGE_LAYER_DOMAIN))
            return refuseBeyond(policy, low, policy->value[high], error);

        policy->value[low] = policy->value[high];
        policy->limited[low] = TRUE;
    }
    return TRUE;
}

/* What the layers state, before any limit; NULL with @error set. */
static convergePolicy *
mergeLayers(const convergePolicySpec *const layers[CONVERGE_LAYER_LAST],
            const convergePolicyHost *host,
            GError **error)
{
    g_autoptr(convergePolicy) policy = g_new0(convergePolicy, 1);
    GHashTable *sites = host ? host->sites : NULL;
    const char *preset = CONVERGE_PRESET_DEFAULT;
    convergeLayer namer = CONVERGE_LAYER_BUILTIN;
    const convergePolicySpec *site;
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++)
        policy->value[i] = convergeFields[i].builtin;

    for (i = CONVERGE_LAYER_HOST; i < CONVERGE_LAYER_LAST; i++) {
        if (layers[i] && convergePolicySpecGetPreset(layers[i])) {
            preset = convergePolicySpecGetPreset(layers[i]);
            namer = i == CONVERGE_LAYER_RULE ? CONVERGE_LAYER_HOST : i;
        }
    }
    policy->preset = g_strdup(preset);
    if (layers[CONVERGE_LAYER_RULE]) {
        policy->rule = g_strdup(convergePolicySpecGetRule(layers[CONVERGE_LAYER_RULE]));
        policy->rulePlace = g_strdup(convergePolicySpecGetRulePlace(layers[CONVERGE_LAYER_RULE]));
    }

    if ((site = sites ? g_hash_table_lookup(sites, preset) : NULL))
        namer = CONVERGE_LAYER_HOST;
    if (!mergePreset(policy, namer, site, sites, error))
        return NULL;

    /* All three belong to the host: what it states about one policy overrides what it states about
     * all, and what it states about one guest overrides both. */
    merge(policy, layers[CONVERGE_LAYER_HOST], CONVERGE_LAYER_HOST, CONVERGE_LAYER_HOST);
    merge(policy, site, CONVERGE_LAYER_HOST, CONVERGE_LAYER_HOST);
    merge(policy, layers[CONVERGE_LAYER_RULE], CONVERGE_LAYER_RULE, CONVERGE_LAYER_HOST);
    merge(policy, layers[CONVERGE_LAYER_DOMAIN], CONVERGE_LAYER_DOMAIN, CONVERGE_LAYER_DOMAIN);
    merge(policy, layers[CONVERGE_LAYER_CALL], CONVERGE_LAYER_CALL, CONVERGE_LAYER_CALL);

    return g_steal_pointer(&policy);
}

convergePolicy *
convergePolicyResolve(const convergePolicySpec *const layers[CONVERGE_LAYER_LAST],
                      const convergePolicyHost *host,
                      GError **error)
{
    const convergePolicySpec *const hosts[CONVERGE_LAYER_LAST] = {
        [CONVERGE_LAYER_HOST] = layers[CONVERGE_LAYER_HOST],
        [CONVERGE_LAYER_RULE] = layers[CONVERGE_LAYER_RULE],
    };
    const convergePolicySpec *const others[CONVERGE_LAYER_LAST] = {
        [CONVERGE_LAYER_HOST] = layers[CONVERGE_LAYER_HOST],
        [CONVERGE_LAYER_RULE] = layers[CONVERGE_LAYER_RULE],
        [CONVERGE_LAYER_CALL] = layers[CONVERGE_LAYER_CALL],
    };
    g_autoptr(convergePolicy) policy = mergeLayers(layers, host, error);
    g_autoptr(convergePolicy) locked = NULL;
    g_autoptr(convergePolicy) without = NULL;
    gboolean may;

    if (!policy)
        return NULL;
    if (convergeLocksAny(layers) &&
        (!(locked = mergeLayers(hosts, host, error)) ||
         !settleOrder(locked, error) ||
         !convergeLocksKeep(policy, layers, locked, error)))
        return NULL;
    if (!settleOrder(policy, error) || !checkQmp(policy, error) ||
        !applyLimits(policy, host, error) ||
        !domainMayAsk(policy, host, &may, error))
        return NULL;

    /* The call or the host has stated the rungs that the domain may not ask for. */
    if (!may) {
        if (!(without = mergeLayers(others, host, error)) ||
            !keepTriggers(policy, without, host, error))
            return NULL;
    }
    return g_steal_pointer(&policy);
}

convergePolicy *
convergePolicyParse(const char *text,
                    GError **error)
{
    g_autoptr(convergePolicySpec) call = convergePolicySpecParse(text, error);
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { NULL };

    if (!call)
        return NULL;

    layers[CONVERGE_LAYER_CALL] = call;
    return convergePolicyResolve(layers, NULL, error);
}

convergePolicy *
convergePolicyCopy(const convergePolicy *policy)
{
    convergePolicy *copy = g_memdup2(policy, sizeof(*policy));

    copy->preset = g_strdup(policy->preset);
    copy->rule = g_strdup(policy->rule);
    copy->rulePlace = g_strdup(policy->rulePlace);
    return copy;
}

void
convergePolicyFree(convergePolicy *policy)
{
    if (!policy)
        return;
    g_free(policy->preset);
    g_free(policy->rule);
    g_free(policy->rulePlace);
    g_free(policy);
}
