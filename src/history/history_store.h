/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history_store.h: the directory that holds the history of a host
 *
 * One file for each migration, ID.json.  A file is created when the migration begins, so that it
 * survives a killed daemon, and replaced atomically when it ends.  Several processes may write: an ID
 * belongs to the process that has created its file.  The directory holds a bounded number of files,
 * each of at most CONVERGE_HISTORY_BYTES; the oldest are removed first.
 *
 * A file that is cut off, damaged, too large, or that others may have written is skipped and
 * counted.  All functions wait for the disk.  No state but the files; any thread, and any process.
 */
#pragma once

#include "history/history_entry.h"
#include "util/error.h"

/* How many entries a directory holds, unless the host's configuration states another number. */
#define CONVERGE_HISTORY_MOST 1000

/* The directory for the history beside the journals in @journalDir.  Free with g_free(). */
char *convergeHistoryDir(const char *journalDir);

/* Creates the file of a new entry and sets @entry->id and the writer, this process.  Removes the
 * oldest files so that at most @most, at least 1, are left; creates the directory if needed.  Returns
 * FALSE with CONVERGE_ERROR_IO set if the directory or file cannot be written. */
gboolean convergeHistoryAdd(const char *dir, convergeHistoryEntry *entry, guint most, GError **error);

/* Replaces the file of @entry->id, which was removed meanwhile if others needed the room.  Errors as
 * convergeHistoryAdd(). */
gboolean convergeHistoryReplace(const char *dir, const convergeHistoryEntry *entry, GError **error);

/* All entries, the oldest first; an entry that is running but whose writer has ended is returned as
 * interrupted.  A directory that is missing is empty.
 *
 * @skipped: set to the number of files that could not be read
 *
 * Returns NULL with CONVERGE_ERROR_IO set if the directory cannot be read, or if others than this
 * user and root may write to it. */
GPtrArray *convergeHistoryLoad(const char *dir, guint *skipped, GError **error);

/* Writes down what convergeHistoryLoad() only returns: the entries that a killed daemon has left
 * become interrupted, with the present time as their end.  To be called when a daemon starts. */
void convergeHistoryCloseInterrupted(const char *dir);
