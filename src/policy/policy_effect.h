/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_effect.h: fields that have no effect because of the value of another field, and values
 * that are better not used
 *
 * Such a value is not wrong: a domain may state it for the policies of several hosts.  But who
 * states it should learn that it has no effect.
 */
#pragma once

#include "policy/policy.h"

/* Whether @field has an effect under @policy.  FALSE sets @error (CONVERGE_ERROR_POLICY) to a
 * sentence that names the other field, its value, and the values with which @field has one. */
gboolean convergePolicyHasEffect(const convergePolicy *policy, convergeField field, GError **error);

/* What whoever states @policy has to be warned of, as a sentence for people; NULL: nothing. */
const char *convergePolicyWarning(const convergePolicy *policy);
