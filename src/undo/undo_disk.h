/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_disk.h: records of what to undo, on a disk that may not answer
 *
 * The same as the functions of undo_file.h, but none waits for longer than
 * CONVERGE_UNDO_PATIENCE_MS.  What takes longer is finished by a thread of its own, in the
 * order of the calls.
 *
 * Threads: one at a time for each convergeUndoDisk.  Errors are CONVERGE_ERROR_RECORD.
 */
#pragma once

#include "undo/undo_record.h"
#include "util/worker.h"

/* The file is small, and its directory mostly in memory. */
#define CONVERGE_UNDO_PATIENCE_MS 2000

/* The disk as one job sees it.  All zero to begin with. */
typedef struct _convergeUndoDisk convergeUndoDisk;
struct _convergeUndoDisk {
    convergeWorker *worker;     /* NULL: nothing is under way */
};

/* Returns at once; what is under way goes on. */
void convergeUndoDiskClear(convergeUndoDisk *disk);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(convergeUndoDisk, convergeUndoDiskClear)

/* After a failure the file may still be written some time: remove it in any case. */
gboolean convergeUndoDiskSave(convergeUndoDisk *disk, const convergeUndoRecord *record,
                              GError **error);
gboolean convergeUndoDiskRemove(convergeUndoDisk *disk, const convergeUndoRecord *record,
                                GError **error);

/* @record: that of @uuid, to be freed; NULL where there is none. */
gboolean convergeUndoDiskLoad(convergeUndoDisk *disk, const char *dir, const char *uuid,
                              convergeUndoRecord **record, GError **error);
