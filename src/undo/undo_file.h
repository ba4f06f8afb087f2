/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_file.h: records of what to undo, each in a file of its own
 *
 * The files are called UUID.json, in a directory that does not survive a reboot, like the guests
 * that the records are about.
 *
 * A file is ignored unless it is a regular file of at most 1 MiB, owned by this user and not
 * writable by others, in a directory owned and protected in the same way, and holds a valid record
 * of the domain in its name.
 *
 * The functions wait for the disk; see undo_disk.h.  No state; any thread.  Errors are
 * CONVERGE_ERROR_IO.
 */
#pragma once

#include "undo/undo_record.h"

/* /run/libvirt/converge for root, otherwise libvirt/converge in the user's runtime directory.  Free
 * with g_free(). */
char *convergeUndoFileDefaultDir(void);

/* Writes the file atomically, and creates the directory (mode 0700) if needed.  Fails if the record
 * could not be read back, for example because it is too large. */
gboolean convergeUndoFileSave(const convergeUndoRecord *record, GError **error);

/* Removes the file.  It is no error if there is none.  A file that another process has written
 * meanwhile is left alone, which is no error either. */
gboolean convergeUndoFileRemove(const convergeUndoRecord *record, GError **error);

/* The record of one domain, to be freed; NULL: there is no valid one. */
convergeUndoRecord *convergeUndoFileLoad(const char *dir, const char *uuid);

/* All valid records of a directory, 1024 at most: an array of convergeUndoRecord, which may be
 * empty, to be unreferenced. */
GPtrArray *convergeUndoFileLoadAll(const char *dir);
