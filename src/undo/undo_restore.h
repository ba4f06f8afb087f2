/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_restore.h: put back what a record holds, after the process that wrote it has died
 *
 * For the next daemon (module/recovery.c) and for virt-converge-undo.  A value that this program
 * has set goes back to what it was; a value that others have set meanwhile stays.
 *
 * The functions go on after a failure, and report the first.  @counts is set to what each throttle
 * method has put back, see convergeThrottle.putBack.
 *
 * Threads: one at a time for each record.
 */
#pragma once

#include "throttle/throttle.h"
#include "undo/undo_record.h"

/* How many values of each throttle method @record holds. */
void convergeUndoCount(const convergeUndoRecord *record, guint counts[CONVERGE_METHOD_LAST]);

/* Those of @counts that are not 0, as one translated text to be freed with g_free(); NULL: all
 * are 0. */
char *convergeUndoExplain(const guint counts[CONVERGE_METHOD_LAST]);

/* The next three set @counts to the number of values that were restored.
 *
 * Puts back what needs neither QEMU nor libvirt. */
gboolean convergeUndoPutBackFiles(const convergeUndoRecord *record,
                                  guint counts[CONVERGE_METHOD_LAST], GError **error);

/* Puts back everything, files first.
 *
 * @monitor: of the QEMU that the record is about; the caller has checked that it lives
 * @callerThrottle: another migration has begun, whose caller has stated cpu-throttle-initial
 *                  or -increment, which are left alone */
gboolean convergeUndoPutBack(const convergeUndoRecord *record, const convergeMonitor *monitor,
                             gboolean callerThrottle, guint counts[CONVERGE_METHOD_LAST],
                             GError **error);

/* Puts back everything, and removes the record's file if nothing has failed.  Returns FALSE with
 * @error set, and does nothing, while QEMU has not ended the interrupted migration. */
gboolean convergeUndoRestore(const convergeUndoRecord *record, const convergeMonitor *monitor,
                             guint counts[CONVERGE_METHOD_LAST], GError **error);
