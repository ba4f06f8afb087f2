/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_domain.h: the policy of one migration of one domain, from all its layers
 *
 * The one part of the policy code that calls libvirt, in the caller's thread.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "policy/policy.h"

/* Which policy steers a live migration of @dom.
 *
 * @stated: what the call says, in text form, or NULL
 * @requested: the caller has asked for auto-converge
 * @confPath: the host configuration of the source host, or NULL: it is not at hand, and the
 * built-in limits hold
 *
 * Returns NULL without @error when none does: nothing was stated or asked for, and no
 * layer says "when=always".  With @error set what call or domain state is wrong
 * (CONVERGE_ERROR_POLICY), the domain's metadata cannot be read (_LIBVIRT), or the host's
 * configuration is wrong or cannot be read (_HOST): then a caller who stated or asked for something is to be
 * refused; for any other one the migration goes on as stock. */
convergePolicy *convergePolicyForDomain(virDomainPtr dom,
                                        const char *stated,
                                        gboolean requested,
                                        const char *confPath,
                                        GError **error);
