/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_local.h: what our commands can say without asking a host
 *
 * Names and defaults of the site come from the configuration of this machine; the
 * environment variable VIRT_CONVERGE_CONF names another file.
 */
#pragma once

#include <glib.h>

#include "policy/policy.h"

/* FALSE when @text is wrong whatever host it is for: that one may know names of policies
 * that this machine does not. */
gboolean virshConvergePolicyMayBeRight(const char *text,
                                       GError **error);

/* FALSE when @text is wrong, or names a policy that this machine does not know. */
gboolean virshConvergePolicyCheck(const char *text,
                                  GError **error);

/* What a migration would be controlled by; @call and @domain are the text or spec of those
 * layers, or NULL. */
convergePolicy *virshConvergePolicyResolve(const char *call,
                                           const convergePolicySpec *domain,
                                           GError **error);

/* Presets and the site's own policies, in the order in which they are listed. */
char **virshConvergePolicyNames(void);

/* Output of the commands, for g_free().  @call, @domain: the text or spec of those
 * layers, or NULL. */
char *virshConvergePresets(gboolean fields);
char *virshConvergeExplain(const char *call,
                           const convergePolicySpec *domain,
                           GError **error);
char *virshConvergeCheck(const char *path,
                         GError **error);
