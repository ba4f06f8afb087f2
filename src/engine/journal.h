/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.h: what was seen, predicted, decided and why, one file per migration
 *
 * JSON Lines.  Every line has "v" (format version, CONVERGE_JOURNAL_VERSION),
 * "type" and "t" (ms from the start of the loop); readers ignore members and
 * types that they do not know.  Units: bytes, bytes/s, ms, %.
 *
 * Bounded: a file holds at most CONVERGE_JOURNAL_BYTES (decisions and the end are
 * kept when samples are no longer), a directory a number of ours (journal_file.h).
 *
 * A thread of its own writes it: nothing here waits for the disk but
 * convergeJournalWait() and convergeJournalClose().  When a line cannot be written, the
 * journal ends, and only convergeJournalTrouble() tells.
 *
 * Threads: one at a time, but for convergeJournalTrouble().
 */
#pragma once

#include "engine/decision.h"

#define CONVERGE_JOURNAL_VERSION 1
#define CONVERGE_JOURNAL_BYTES (4 * 1024 * 1024)

/* Where journals of this process go: libvirt's log directory for root, else the
 * user's state directory.  Free with g_free(). */
char *convergeJournalDefaultDir(void);

typedef struct _convergeJournal convergeJournal;

/* Has DIR/GUEST-TIME.jsonl created, and DIR where it is missing.
 *
 * Returns NULL with CONVERGE_ERROR_IO set when there is no thread to write it.  That
 * the file cannot be created shows later, as trouble. */
convergeJournal *convergeJournalOpen(const char *dir, const char *guest, GError **error);

/* Closes it when all is written, which is waited for as convergeJournalWait() does. */
void convergeJournalClose(convergeJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeJournal, convergeJournalClose)

/* Waits until all is written, for a second at most; a disk that needs longer is trouble. */
void convergeJournalWait(convergeJournal *journal);

/* Why the journal has ended before its time, translated, once; NULL: it has not, or that
 * was told already.  Free with g_free().  May be called from any thread. */
char *convergeJournalTrouble(convergeJournal *journal);

const char *convergeJournalPath(const convergeJournal *journal);

/* The same without the directory. */
const char *convergeJournalName(const convergeJournal *journal);

void convergeJournalStart(convergeJournal *journal, const char *guest,
                          const char *uuid, const char *policy, const char *where);
/* @actuator: as policies write it; @why: translated */
void convergeJournalThrottleMethod(convergeJournal *journal, gint64 timeMs, const char *actuator,
                             const char *why);
void convergeJournalSample(convergeJournal *journal, const convergeModel *model,
                           convergeNews news);
void convergeJournalDecision(convergeJournal *journal, const convergeModel *model,
                             const convergeDecision *decision, const char *text,
                             const GError *failure);
/* @result: "done", "post-copy" (the rest of memory is still to come) or "failed" */
void convergeJournalEnd(convergeJournal *journal, const convergeModel *model,
                        const char *result, gint64 nowMs, const char *trouble);
