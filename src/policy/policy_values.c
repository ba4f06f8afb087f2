/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_values.c: reads and prints the value of a field, as the row of the field says
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy_fields.h"
#include "util/nearest.h"

/* Longer than any valid name or value. */
#define QUOTE_MAX 128

char *
convergePolicyQuote(const char *text)
{
    gsize length = strlen(text);

    if (length <= QUOTE_MAX)
        return g_strdup(text);

    /* Do not cut a UTF-8 character: its bytes after the first are 10xxxxxx. */
    for (length = QUOTE_MAX; length > 0 && (text[length] & 0xc0) == 0x80; length--)
        ;
    return g_strdup_printf("%.*s...", (int)length, text);
}

/* How 0 is written in fields where it means that there is no limit. */
#define NONE "none"

/* Longest first: the largest unit that leaves no remainder is printed. */
static const struct {
    const char *suffix;
    gint64 ms;
} durationUnits[] = {
    { "h", 60 * 60 * 1000 },
    { "min", 60 * 1000 },
    { "s", 1000 },
    { "ms", 1 },
};

/* How the unit of a duration for each GiB of guest memory ends. */
#define PER_GIB "/GiB"

/* @ms: negative: for each GiB */
static char *
formatDuration(gint64 ms)
{
    const char *each = ms < 0 ? PER_GIB : "";
    gsize i;

    ms = ABS(ms);

    for (i = 0; i < G_N_ELEMENTS(durationUnits) - 1; i++) {
        if (ms >= durationUnits[i].ms && ms % durationUnits[i].ms == 0)
            break;
    }

    return g_strdup_printf("%" G_GINT64_FORMAT "%s%s", ms / durationUnits[i].ms,
                           durationUnits[i].suffix, each);
}

int
convergeLadderRung(gint64 ladder,
                   unsigned int index)
{
    return index < CONVERGE_RUNGS_MAX ?
        (int)((ladder >> (index * CONVERGE_RUNG_BITS)) & ((1 << CONVERGE_RUNG_BITS) - 1)) - 1 :
        -1;
}

gboolean
convergeLadderHas(gint64 ladder,
                  convergeRung rung)
{
    unsigned int i;

    for (i = 0; i < CONVERGE_RUNGS_MAX; i++) {
        if (convergeLadderRung(ladder, i) == (int)rung)
            return TRUE;
    }
    return FALSE;
}

static char *
formatLadder(const convergeFieldInfo *info,
             gint64 ladder)
{
    GString *text = g_string_new(NULL);
    unsigned int i;
    int rung;

    for (i = 0; (rung = convergeLadderRung(ladder, i)) >= 0; i++)
        g_string_append_printf(text, "%s%s", i ? "+" : "", info->words[rung]);
    return g_string_free(text, FALSE);
}

char *
convergeFieldFormat(convergeField field,
                    gint64 value)
{
    const convergeFieldInfo *info = &convergeFields[field];

    switch (info->type) {
    case CONVERGE_TYPE_ENUM:
        return g_strdup(info->words[value]);
    case CONVERGE_TYPE_LADDER:
        return formatLadder(info, value);
    case CONVERGE_TYPE_DURATION:
    case CONVERGE_TYPE_BUDGET:
    case CONVERGE_TYPE_SCALED:
        return value ? formatDuration(value) : g_strdup(NONE);
    case CONVERGE_TYPE_COUNT:
        return value ? g_strdup_printf("%" G_GINT64_FORMAT, value) : g_strdup(NONE);
    case CONVERGE_TYPE_PERCENT:
    case CONVERGE_TYPE_LAST:
    default:
        return g_strdup_printf("%" G_GINT64_FORMAT, value);
    }
}

void
convergeFieldAppend(GString *text,
                    convergeField field,
                    gint64 value)
{
    g_autofree char *word = convergeFieldFormat(field, value);

    g_string_append_printf(text, "%s%s=%s", text->len ? "," : "",
                           convergeFields[field].name, word);
}

char *
convergeFieldAllowed(convergeField field)
{
    const convergeFieldInfo *info = &convergeFields[field];
    g_autofree char *words = NULL;
    g_autofree char *min = NULL;
    g_autofree char *max = NULL;

    min = convergeFieldFormat(field, info->min);
    max = convergeFieldFormat(field, info->max);

    switch (info->type) {
    case CONVERGE_TYPE_ENUM:
        return g_strjoinv(", ", (char **)info->words);
    case CONVERGE_TYPE_LADDER:
        words = g_strjoinv(", ", (char **)info->words);
        /* TRANSLATORS: a list of words */
        return g_strdup_printf(_("%1$s, joined by '+', each at most once"), words);
    case CONVERGE_TYPE_DURATION:
        /* TRANSLATORS: range of a duration, then its possible units */
        return g_strdup_printf(_("%1$s..%2$s, with unit ms, s, min or h"), min, max);
    case CONVERGE_TYPE_SCALED:
        /* TRANSLATORS: range of a duration, then its possible units; "/GiB" is literal */
        return g_strdup_printf(_("%1$s..%2$s, with unit ms, s, min or h; with /GiB after it, for each GiB of guest memory"), min, max);
    case CONVERGE_TYPE_BUDGET:
        /* TRANSLATORS: range of a duration, then its possible units */
        return g_strdup_printf(_("none, or %1$s..%2$s, with unit ms, s, min or h"), min, max);
    case CONVERGE_TYPE_PERCENT:
        return g_strdup_printf("%s..%s %%", min, max);
    case CONVERGE_TYPE_COUNT:
    case CONVERGE_TYPE_LAST:
    default:
        return g_strdup_printf("%s..%s", min, max);
    }
}

/* Parses digits only: g_ascii_strtoll alone would take "+5", " 5" and "0x5".
 * @rest is what follows them. */
static gboolean
parseDigits(const char *text,
            gint64 *value,
            const char **rest)
{
    gsize digits = strspn(text, "0123456789");

    /* 12 digits hold every allowed value and cannot overflow a gint64, not even
     * multiplied by the milliseconds of an hour. */
    if (digits == 0 || digits > 12)
        return FALSE;

    *value = g_ascii_strtoll(text, NULL, 10);
    *rest = text + digits;
    return TRUE;
}

static gboolean
parseWord(const convergeFieldInfo *info,
          const char *text,
          gint64 *value)
{
    for (*value = 0; info->words[*value]; (*value)++) {
        if (g_str_equal(text, info->words[*value]))
            return TRUE;
    }
    return FALSE;
}

static gboolean
parseDuration(const char *text,
              gint64 *value)
{
    const char *rest;
    gsize i;

    if (!parseDigits(text, value, &rest))
        return FALSE;

    for (i = 0; i < G_N_ELEMENTS(durationUnits); i++) {
        if (g_str_equal(rest, durationUnits[i].suffix)) {
            *value *= durationUnits[i].ms;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
parseScaled(const char *text,
            gint64 *value)
{
    g_autofree char *duration = g_str_has_suffix(text, PER_GIB) ?
        g_strndup(text, strlen(text) - strlen(PER_GIB)) :
        NULL;

    if (!parseDuration(duration ? duration : text, value))
        return FALSE;
    if (!duration)
        return TRUE;
    /* 0 for each GiB would be 0 for all, which is "none". */
    *value = -*value;
    return *value < 0;
}

static gboolean
parseLadder(const convergeFieldInfo *info,
            const char *text,
            gint64 *value)
{
    g_auto(GStrv) words = g_strsplit(text, "+", CONVERGE_RUNGS_MAX + 1);
    guint seen = 0;
    gint64 rung;
    guint i;

    *value = 0;
    for (i = 0; words[i]; i++) {
        if (i == CONVERGE_RUNGS_MAX || !parseWord(info, words[i], &rung) ||
            (seen & (1U << rung)))
            return FALSE;
        seen |= 1U << rung;
        *value |= (rung + 1) << (i * CONVERGE_RUNG_BITS);
    }
    return i > 0;
}

static gboolean
inRange(const convergeFieldInfo *info,
        gint64 value)
{
    return value >= info->min && value <= info->max;
}

static gboolean
parseValue(const convergeFieldInfo *info,
           const char *text,
           gint64 *value)
{
    gboolean mayBeNone = info->type == CONVERGE_TYPE_BUDGET ||
        (info->min == 0 &&
         (info->type == CONVERGE_TYPE_DURATION || info->type == CONVERGE_TYPE_SCALED ||
          info->type == CONVERGE_TYPE_COUNT));
    const char *rest;

    if (mayBeNone && g_str_equal(text, NONE)) {
        *value = 0;
        return TRUE;
    }

    switch (info->type) {
    case CONVERGE_TYPE_ENUM:
        return parseWord(info, text, value);
    case CONVERGE_TYPE_LADDER:
        return parseLadder(info, text, value);
    case CONVERGE_TYPE_DURATION:
    case CONVERGE_TYPE_BUDGET:
        return parseDuration(text, value) && inRange(info, *value);
    case CONVERGE_TYPE_SCALED:
        return parseScaled(text, value) && inRange(info, ABS(*value));
    case CONVERGE_TYPE_PERCENT:
        return parseDigits(text, value, &rest) &&
            (*rest == '\0' || g_str_equal(rest, "%")) && inRange(info, *value);
    case CONVERGE_TYPE_COUNT:
        return parseDigits(text, value, &rest) && *rest == '\0' && inRange(info, *value);
    case CONVERGE_TYPE_LAST:
    default:
        return FALSE;
    }
}

/* Suggests a word for the first wrong one. */
static void
suggestWord(const convergeFieldInfo *info,
            const char *text,
            GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, "+", -1);
    gint64 value;
    gsize i;

    for (i = 0; words[i] && parseWord(info, words[i], &value); i++)
        ;
    if (words[i])
        convergeSuggest(error, words[i], info->words);
}

gboolean
convergeFieldParse(convergeField field,
                   const char *text,
                   gint64 *value,
                   GError **error)
{
    const convergeFieldInfo *info = &convergeFields[field];
    g_autofree char *quoted = NULL;
    g_autofree char *allowed = NULL;
    gint64 parsed = 0;

    if (parseValue(info, text, &parsed)) {
        *value = parsed;
        return TRUE;
    }

    quoted = convergePolicyQuote(text);
    allowed = convergeFieldAllowed(field);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("field '%1$s' of the converge policy has the value '%2$s'; allowed: %3$s"),
                info->name, quoted, allowed);
    if (info->words)
        suggestWord(info, text, error);
    return FALSE;
}
