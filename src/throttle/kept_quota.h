/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kept_quota.h: the CPU quotas of the vCPUs as a member of the guest's record
 *
 * No state; any thread.  Errors are CONVERGE_ERROR_IO.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "qemu/qmp.h"
#include "throttle/vcpu_quota.h"

/* The member: an array with an object for each vCPU. */
#define CONVERGE_KEPT_QUOTA "groups"

/* The groups of @quota with their originals: an immutable node, to be unreferenced. */
JsonNode *convergeKeptQuotaToJson(const convergeVcpuQuota *quota);

/* convergeThrottle.isKept */
gboolean convergeKeptQuotaIsKept(JsonObject *kept);

/* convergeThrottle.putBack, which needs only files.  Goes on after a failure, and reports the
 * first.
 *
 * @monitor, @callerThrottle: not used
 * @count: the number of vCPUs whose quota is restored or was never changed is added */
gboolean convergeKeptQuotaPutBack(JsonObject *kept, const convergeMonitor *monitor,
                                  gboolean callerThrottle, guint *count, GError **error);
