/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_domain.h: the policy of one migration of one domain, from all its layers
 *
 * This is the only part of the policy code that calls libvirt, in the caller's thread.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "policy/policy.h"

/* Returns the policy for a live migration of @dom.
 *
 * @stated: the policy of the call, in text form, or NULL
 * @requested: the caller has asked for auto-converge
 * @confPath: the host configuration of the source host, or NULL if it is not available; the
 * built-in limits then apply
 *
 * Returns NULL without @error when no policy applies: the caller has neither stated nor
 * asked for one, and no layer states "when=always".  Returns NULL with @error set when the
 * call or the domain states something wrong (CONVERGE_ERROR_POLICY), the domain's metadata
 * cannot be read (_LIBVIRT), or the host's configuration is wrong or cannot be read (_HOST).
 * The migration of a caller who stated or asked for a policy must then be refused; any other
 * migration goes on without a policy. */
convergePolicy *convergePolicyForDomain(virDomainPtr dom,
                                        const char *stated,
                                        gboolean requested,
                                        const char *confPath,
                                        GError **error);
