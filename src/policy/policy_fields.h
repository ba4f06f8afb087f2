/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_fields.h: the field table and the presets, for the policy code alone
 */
#pragma once

#include "policy/policy.h"

typedef enum {
    CONVERGE_TYPE_ENUM,     /* one of a list of words */
    CONVERGE_TYPE_PERCENT,  /* whole number, "%" optional */
    CONVERGE_TYPE_DURATION, /* whole number with unit ms, s, min or h; stored in ms */
    CONVERGE_TYPE_BUDGET,   /* a duration or "none", which is stored as 0; "0s" is refused, since
                             * its author means the opposite of "none" */
    CONVERGE_TYPE_SCALED,   /* a duration, or one for each GiB of guest memory ("150s/GiB"), which is
                             * stored as a negative number */
    CONVERGE_TYPE_COUNT,    /* whole number */
    CONVERGE_TYPE_LADDER,   /* words joined by "+", each once */
    CONVERGE_TYPE_LAST
} convergeFieldType;

typedef struct _convergeFieldInfo convergeFieldInfo;
struct _convergeFieldInfo {
    const char *name; /* as written in every form of a policy */
    convergeFieldType type;
    gint64 min, max;          /* allowed range, in the unit of the type; if min is 0, a
                               * duration or count of 0 is written "none" */
    const char *const *words; /* ENUM and LADDER: their words, NULL at the end */
    gint64 builtin;           /* the value if no layer states the field */
    const char *help;         /* one line, N_() */
};

extern const convergeFieldInfo convergeFields[CONVERGE_FIELD_LAST];

typedef struct _convergePreset convergePreset;
struct _convergePreset {
    const char *name;
    const char *help;   /* one line, N_() */
    const char *fields; /* those that differ from the built-in values, in text form */
};

extern const convergePreset convergePresets[];
extern const gsize convergePresetCount;

/* @text for use in a message: longer than 128 bytes, it is cut between two characters and
 * followed by "...".  Free with g_free(). */
char *convergePolicyQuote(const char *text);

/* The preset of that name, or NULL. */
const convergePreset *convergePresetFind(const char *name);

/* The field of that name; FALSE with @error set if there is none. */
gboolean convergeFieldFind(const char *name, convergeField *field, GError **error);

/* Parses one value according to its type; an error names the field and what is allowed. */
gboolean convergeFieldParse(convergeField field, const char *text, gint64 *value, GError **error);

/* Free with g_free(). */
char *convergeFieldFormat(convergeField field, gint64 value);

/* Appends "FIELD=VALUE", after a comma unless @text is empty. */
void convergeFieldAppend(GString *text, convergeField field, gint64 value);

/* What a field accepts, for example "20..99 %".  Free with g_free(). */
char *convergeFieldAllowed(convergeField field);
