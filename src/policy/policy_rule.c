/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_rule.c: the conditions of a rule, and whether they hold for a guest
 */
#include <glib/gi18n-lib.h>
#include <libxml/xpath.h>
#include <string.h>

#include "policy/policy_fields.h"
#include "policy/policy_rule.h"
#include "util/nearest.h"
#include "util/xml.h"

/* More than libvirt's remote protocol can carry. */
#define DOMAIN_XML_MAX (16 * 1024 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathContext, xmlXPathFreeContext)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathObject, xmlXPathFreeObject)

#define CONDITION "match-"

/* Where nova has what it knows of a guest; the version is the last part of the namespace. */
#define NOVA "/domain/metadata/*[local-name()='instance' and" \
             " starts-with(namespace-uri(), 'http://openstack.org/xmlns/libvirt/nova/')]"

typedef enum {
    FACT_NAME,
    FACT_TITLE,
    FACT_FLAVOR,
    FACT_PROJECT,
    FACT_MEMORY,
    FACT_LAST
} convergeFact;

static const struct {
    const char *condition;
    const char *where[2]; /* any of them may match */
} factRows[FACT_LAST] = {
    [FACT_NAME] = { CONDITION "name", { "string(/domain/name)" } },
    [FACT_TITLE] = { CONDITION "title", { "string(/domain/title)" } },
    [FACT_FLAVOR] = { CONDITION "nova-flavor", { "string(" NOVA "/*[local-name()='flavor']/@name)" } },
    [FACT_PROJECT] = { CONDITION "nova-project",
                       { "string(" NOVA "/*[local-name()='owner']/*[local-name()='project'])",
                         "string(" NOVA "/*[local-name()='owner']/*[local-name()='project']/@uuid)" } },
    /* libvirt prints KiB. */
    [FACT_MEMORY] = { CONDITION "memory", { "string(/domain/memory)" } },
};

struct _convergeDomainFacts {
    char *values[FACT_LAST][G_N_ELEMENTS(factRows[0].where)];
};

struct _convergeRule {
    char *name;
    convergePolicySpec *spec;
    char *conditions[FACT_LAST]; /* NULL: none */
};

/* --- Guests --- */

convergeDomainFacts *
convergeDomainFactsFromXML(const char *xml,
                           GError **error)
{
    g_autoptr(xmlDoc) doc = convergeXMLRead(xml, DOMAIN_XML_MAX, error);
    g_autoptr(xmlXPathContext) context = doc ? xmlXPathNewContext(doc) : NULL;
    g_autoptr(convergeDomainFacts) facts = NULL;
    gsize i, j;

    if (!context)
        return NULL;

    facts = g_new0(convergeDomainFacts, 1);
    for (i = 0; i < FACT_LAST; i++) {
        for (j = 0; j < G_N_ELEMENTS(factRows[i].where) && factRows[i].where[j]; j++) {
            g_autoptr(xmlXPathObject) found = xmlXPathEval((const xmlChar *)factRows[i].where[j], context);

            if (found && found->stringval)
                facts->values[i][j] = g_strdup((const char *)found->stringval);
        }
    }
    return g_steal_pointer(&facts);
}

void
convergeDomainFactsFree(convergeDomainFacts *facts)
{
    gsize i, j;

    for (i = 0; facts && i < FACT_LAST; i++) {
        for (j = 0; j < G_N_ELEMENTS(facts->values[i]); j++)
            g_free(facts->values[i][j]);
    }
    g_free(facts);
}

/* --- Memory --- */

guint64
convergeDomainFactsMemory(const convergeDomainFacts *facts)
{
    const char *kib = facts->values[FACT_MEMORY][0];

    return kib ? g_ascii_strtoull(kib, NULL, 10) * 1024 : 0;
}

static const struct {
    const char *suffix;
    guint64 kib;
} memoryUnits[] = { { "MiB", 1 << 10 }, { "GiB", 1 << 20 }, { "TiB", 1 << 30 } };

/* Reads ">=64GiB" and the like: -1, 0 or 1 of the comparison with the size are allowed. */
static gboolean
parseMemory(const char *text,
            guint64 *kib,
            gboolean allows[3])
{
    gsize digits;
    gsize i;

    if (*text != '<' && *text != '>')
        return FALSE;
    allows[0] = *text == '<';
    allows[2] = *text == '>';
    allows[1] = text[1] == '=';
    text += allows[1] ? 2 : 1;

    /* 7 digits of TiB cannot overflow. */
    digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 7)
        return FALSE;
    for (i = 0; i < G_N_ELEMENTS(memoryUnits); i++) {
        if (g_str_equal(text + digits, memoryUnits[i].suffix)) {
            *kib = g_ascii_strtoull(text, NULL, 10) * memoryUnits[i].kib;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
memoryMatches(const char *condition,
              const char *value)
{
    guint64 kib = g_ascii_strtoull(value, NULL, 10);
    gboolean allows[3];
    guint64 than;

    return parseMemory(condition, &than, allows) && allows[kib < than ? 0 : kib == than ? 1 :
                                                                                          2];
}

/* --- Rules --- */

convergeRule *
convergeRuleNew(const char *name,
                const char *place)
{
    convergeRule *rule = g_new0(convergeRule, 1);

    rule->name = g_strdup(name);
    rule->spec = convergePolicySpecNew();
    convergePolicySpecSetRule(rule->spec, name, place);
    return rule;
}

void
convergeRuleFree(convergeRule *rule)
{
    gsize i;

    if (!rule)
        return;
    for (i = 0; i < FACT_LAST; i++)
        g_free(rule->conditions[i]);
    convergePolicySpecFree(rule->spec);
    g_free(rule->name);
    g_free(rule);
}

const char *
convergeRuleName(const convergeRule *rule)
{
    return rule->name;
}

convergePolicySpec *
convergeRuleSpec(const convergeRule *rule)
{
    return rule->spec;
}

gboolean
convergeRuleIsCondition(const char *key)
{
    return g_str_has_prefix(key, CONDITION);
}

static gboolean
unknownCondition(const char *key,
                 GError **error)
{
    const char *names[FACT_LAST + 1] = { NULL };
    g_autofree char *quoted = convergePolicyQuote(key);
    g_autofree char *known = NULL;
    gsize i;

    for (i = 0; i < FACT_LAST; i++)
        names[i] = factRows[i].condition;
    known = g_strjoinv(", ", (char **)names);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("unknown condition '%1$s' of a rule; allowed: %2$s"), quoted, known);
    convergeSuggest(error, key, names);
    return FALSE;
}

gboolean
convergeRuleSetCondition(convergeRule *rule,
                         const char *key,
                         const char *value,
                         GError **error)
{
    gboolean allows[3];
    guint64 kib;
    gsize i;

    for (i = 0; i < FACT_LAST && !g_str_equal(key, factRows[i].condition); i++)
        ;
    if (i == FACT_LAST)
        return unknownCondition(key, error);

    if (rule->conditions[i]) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("condition '%1$s' is stated twice; allowed: once"), key);
        return FALSE;
    }
    if (i == FACT_MEMORY && !parseMemory(value, &kib, allows)) {
        g_autofree char *quoted = convergePolicyQuote(value);

        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("condition '%1$s' has the value '%2$s'; allowed: one of <, <=, > and >=, and a whole number with unit MiB, GiB or TiB"),
                    key, quoted);
        return FALSE;
    }
    if (!*value) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("condition '%1$s' is empty; allowed: a text, in which '*' stands for any characters and '?' for one"),
                    key);
        return FALSE;
    }
    rule->conditions[i] = g_strdup(value);
    return TRUE;
}

gboolean
convergeRuleCheck(const convergeRule *rule,
                  GError **error)
{
    gsize i;

    for (i = 0; i < FACT_LAST; i++) {
        if (rule->conditions[i])
            return TRUE;
    }
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("the rule has no condition; allowed: at least one, such as '%1$s = *'"),
                factRows[FACT_NAME].condition);
    return FALSE;
}

/* What a guest does not have matches nothing. */
static gboolean
valueMatches(convergeFact fact,
             const char *condition,
             const char *value)
{
    if (!value || !*value)
        return FALSE;
    return fact == FACT_MEMORY ? memoryMatches(condition, value) : g_pattern_match_simple(condition, value);
}

gboolean
convergeRuleMatches(const convergeRule *rule,
                    const convergeDomainFacts *facts)
{
    gsize i, j;

    for (i = 0; i < FACT_LAST; i++) {
        gboolean matches = !rule->conditions[i];

        for (j = 0; !matches && j < G_N_ELEMENTS(facts->values[i]); j++)
            matches = valueMatches(i, rule->conditions[i], facts->values[i][j]);
        if (!matches)
            return FALSE;
    }
    return TRUE;
}
