/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_restore.h: put back what a record holds, after the process that wrote it has died
 *
 * For the next daemon (module/recovery.c) and for virt-converge-undo.  Each value is judged
 * by itself: one that is still ours goes back to what it was, one that somebody else has set
 * meanwhile stays.
 *
 * Threads: no state but in the objects; one thread at a time for each record.
 */
#pragma once

#include "qemu/qmp.h"
#include "undo/undo_record.h"

/* Puts back the quotas of the vCPUs, QEMU's limits of their dirty rate and QEMU's migration
 * parameters.  Goes on after a failure, and reports the first.
 *
 * @monitor: of the QEMU that the record is about, which the caller has checked to live
 * @callerThrottle: another migration has begun, whose caller has stated cpu-throttle-initial
 *                  or -increment: these are left alone
 * @params: how many of QEMU's parameters were changed */
gboolean convergeUndoPutBack(const convergeUndoRecord *record, const convergeMonitor *monitor,
                             gboolean callerThrottle, guint *params, GError **error);

/* The same when no migration is under way; then removes the record, if nothing is left of
 * it.  FALSE, with nothing done, while QEMU has not ended the interrupted migration. */
gboolean convergeUndoRestore(const convergeUndoRecord *record, const convergeMonitor *monitor,
                             guint *params, GError **error);
