/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_priv.h: the policy of a migration, for policy*.c alone
 */
#pragma once

#include "policy/policy.h"

struct _convergePolicy {
    char *preset;
    char *rule;
    char *rulePlace;
    gint64 value[CONVERGE_FIELD_LAST];
    convergeLayer layer[CONVERGE_FIELD_LAST]; /* before any limit */
    convergeLayer author[CONVERGE_FIELD_LAST];
    gboolean limited[CONVERGE_FIELD_LAST];
    gboolean locked[CONVERGE_FIELD_LAST];
    gboolean scaled[CONVERGE_FIELD_LAST]; /* the value was stated for each GiB */
};

/* Whether a layer of the host locks any field. */
gboolean convergeLocksAny(const convergePolicySpec *const layers[CONVERGE_LAYER_LAST]);

/* Gives each locked field its value in @hosts, the policy without the domain and the call; but one
 * that a named policy of the site states keeps the value from there.  FALSE with @error set if the
 * call asks for another value. */
gboolean convergeLocksKeep(convergePolicy *policy,
                           const convergePolicySpec *const layers[CONVERGE_LAYER_LAST],
                           const convergePolicy *hosts, GError **error);

/* Of two fields that are not in order, the locked one stays; the other one becomes equal to it if it is
 * the domain's, or nobody's.  FALSE if that does not settle it. */
gboolean convergeLocksSettle(convergePolicy *policy, convergeField low, convergeField high);
