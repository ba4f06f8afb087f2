/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_file.h: records of what to undo, each in a file of its own
 *
 * UUID.json, in a directory that goes away with the running system, as do the guests that the
 * records are about.
 *
 * A file is ignored unless it is such as this program writes it: a regular file of this user that
 * nobody else may write to, in a directory of which the same is true, of 1 MiB at most, with a
 * record of the domain that the file is named after.
 *
 * The functions wait for the disk; see undo_disk.h.  No state; any thread.  Errors are
 * CONVERGE_ERROR_IO.
 */
#pragma once

#include "undo/undo_record.h"

/* /run/libvirt/converge, or for other users than root the like in theirs.  g_free(). */
char *convergeUndoFileDefaultDir(void);

/* Writes the file, at once or not at all, and makes the directory (mode 0700) if need be.
 * Fails where the record could not be read back: too large, say. */
gboolean convergeUndoFileSave(const convergeUndoRecord *record, GError **error);

/* Removes the file.  No error if there is none, or one of another process, which has begun a
 * record of its own meanwhile and keeps it. */
gboolean convergeUndoFileRemove(const convergeUndoRecord *record, GError **error);

/* The record of one domain; NULL: there is none that can be believed. */
convergeUndoRecord *convergeUndoFileLoad(const char *dir, const char *uuid);

/* All records of a directory, 1024 at most: an array of convergeUndoRecord, perhaps empty, to
 * be unreferenced. */
GPtrArray *convergeUndoFileLoadAll(const char *dir);
