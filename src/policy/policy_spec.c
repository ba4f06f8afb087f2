/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_spec.c: what one layer states, and its text form
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy_fields.h"

/* Far longer than any sensible policy; bounds the memory that a caller can take. */
#define POLICY_TEXT_MAX 1024
#define PRESET_NAME_MAX 64

struct _convergePolicySpec {
    char *preset;
    gint64 value[CONVERGE_FIELD_LAST];
    gboolean has[CONVERGE_FIELD_LAST];
    gboolean lock[CONVERGE_FIELD_LAST];
    gboolean hasLocks;
    char *rule;      /* its name, or NULL */
    char *rulePlace; /* FILE:LINE, or NULL */
};

convergePolicySpec *
convergePolicySpecNew(void)
{
    return g_new0(convergePolicySpec, 1);
}

void
convergePolicySpecFree(convergePolicySpec *spec)
{
    if (!spec)
        return;
    g_free(spec->preset);
    g_free(spec->rule);
    g_free(spec->rulePlace);
    g_free(spec);
}

static gboolean
statedTwice(const char *what,
            GError **error)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("'%1$s' is stated twice in the converge policy; allowed: once"), what);
    return FALSE;
}

gboolean
convergePolicySpecSetPreset(convergePolicySpec *spec,
                            const char *preset,
                            GError **error)
{
    if (spec->preset)
        return statedTwice("preset", error);

    if (!*preset || strlen(preset) > PRESET_NAME_MAX ||
        preset[strspn(preset, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")]) {
        g_autofree char *quoted = convergePolicyQuote(preset);

        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("'%1$s' is not a valid preset name; allowed: letters, digits, '-', '_' and '.'"),
                    quoted);
        return FALSE;
    }

    spec->preset = g_strdup(preset);
    return TRUE;
}

gboolean
convergePolicySpecSetField(convergePolicySpec *spec,
                           const char *name,
                           const char *value,
                           GError **error)
{
    convergeField field;

    if (!convergeFieldFind(name, &field, error))
        return FALSE;
    if (spec->has[field])
        return statedTwice(name, error);
    if (!convergeFieldParse(field, value, &spec->value[field], error))
        return FALSE;

    spec->has[field] = TRUE;
    return TRUE;
}

/* "FIELD=VALUE,..." */
static gboolean
parseFields(convergePolicySpec *spec,
            char *const *words,
            GError **error)
{
    for (; *words; words++) {
        g_auto(GStrv) parts = g_strsplit(*words, "=", 2);

        if (g_strv_length(parts) != 2) {
            g_autofree char *quoted = convergePolicyQuote(*words);

            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("'%1$s' in the converge policy is not a field with a value; allowed: FIELD=VALUE"),
                        quoted);
            return FALSE;
        }
        if (!convergePolicySpecSetField(spec, parts[0], parts[1], error))
            return FALSE;
    }
    return TRUE;
}

convergePolicySpec *
convergePolicySpecParse(const char *text,
                        GError **error)
{
    g_autoptr(convergePolicySpec) spec = convergePolicySpecNew();
    g_auto(GStrv) words = NULL;

    if (!text)
        return g_steal_pointer(&spec);

    if (!*text) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the converge policy is empty; allowed: PRESET[,FIELD=VALUE...]"));
        return NULL;
    }

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
    if (!convergePolicySpecSetPreset(spec, words[0], error) ||
        !parseFields(spec, words + 1, error))
        return NULL;

    return g_steal_pointer(&spec);
}

const char *
convergePolicySpecGetPreset(const convergePolicySpec *spec)
{
    return spec->preset;
}

gboolean
convergePolicySpecHas(const convergePolicySpec *spec,
                      convergeField field)
{
    return spec->has[field];
}

gint64
convergePolicySpecGet(const convergePolicySpec *spec,
                      convergeField field)
{
    return spec->value[field];
}

gboolean
convergePolicySpecSetLocks(convergePolicySpec *spec,
                           const char *names,
                           GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(names, " \t", -1);
    convergeField field;
    gsize i;

    if (spec->hasLocks)
        return statedTwice("lock", error);
    spec->hasLocks = TRUE;

    for (i = 0; words[i]; i++) {
        if (!*words[i])
            continue;
        if (!convergeFieldFind(words[i], &field, error))
            return FALSE;
        if (spec->lock[field])
            return statedTwice(words[i], error);
        spec->lock[field] = TRUE;
    }
    return TRUE;
}

gboolean
convergePolicySpecLocks(const convergePolicySpec *spec,
                        convergeField field)
{
    return spec->lock[field];
}

void
convergePolicySpecSetRule(convergePolicySpec *spec,
                          const char *name,
                          const char *place)
{
    spec->rule = g_strdup(name);
    spec->rulePlace = g_strdup(place);
}

const char *
convergePolicySpecGetRule(const convergePolicySpec *spec)
{
    return spec->rule;
}

const char *
convergePolicySpecGetRulePlace(const convergePolicySpec *spec)
{
    return spec->rulePlace;
}

char *
convergePolicySpecFormat(const convergePolicySpec *spec)
{
    GString *text = g_string_new(spec->preset);
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (spec->has[i])
            convergeFieldAppend(text, i, spec->value[i]);
    }
    return g_string_free(text, FALSE);
}
