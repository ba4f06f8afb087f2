/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.c: parse, check and print a policy; all knowledge of fields is in the
 * tables of policy_fields.c and policy_presets.c
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy_fields.h"

/* Far above any policy that makes sense; bounds what a caller can make us hold. */
#define POLICY_TEXT_MAX 1024

struct _convergePolicy {
    const convergePreset *preset;
    gint64 value[CONVERGE_FIELD_LAST];
    convergeLayer layer[CONVERGE_FIELD_LAST];
};

static const convergePreset *
findPreset(const char *name,
           GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);
    gsize i;

    for (i = 0; i < convergePresetCount; i++) {
        if (g_str_equal(convergePresets[i].name, name))
            return &convergePresets[i];
        g_string_append_printf(known, "%s%s", i ? ", " : "", convergePresets[i].name);
    }

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("unknown preset '%1$s' in the converge policy; allowed: %2$s"),
                name, known->str);
    return NULL;
}

static gboolean
findField(const char *name,
          convergeField *field,
          GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (g_str_equal(convergeFields[i].name, name)) {
            *field = i;
            return TRUE;
        }
        g_string_append_printf(known, "%s%s", i ? ", " : "", convergeFields[i].name);
    }

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("unknown field '%1$s' in the converge policy; allowed: %2$s"),
                name, known->str);
    return FALSE;
}

/* Pairs of fields where the first must not exceed the second. */
static const struct {
    convergeField low, high;
} orderedFields[] = {
    { CONVERGE_FIELD_INITIAL_THROTTLE, CONVERGE_FIELD_MAX_THROTTLE },
    { CONVERGE_FIELD_INITIAL_DOWNTIME, CONVERGE_FIELD_MAX_DOWNTIME },
};

/* A limit stated by the caller moves the start value of the preset with it; two
 * values that were both stated and contradict each other are refused. */
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

        if (policy->value[low] <= policy->value[high])
            continue;

        if (policy->layer[low] < policy->layer[high]) {
            policy->value[low] = policy->value[high];
            continue;
        }

        lowText = convergeFieldFormat(low, policy->value[low]);
        highText = convergeFieldFormat(high, policy->value[high]);
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' of the converge policy is %2$s, above '%3$s', which is %4$s"),
                    convergeFields[low].name, lowText,
                    convergeFields[high].name, highText);
        return FALSE;
    }

    return TRUE;
}

static gboolean
setField(convergePolicy *policy,
         const char *word,
         GError **error)
{
    g_autofree char *name = NULL;
    const char *equals = strchr(word, '=');
    convergeField field;

    if (!equals) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("'%1$s' in the converge policy is not of the form FIELD=VALUE"),
                    word);
        return FALSE;
    }

    name = g_strndup(word, equals - word);
    if (!findField(name, &field, error))
        return FALSE;

    if (policy->layer[field] == CONVERGE_LAYER_CALL) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' is stated twice in the converge policy; allowed: once"),
                    name);
        return FALSE;
    }

    if (!convergeFieldParse(field, equals + 1, &policy->value[field], error))
        return FALSE;

    policy->layer[field] = CONVERGE_LAYER_CALL;
    return TRUE;
}

convergePolicy *
convergePolicyParse(const char *text,
                    GError **error)
{
    g_autoptr(convergePolicy) policy = g_new0(convergePolicy, 1);
    g_auto(GStrv) words = NULL;
    gsize i;

    if (!text || !*text)
        text = CONVERGE_PRESET_DEFAULT;

    if (strnlen(text, POLICY_TEXT_MAX + 1) > POLICY_TEXT_MAX) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the converge policy is too long; allowed: %1$d characters"),
                    POLICY_TEXT_MAX);
        return NULL;
    }

    if (!g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the converge policy is not valid UTF-8; allowed: PRESET[,FIELD=VALUE...]"));
        return NULL;
    }

    words = g_strsplit(text, ",", -1);
    if (!(policy->preset = findPreset(words[0], error)))
        return NULL;

    memcpy(policy->value, policy->preset->value, sizeof(policy->value));

    for (i = 1; words[i]; i++) {
        if (!setField(policy, words[i], error))
            return NULL;
    }

    if (!settleOrder(policy, error))
        return NULL;

    return g_steal_pointer(&policy);
}

convergePolicy *
convergePolicyCopy(const convergePolicy *policy)
{
    convergePolicy *copy = g_new0(convergePolicy, 1);

    *copy = *policy;
    return copy;
}

void
convergePolicyFree(convergePolicy *policy)
{
    g_free(policy);
}

char *
convergePolicyFormat(const convergePolicy *policy)
{
    GString *text = g_string_new(policy->preset->name);
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_autofree char *value = NULL;

        if (policy->layer[i] == CONVERGE_LAYER_PRESET)
            continue;

        value = convergeFieldFormat(i, policy->value[i]);
        g_string_append_printf(text, ",%s=%s", convergeFields[i].name, value);
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
    return policy->layer[field];
}

const char *
convergePolicyGetPreset(const convergePolicy *policy)
{
    return policy->preset->name;
}
