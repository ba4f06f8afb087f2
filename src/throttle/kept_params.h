/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kept_params.h: QEMU's migration parameters as a member of the guest's record
 *
 * Threads: one at a time for each object.  Errors are those of qmp.h.
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

/* To be called before parameter @name is set to @value.  Keeps the newest 16 values: if the process
 * is killed, the parameter may have the value of before or the new one.
 *
 * @name: as in QMP; must outlive @params
 * @boolean: of type bool in QMP, otherwise an integer
 * @original: what it was before this program changed it; ignored after the first call for @name */
void convergeKeptParamsSet(convergeKeptParams *params, const char *name, gboolean boolean,
                           gint64 original, gint64 value);

/* Returns a copy of the present state: an immutable node, to be unreferenced. */
JsonNode *convergeKeptParamsToJson(const convergeKeptParams *params);

/* convergeThrottle.isKept */
gboolean convergeKeptParamsIsKept(JsonObject *kept);

/* convergeThrottle.putBack, see convergeQemuParamsPutBack().  Sends nothing to QEMU if no
 * parameters are kept.
 *
 * @callerThrottle: cpu-throttle-initial and -increment are left alone
 * @count: the number of parameters that were changed is added */
gboolean convergeKeptParamsPutBack(JsonObject *kept, const convergeMonitor *monitor,
                                   gboolean callerThrottle, guint *count, GError **error);
