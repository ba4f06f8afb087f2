/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal_file.h: the file below a journal, which a slow or hung disk must not make felt
 *
 * Everything that touches the disk happens in a thread of the file's own.  Its lines are
 * queued, and the first of them that cannot be written or queued ends the file: what is in
 * it has no gaps.
 *
 * A directory holds CONVERGE_JOURNAL_FILES of ours.  The oldest go first, but never one that
 * is still open: it has a shared flock().
 *
 * Threads: one at a time, but for convergeJournalFileTakeTrouble().
 */
#pragma once

#include "util/error.h"

#define CONVERGE_JOURNAL_FILES 100

/* Lines that may wait for the disk. */
#define CONVERGE_JOURNAL_QUEUE (32 * 1024)

typedef struct _convergeJournalFile convergeJournalFile;

/* Has DIR/GUEST-TIME.jsonl created, and DIR where it is missing.  The guest's name keeps its
 * letters and digits, '.' and '_' of whatever script; TIME, in microseconds, tells files of
 * like names apart.
 *
 * Returns NULL with CONVERGE_ERROR_IO set when there is no thread for it.  Whether the file
 * could be created shows later, as trouble. */
convergeJournalFile *convergeJournalFileOpen(const char *dir, const char *guest, GError **error);

/* Has the file closed when all lines are written, and waits for that, as
 * convergeJournalFileWait() does; the thread goes on where it takes longer. */
void convergeJournalFileClose(convergeJournalFile *file, gint64 ms);

const char *convergeJournalFilePath(const convergeJournalFile *file);

/* FALSE: the file has ended, and what would be appended to it is lost. */
gboolean convergeJournalFileIsOpen(convergeJournalFile *file);

/* Queues @line, with its line break, and takes it.  Does nothing once the file has ended. */
void convergeJournalFileAppend(convergeJournalFile *file, char *line);

/* Waits until all lines are written, or for @ms; a disk that needs longer than that ends the
 * file.  An ended one is not waited for. */
void convergeJournalFileWait(convergeJournalFile *file, gint64 ms);

/* Why the file has ended, once; NULL: it has not, or that was told already.  Free with
 * g_free().  May be called from any thread. */
char *convergeJournalFileTakeTrouble(convergeJournalFile *file);
