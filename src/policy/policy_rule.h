/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_rule.h: the rules of the host's configuration, which state fields for some of its guests
 *
 *     [rule databases]
 *     match-name = db-*
 *     match-memory = >=64GiB
 *     max-throttle = 50
 *
 * A guest is told by what libvirt says of it: name, title, memory, and the flavor and project that
 * nova writes into the metadata.  Whoever may change the domain can change all of these.
 *
 * A rule belongs to its configuration, and is immutable once that is read.
 */
#pragma once

#include "policy/policy.h"

/* What rules may ask of a guest. */
typedef struct _convergeDomainFacts convergeDomainFacts;

/* Reads the facts from the domain's whole XML.  Returns NULL with CONVERGE_ERROR_POLICY set if the
 * XML cannot be parsed. */
convergeDomainFacts *convergeDomainFactsFromXML(const char *xml, GError **error);
void convergeDomainFactsFree(convergeDomainFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeDomainFacts, convergeDomainFactsFree)

/* The memory, bytes; 0: unknown. */
guint64 convergeDomainFactsMemory(const convergeDomainFacts *facts);

typedef struct _convergeRule convergeRule;

/* A rule of that name at @place (FILE:LINE), without conditions. */
convergeRule *convergeRuleNew(const char *name, const char *place);
void convergeRuleFree(convergeRule *rule);

const char *convergeRuleName(const convergeRule *rule);

/* What the rule states; owned by it. */
convergePolicySpec *convergeRuleSpec(const convergeRule *rule);

/* Whether @key is the name of a condition, known or not. */
gboolean convergeRuleIsCondition(const char *key);

/* Adds a condition.  FALSE with CONVERGE_ERROR_POLICY set if it is unknown, wrong, or stated twice. */
gboolean convergeRuleSetCondition(convergeRule *rule, const char *key, const char *value, GError **error);

/* FALSE with CONVERGE_ERROR_POLICY set if the rule has no condition. */
gboolean convergeRuleCheck(const convergeRule *rule, GError **error);

/* Whether all conditions hold. */
gboolean convergeRuleMatches(const convergeRule *rule, const convergeDomainFacts *facts);
