/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_domain.h: the policy of one migration of one domain, from all its layers
 *
 * This is the only part of the policy code that calls libvirt, in the caller's thread.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "policy/policy.h"

/* What a call states itself. */
typedef struct _convergeStated convergeStated;
struct _convergeStated {
    const char *policy; /* in text form, or NULL */

    /* auto_converge.initial and .increment in %; 0: not stated.  They are the call's
     * initial-throttle and throttle-increment.  Beside a policy that the call states, they are
     * refused if they have no effect under it.  Otherwise they are then disregarded: the caller
     * may not know of any policy. */
    int initial;
    int increment;

    gboolean autoConverge; /* the caller has asked for auto-converge */
};

/* Whether QEMU's throttle parameters are the caller's. */
gboolean convergeStatedThrottle(const convergeStated *stated);

/* Takes @param if it is one of the two numbers above. */
void convergeStatedTake(convergeStated *stated, const virTypedParameter *param);

/* Returns the policy for a live migration of @dom.
 *
 * @confPath: the host configuration of the source host, or NULL if it is not available; the
 * built-in limits then apply
 *
 * Returns NULL without @error when no policy applies: the caller has neither stated nor
 * asked for one, and no layer states "when=always".  Returns NULL with @error set when the
 * call or the domain states something wrong (CONVERGE_ERROR_POLICY), the domain's metadata, or
 * the XML that rules need, cannot be read (_LIBVIRT), or the host's configuration is wrong or cannot be read (_HOST).
 * The migration of a caller who stated or asked for a policy must then be refused; any other
 * migration goes on without a policy. */
convergePolicy *convergePolicyForDomain(virDomainPtr dom,
                                        const convergeStated *stated,
                                        const char *confPath,
                                        GError **error);
