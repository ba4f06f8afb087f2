/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_fields.h: the field table and the presets, for the policy code alone
 */
#pragma once

#include "policy/policy.h"

typedef enum {
    CONVERGE_TYPE_ENUM,         /* one of a list of words */
    CONVERGE_TYPE_PERCENT,      /* whole number, "%" optional */
    CONVERGE_TYPE_DURATION,     /* whole number with unit ms, s, min or h; kept in ms */
    CONVERGE_TYPE_LAST
} convergeFieldType;

typedef struct _convergeFieldInfo convergeFieldInfo;
struct _convergeFieldInfo {
    const char *name;           /* as written in every form of a policy */
    convergeFieldType type;
    gint64 min, max;            /* allowed values, in the unit of the type */
    const char *const *words;   /* CONVERGE_TYPE_ENUM: max + 1 words */
    const char *help;           /* one line, N_() */
};

extern const convergeFieldInfo convergeFields[CONVERGE_FIELD_LAST];

typedef struct _convergePreset convergePreset;
struct _convergePreset {
    const char *name;
    const char *help;           /* one line, N_() */
    gint64 value[CONVERGE_FIELD_LAST];
};

extern const convergePreset convergePresets[];
extern const gsize convergePresetCount;

/* Parses one value as its type says; NULL @error detail never: a failure names
 * the field and what is allowed. */
gboolean convergeFieldParse(convergeField field, const char *text, gint64 *value, GError **error);

/* Free with g_free(). */
char *convergeFieldFormat(convergeField field, gint64 value);

/* "20..99 %", "none, stepped or adaptive": what a field accepts. g_free(). */
char *convergeFieldAllowed(convergeField field);
