/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rights.h: what a caller's policy may do, by the rights that the caller has
 *
 * The loop acts with the daemon's own identity, so libvirt's access control would let it
 * do anything.  Hence the caller of a migration needs, before it begins, the right to
 * every verb that the call's own words ask for, as if the caller carried it out.  What the
 * host's configuration says is granted by the host.  What the domain's metadata says is
 * bounded by the host's limits instead, since whoever wrote it is not there to be asked.
 * docs/security.md has the table.
 */
#pragma once

#include "module/libvirt_next.h"
#include "policy/policy.h"

/* TRUE: the caller of the calling thread has the rights that @policy takes.  FALSE with
 * CONVERGE_ERROR_RIGHTS: the message names verb, field and permission.  Resets libvirt's
 * last error.
 *
 * @conn, @def: as libvirt's own check was given them */
gboolean convergeRightsCheck(const convergePolicy *policy, virConnectPtr conn,
                             virDomainDef *def, GError **error);
