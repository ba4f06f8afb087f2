/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_estimate.h: passes the options of converge-estimate to the shim
 *
 * The options follow the verb (command_table.h) as words NAME or NAME=VALUE.  A '|', which
 * no policy contains, separates them.
 */
#pragma once

#include <glib.h>

#define VIRSH_ESTIMATE_BANDWIDTH "bandwidth"
#define VIRSH_ESTIMATE_SECONDS "seconds"
#define VIRSH_ESTIMATE_TLS "tls"
#define VIRSH_ESTIMATE_EXACT "exact"
#define VIRSH_ESTIMATE_JSON "json"
#define VIRSH_ESTIMATE_VERBOSE "verbose"
#define VIRSH_ESTIMATE_POLICY "policy"

/* 1 TiB/s: above any link, and small enough to be converted to any unit. */
#define VIRSH_ESTIMATE_BANDWIDTH_MOST (1024 * 1024)

typedef struct {
    guint64 bandwidth;    /* MiB/s; 0: not stated */
    unsigned int seconds; /* 0: not stated */
    gboolean tls, exact, json, verbose;
    char **policies; /* empty: all named policies */
} virshEstimateOptions;

/* Formats the options in @args; NULL with @error set if any of them is wrong. */
char *virshConvergeEstimateFormat(GHashTable *args, GError **error);

/* Parses what virshConvergeEstimateFormat() has formatted.  Free .policies with g_strfreev(). */
void virshConvergeEstimateParse(const char *words, virshEstimateOptions *options);
