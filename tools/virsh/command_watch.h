/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_watch.h: passes the options of converge-watch to the shim
 *
 * After the verb (command_table.h) follow words, separated by ',': one for each option that is
 * stated, which begins with '-', and the guests, escaped as in URIs, where no '-' stands first.
 */
#pragma once

#include <glib.h>

typedef struct {
    gboolean all;  /* whatever migrates, as long as the user looks */
    gboolean json; /* lines of JSON */
    char **guests; /* names, ids or UUIDs; empty: all that migrate */
} virshWatchOptions;

/* Formats the options in @args; NULL with @error set if they contradict each other. */
char *virshConvergeWatchFormat(GHashTable *args, GError **error);

/* Parses what virshConvergeWatchFormat() has formatted.  Free .guests with g_strfreev(). */
void virshConvergeWatchParse(const char *words, virshWatchOptions *options);
