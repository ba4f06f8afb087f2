/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rights.h: checks that a caller has the rights that its policy needs
 *
 * The loop acts with the daemon's own identity, so libvirt's access control would let it do
 * anything.  Hence, before a migration begins, its caller needs the right to every action that
 * the call's own policy may take, as if the caller took it.  The host grants what its
 * configuration states.  The host's limits bound what the domain's metadata states, since the
 * rights of its author are unknown.  docs/security.md has the table.
 */
#pragma once

#include "module/libvirt_next.h"
#include "policy/policy.h"

/* TRUE if the caller of the calling thread has the rights that @policy needs.  FALSE with
 * CONVERGE_ERROR_RIGHTS set; the message names field, value and permission.  Resets libvirt's
 * last error.
 *
 * @conn, @def: the arguments of libvirt's own check */
gboolean convergeRightsCheck(const convergePolicy *policy, virConnectPtr conn,
                             virDomainDef *def, GError **error);
