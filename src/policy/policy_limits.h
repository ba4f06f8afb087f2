/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_limits.h: the fields that a host can limit, and those that trigger the fallback; for
 * the policy code alone
 */
#pragma once

#include "policy/policy.h"

typedef struct _convergeLimit convergeLimit;
struct _convergeLimit {
    convergeField field;
    const char *builtin[CONVERGE_LIMITS_LAST]; /* in text form, if the host states none */
    const char *help;                          /* one line, N_() */

    /* The value nearest to @value that @limit allows; @value itself if it is allowed. */
    gint64 (*within)(gint64 value, gint64 limit);
};

extern const convergeLimit convergeLimitRows[];
extern const gsize convergeLimitCount;

/* The row of @field, or NULL. */
const convergeLimit *convergeLimitFind(convergeField field);

/* A field that triggers the fallback. */
typedef struct _convergeTrigger convergeTrigger;
struct _convergeTrigger {
    convergeField field;

    /* The value nearest to @value that does not trigger the fallback sooner than @limit does. */
    gint64 (*noSooner)(gint64 value, gint64 limit);
};

extern const convergeTrigger convergeTriggers[];
extern const gsize convergeTriggerCount;

/* FALSE with CONVERGE_ERROR_POLICY set unless a host can limit the field of that name. */
gboolean convergeLimitCheckName(const char *name, GError **error);

/* The limit that the host states in that group, else the built-in one, in the unit of the
 * field; @host may be NULL. */
gboolean convergeLimitGet(const convergeLimit *limit, convergeLimits group,
                          const convergePolicyHost *host, gint64 *value, GError **error);
