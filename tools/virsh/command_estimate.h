/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_estimate.h: the options of converge-estimate, on their way to the shim
 *
 * They travel behind the verb (command_table.h) as words NAME or NAME=VALUE with a '|'
 * between them, which no policy has.
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

typedef struct {
    guint64 bandwidth;          /* MiB/s; 0: not stated */
    unsigned int seconds;
    gboolean tls, exact, json, verbose;
    char **policies;            /* empty: all that have a name */
} virshEstimateOptions;

/* NULL with @error set when anything in @args is wrong. */
char *virshConvergeEstimateFormat(GHashTable *args,
                                  GError **error);

/* @words as formatted; free the result's .policies with g_strfreev(). */
void virshConvergeEstimateParse(const char *words,
                                virshEstimateOptions *options);
