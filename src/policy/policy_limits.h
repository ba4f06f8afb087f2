/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_limits.h: the fields that a host can limit, and those that say when the fallback is
 * taken; for the policy code alone
 */
#pragma once

#include "policy/policy.h"

typedef struct _convergeLimit convergeLimit;
struct _convergeLimit {
    convergeField field;
    const char *builtin[CONVERGE_LIMITS_LAST];  /* where the host states none, as policies
                                                 * write it */
    const char *help;                           /* one line, N_() */

    /* The nearest to @value that @limit allows; @value itself where it is allowed. */
    gint64 (*within)(gint64 value, gint64 limit);
};

extern const convergeLimit convergeLimitRows[];
extern const gsize convergeLimitCount;

/* The row of that field, or NULL. */
const convergeLimit *convergeLimitFind(convergeField field);

/* A field that says when the fallback is taken. */
typedef struct _convergeTrigger convergeTrigger;
struct _convergeTrigger {
    convergeField field;

    /* The nearest to @value that takes the fallback no sooner than @limit does; @value itself
     * where it does not. */
    gint64 (*noSooner)(gint64 value, gint64 limit);
};

extern const convergeTrigger convergeTriggers[];
extern const gsize convergeTriggerCount;

/* FALSE with CONVERGE_ERROR_POLICY set unless @name is that of a field with a row. */
gboolean convergeLimitCheckName(const char *name, GError **error);

/* What the host states in that group, else the built-in limit, in the unit of the field;
 * @host may be NULL. */
gboolean convergeLimitGet(const convergeLimit *limit, convergeLimits group,
                          const convergePolicyHost *host, gint64 *value, GError **error);
