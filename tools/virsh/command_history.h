/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_history.h: passes the options of converge-history to the shim
 *
 * They follow the verb as virshConvergeArgsFormat() writes them.
 */
#pragma once

#include <glib.h>

#define VIRSH_HISTORY_DOMAIN "domain"
#define VIRSH_HISTORY_ID "id"
#define VIRSH_HISTORY_SINCE "since"
#define VIRSH_HISTORY_FAILED "failed"
#define VIRSH_HISTORY_OBSERVED "observed"
#define VIRSH_HISTORY_JSON "json"

typedef struct {
    char *domain;   /* name or UUID; NULL: all */
    gint64 id;      /* 0: all */
    gint64 sinceMs; /* since 1970; 0: all */
    gboolean failed, observed, json;
} virshHistoryOptions;

/* Formats the options in @args; NULL with @error set if any of them is wrong. */
char *virshConvergeHistoryFormat(GHashTable *args, GError **error);

/* Parses what virshConvergeHistoryFormat() has formatted.  Free .domain with g_free(). */
void virshConvergeHistoryParse(const char *words, virshHistoryOptions *options);
