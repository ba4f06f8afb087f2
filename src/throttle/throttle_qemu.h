/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle_qemu.h: QEMU's own CPU throttle as a throttle method
 *
 * It is driven as a set-point: with cpu-throttle-initial = max-cpu-throttle = X,
 * cpu-throttle-increment = 99 and throttle-trigger-threshold = 1, QEMU throttles by exactly X, up
 * or down, at its next trigger (migration/ram.c: every second bitmap sync after which the guest
 * has dirtied more than 1 % of what was sent).
 *
 * Every guest has this method.  Whatever the method in use, this row keeps and puts back all of
 * QEMU's migration parameters that this program changes.
 */
#pragma once

#include "engine/decision.h"
#include "qemu/qemu_params.h"

/* The least that max-cpu-throttle is set to, %: QEMU's default for cpu-throttle-initial.  libvirt
 * puts cpu-throttle-initial back in one command with all parameters that it knows, of which
 * max-cpu-throttle is not one.  If max-cpu-throttle were lower, QEMU would refuse the whole
 * command.  So QEMU's throttle, once on, does not go below this. */
#define CONVERGE_THROTTLE_QEMU_LEAST 20

/* Maps HOLD, PRIME, STEP or THROTTLE to QEMU's parameters; CONVERGE_PARAM_ABSENT: unchanged.
 * Pure.
 *
 * @increment: the cpu-throttle-increment in force
 * @leastMax: max-cpu-throttle does not go below this, % */
void convergeThrottleQemuMap(const convergeDecision *decision, gint64 increment, gint64 leastMax,
                             gint64 values[CONVERGE_PARAM_LAST]);

/* The next ones take a state of the row. */

/* Writes down and sets the parameters of convergeThrottleQemuMap(). */
gboolean convergeThrottleQemuApply(gpointer state, const convergeDecision *decision,
                                   GError **error);

/* See convergeThrottlerExpectDowntime(). */
gboolean convergeThrottleQemuExpectDowntime(gpointer state, gint64 downtimeMs, GError **error);
void convergeThrottleQemuNoteDowntime(gpointer state, gint64 downtimeMs);

/* See convergeThrottlerLimitBandwidth(). */
gboolean convergeThrottleQemuLimitBandwidth(gpointer state, gint64 bps, GError **error);

/* See convergeThrottlerEnd(). */
void convergeThrottleQemuEnd(gpointer state);
