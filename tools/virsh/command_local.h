/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_local.h: the output of our commands that needs no connection to a host
 *
 * The site's policies and defaults come from the configuration of this machine; the
 * environment variable VIRT_CONVERGE_CONF can name another file.
 */
#pragma once

#include <glib.h>

#include "policy/policy_rule.h"

/* What is known of a domain; borrowed, each may be NULL. */
typedef struct {
    const convergePolicySpec *spec;   /* what its metadata states */
    const convergeDomainFacts *facts; /* what rules may ask of it */
} virshConvergeDomain;

/* FALSE with @error set if @text is wrong for every host.  A policy name that this machine does
 * not know may exist on another host. */
gboolean virshConvergePolicyMayBeRight(const char *text, GError **error);

/* FALSE with @error set if @text is wrong, or names a policy unknown to this machine. */
gboolean virshConvergePolicyCheck(const char *text, GError **error);

/* The policy that would control a migration; @call is the text of that layer, or NULL. */
convergePolicy *virshConvergePolicyResolve(const char *call, const virshConvergeDomain *domain,
                                           GError **error);

/* The names of the presets and of the site's policies, in the order of their listing. */
char **virshConvergePolicyNames(void);

/* The output of the commands; free with g_free().  @call is the text of that layer, or NULL. */
char *virshConvergePresets(gboolean fields);
char *virshConvergePresetsJSON(void);
char *virshConvergeExplain(const char *call, const virshConvergeDomain *domain, gboolean json, GError **error);

/* What @spec states, as JSON. */
char *virshConvergeSpecJSON(const convergePolicySpec *spec);
char *virshConvergeCheck(const char *path, GError **error);
