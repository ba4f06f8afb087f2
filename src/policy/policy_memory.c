/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_memory.c: values that are stated for each GiB of guest memory
 */
#include "policy/policy_fields.h"
#include "policy/policy_priv.h"

#define GIB (G_GUINT64_CONSTANT(1) << 30)

static gboolean
isScaled(const convergePolicy *policy,
         convergeField field)
{
    return convergeFields[field].type == CONVERGE_TYPE_SCALED && policy->value[field] < 0;
}

gboolean
convergePolicyIsScaled(const convergePolicy *policy)
{
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (isScaled(policy, i))
            return TRUE;
    }
    return FALSE;
}

convergePolicy *
convergePolicyForMemory(const convergePolicy *policy,
                        guint64 bytes)
{
    convergePolicy *copy = convergePolicyCopy(policy);
    guint64 gib = bytes / GIB + (bytes % GIB >= GIB / 2 ? 1 : 0);
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        gint64 max = convergeFields[i].max;

        if (!isScaled(policy, i))
            continue;
        /* The product may overflow. */
        copy->value[i] = (gint64)MAX(gib, 1) > max / -policy->value[i] ? max : -policy->value[i] * (gint64)MAX(gib, 1);
        copy->scaled[i] = TRUE;
    }
    return copy;
}
