/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_disk.h: records of what to undo, on a disk that may not answer
 *
 * The functions do the same as those of undo_file.h, but wait at most
 * CONVERGE_UNDO_PATIENCE_MS.  A thread finishes what takes longer, in the order of the calls.
 *
 * Threads: one at a time for each convergeUndoDisk.  Errors are CONVERGE_ERROR_RECORD.
 */
#pragma once

#include "undo/undo_record.h"
#include "util/worker.h"

/* Enough, since the file is small and its directory is usually in memory. */
#define CONVERGE_UNDO_PATIENCE_MS 2000

/* The disk as one job sees it.  All zero to begin with. */
typedef struct _convergeUndoDisk convergeUndoDisk;
struct _convergeUndoDisk {
    convergeWorker *worker; /* NULL: nothing is under way */
};

/* Returns at once; a call under way goes on. */
void convergeUndoDiskClear(convergeUndoDisk *disk);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(convergeUndoDisk, convergeUndoDiskClear)

/* After a failed Save the file may still be written later: call Remove in any case. */
gboolean convergeUndoDiskSave(convergeUndoDisk *disk, const convergeUndoRecord *record,
                              GError **error);
gboolean convergeUndoDiskRemove(convergeUndoDisk *disk, const convergeUndoRecord *record,
                                GError **error);

/* @record: set to the record of @uuid, to be freed, or to NULL if there is none */
gboolean convergeUndoDiskLoad(convergeUndoDisk *disk, const char *dir, const char *uuid,
                              convergeUndoRecord **record, GError **error);
