/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_watch.c: passes the options of converge-watch to the shim
 */
#include <glib/gi18n-lib.h>

#include "util/error.h"

#include "command_table.h"
#include "command_watch.h"

#define SEPARATOR ","
#define ALL "-all"
#define JSON "-json"

char *
virshConvergeWatchFormat(GHashTable *args,
                         GError **error)
{
    const char *domains = g_hash_table_lookup(args, "domain");
    g_auto(GStrv) guests = g_strsplit(domains ? domains : "", VIRSH_ARGV_SEPARATOR, -1);
    g_autoptr(GString) words = g_string_new(SEPARATOR);
    gsize i;

    if (domains && g_hash_table_contains(args, "all")) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("Options --%1$s and --%2$s are mutually exclusive"), "domain", "all");
        return NULL;
    }
    if (g_hash_table_contains(args, "all"))
        g_string_append(words, ALL SEPARATOR);
    if (g_hash_table_contains(args, "json"))
        g_string_append(words, JSON SEPARATOR);
    for (i = 0; guests[i]; i++) {
        g_autofree char *name = g_uri_escape_string(guests[i], NULL, FALSE);

        /* URIs escape no '-'. */
        g_string_append_printf(words, "%s%s" SEPARATOR, *name == '-' ? "%2D" : "", *name == '-' ? name + 1 : name);
    }
    return g_string_free(g_steal_pointer(&words), FALSE);
}

void
virshConvergeWatchParse(const char *words,
                        virshWatchOptions *options)
{
    g_auto(GStrv) parts = g_strsplit(words ? words : "", SEPARATOR, -1);
    g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(g_free);
    gsize i;

    *options = (virshWatchOptions) { 0 };
    for (i = 0; parts[i]; i++) {
        options->all |= g_str_equal(parts[i], ALL);
        options->json |= g_str_equal(parts[i], JSON);
        if (*parts[i] && *parts[i] != '-')
            g_ptr_array_add(guests, g_uri_unescape_string(parts[i], NULL));
    }
    g_ptr_array_add(guests, NULL);
    options->guests = (char **)g_ptr_array_free(g_steal_pointer(&guests), FALSE);
}
