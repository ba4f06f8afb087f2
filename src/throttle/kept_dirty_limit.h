/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kept_dirty_limit.h: the dirty rates of the vCPUs as a member of the guest's record
 *
 * No state; any thread.  Errors are those of qmp.h.
 */
#pragma once

#include "throttle/dirty_limit.h"

/* The member: an array with an object for each vCPU. */
#define CONVERGE_KEPT_DIRTY_LIMIT "dirty-limits"

/* @rates: as in convergeVcpuShares; the limits are derived from them
 *
 * Returns an immutable node, to be unreferenced. */
JsonNode *convergeKeptDirtyLimitToJson(GHashTable *rates);

/* convergeThrottle.isKept */
gboolean convergeKeptDirtyLimitIsKept(JsonObject *kept);

/* convergeThrottle.putBack, see convergeDirtyLimitCancelDerived().  Sends nothing to QEMU if no
 * rates are kept.
 *
 * @callerThrottle: not used
 * @count: the number of limits that were cancelled is added */
gboolean convergeKeptDirtyLimitPutBack(JsonObject *kept, const convergeMonitor *monitor,
                                       gboolean callerThrottle, guint *count, GError **error);
