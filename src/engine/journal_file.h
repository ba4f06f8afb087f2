/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal_file.h: the file of a journal, whose writer never waits for a slow or hung disk
 *
 * A thread of the file's own does everything that touches the disk.  Lines are queued for it.
 * The first line that cannot be queued or written ends the file, so that it has no gaps.
 *
 * A directory holds at most CONVERGE_JOURNAL_FILES journals.  The oldest are removed first, but
 * never one that is still open, which its writer holds with a shared flock().
 *
 * Threads: one at a time, except for convergeJournalFileTakeTrouble().
 */
#pragma once

#include "util/error.h"

#define CONVERGE_JOURNAL_FILES 100

/* The most lines that may wait for the disk. */
#define CONVERGE_JOURNAL_QUEUE (32 * 1024)

typedef struct _convergeJournalFile convergeJournalFile;

/* Has DIR/GUEST-TIME.jsonl created, and DIR if it is missing.  GUEST is the guest's name, of
 * which only letters and digits of any script, '.' and '_' are kept; TIME, in microseconds, tells
 * files of the same guest apart.
 *
 * Returns NULL with CONVERGE_ERROR_IO set if the thread cannot be started.  A failure to create
 * the file is reported later, as trouble. */
convergeJournalFile *convergeJournalFileOpen(const char *dir, const char *guest, GError **error);

/* Has the file closed after all lines are written, and waits for that for at most @ms.  If the
 * disk needs longer, the thread goes on by itself. */
void convergeJournalFileClose(convergeJournalFile *file, gint64 ms);

const char *convergeJournalFilePath(const convergeJournalFile *file);

/* Returns FALSE if the file has ended, so that nothing can be appended any more. */
gboolean convergeJournalFileIsOpen(convergeJournalFile *file);

/* Queues @line, which ends in a line break, and takes it.  Drops it if the file has ended. */
void convergeJournalFileAppend(convergeJournalFile *file, char *line);

/* Waits until all lines are written, at most for @ms; if the disk needs longer, the file ends.
 * Returns at once if the file has ended. */
void convergeJournalFileWait(convergeJournalFile *file, gint64 ms);

/* Why the file has ended early; NULL: it has not, or that was returned before.  Free with
 * g_free().  May be called from any thread. */
char *convergeJournalFileTakeTrouble(convergeJournalFile *file);
