/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kept_params.h: QEMU's migration parameters as a member of the guest's record
 *
 * Threads: no state but in the objects; one thread at a time for each.  Errors are those of
 * qmp.h.
 */
#pragma once

#include "qemu/qemu_params.h"

/* The member: an array with an object for each parameter. */
#define CONVERGE_KEPT_PARAMS "parameters"

/* What each parameter was, and the values that it may have been set to. */
typedef struct _convergeKeptParams convergeKeptParams;

convergeKeptParams *convergeKeptParamsNew(void);
void convergeKeptParamsFree(convergeKeptParams *params);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeKeptParams, convergeKeptParamsFree)

/* Parameter @name will be set to @value.  The newest 16 values are kept, so that a value counts
 * as this program's also if the process is killed before or after it is set.
 *
 * @name: as in QMP; must outlive @params
 * @boolean: of type bool in QMP, otherwise an integer
 * @original: what it was before this program changed it; that of the first call counts */
void convergeKeptParamsSet(convergeKeptParams *params, const char *name, gboolean boolean,
                           gint64 original, gint64 value);

/* A value that later calls do not change; immutable, to be unreferenced. */
JsonNode *convergeKeptParamsToJson(const convergeKeptParams *params);

/* convergeThrottle.isKept */
gboolean convergeKeptParamsIsKept(JsonObject *kept);

/* convergeThrottle.putBack, see convergeQemuParamsPutBack().  Asks QEMU nothing if no parameters
 * are kept.
 *
 * @callerThrottle: cpu-throttle-initial and -increment are left alone
 * @count: the number of parameters that were changed is added */
gboolean convergeKeptParamsPutBack(JsonObject *kept, const convergeMonitor *monitor,
                                   gboolean callerThrottle, guint *count, GError **error);
