/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_history.c: passes the options of converge-history to the shim
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "util/error.h"

#include "command_history.h"
#include "command_table.h"

/* Longer than any history reaches back, and small enough to be converted to any unit. */
#define UNITS_MOST 100000

/* How long ago, such as "12h". */
static const struct {
    const char *name;
    gint64 seconds;
} units[] = {
    { "min", 60 },
    { "h", 60 * 60 },
    { "d", 24 * 60 * 60 },
};

/* "DATE", "DATE TIME" or "DATETTIME", local time unless it states another zone. */
static gint64
parseDate(const char *text)
{
    g_autofree char *full = strlen(text) == strlen("2026-01-31") ? g_strconcat(text, "T00:00:00", NULL) :
        strlen(text) == strlen("2026-01-31 12:00")               ? g_strconcat(text, ":00", NULL) :
                                                                   g_strdup(text);
    g_autoptr(GTimeZone) zone = g_time_zone_new_local();
    g_autoptr(GDateTime) when = NULL;

    g_strdelimit(full, " ", 'T');
    when = g_date_time_new_from_iso8601(full, zone);
    return when ? g_date_time_to_unix(when) * 1000 : 0;
}

/* 0: @text is no time */
static gint64
parseSince(const char *text)
{
    char *end = NULL;
    guint64 number = g_ascii_strtoull(text, &end, 10);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(units); i++) {
        if (g_ascii_isdigit(text[0]) && number <= UNITS_MOST && g_str_equal(end, units[i].name))
            return MAX(g_get_real_time() / 1000 - (gint64)number * units[i].seconds * 1000, 1);
    }
    return parseDate(text);
}

static gboolean
check(GHashTable *args,
      GError **error)
{
    const char *since = g_hash_table_lookup(args, VIRSH_HISTORY_SINCE);
    const char *id = g_hash_table_lookup(args, VIRSH_HISTORY_ID);

    if (id && !g_ascii_string_to_unsigned(id, 10, 1, G_MAXINT64, NULL, NULL)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("invalid value '%1$s' of option --%2$s; allowed: a number that converge-history lists"),
                    id, VIRSH_HISTORY_ID);
        return FALSE;
    }
    if (since && parseSince(since) <= 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("invalid value '%1$s' of option --%2$s; allowed: a time ago such as 30min, 12h or 7d, or a local date such as '2026-01-31' or '2026-01-31 12:00'"),
                    since, VIRSH_HISTORY_SINCE);
        return FALSE;
    }
    return TRUE;
}

char *
virshConvergeHistoryFormat(GHashTable *args,
                           GError **error)
{
    return check(args, error) ? virshConvergeArgsFormat(args) : NULL;
}

void
virshConvergeHistoryParse(const char *words,
                          virshHistoryOptions *options)
{
    g_autoptr(GHashTable) args = virshConvergeArgsRead(words);
    const char *value;

    *options = (virshHistoryOptions) { 0 };
    options->domain = g_strdup(g_hash_table_lookup(args, VIRSH_HISTORY_DOMAIN));
    if ((value = g_hash_table_lookup(args, VIRSH_HISTORY_ID)))
        options->id = g_ascii_strtoll(value, NULL, 10);
    if ((value = g_hash_table_lookup(args, VIRSH_HISTORY_SINCE)))
        options->sinceMs = parseSince(value);
    options->failed = g_hash_table_contains(args, VIRSH_HISTORY_FAILED);
    options->observed = g_hash_table_contains(args, VIRSH_HISTORY_OBSERVED);
    options->json = g_hash_table_contains(args, VIRSH_HISTORY_JSON);
}
