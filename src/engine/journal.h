/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.h: what was seen, predicted, decided and why, one file per migration
 *
 * JSON Lines.  Every line has "v" (format version, CONVERGE_JOURNAL_VERSION),
 * "type" and "t" (ms from the start of the loop); readers ignore members and
 * types that they do not know.  Units: bytes, bytes/s, ms, %.
 *
 * Bounded: a file holds at most CONVERGE_JOURNAL_BYTES, of which a part is reserved
 * for decisions and the end; a directory holds at most CONVERGE_JOURNAL_FILES.
 *
 * The file is written by a thread of its own: only convergeJournalWait() and
 * convergeJournalClose() wait for the disk.  The first line that cannot be written
 * ends the journal, which convergeJournalTrouble() reports.
 *
 * Threads: one at a time, except for convergeJournalTrouble().
 */
#pragma once

#include "engine/decision.h"

#define CONVERGE_JOURNAL_VERSION 1
#define CONVERGE_JOURNAL_BYTES (4 * 1024 * 1024)

/* The directory for journals of this process: libvirt's log directory for root, otherwise
 * the user's state directory.  Free with g_free(). */
char *convergeJournalDefaultDir(void);

typedef struct _convergeJournal convergeJournal;

/* Has DIR/GUEST-TIME.jsonl created, and DIR if it is missing.
 *
 * Returns NULL with CONVERGE_ERROR_IO set if the thread cannot be started.  A failure to
 * create the file is reported later, as trouble. */
convergeJournal *convergeJournalOpen(const char *dir, const char *guest, GError **error);

/* Closes the journal after all lines are written; waits like convergeJournalWait(). */
void convergeJournalClose(convergeJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeJournal, convergeJournalClose)

/* Waits until all lines are written, at most a second; if the disk needs longer, that is
 * trouble. */
void convergeJournalWait(convergeJournal *journal);

/* Why the journal has ended early, translated; NULL: it has not, or that was returned
 * before.  Free with g_free().  May be called from any thread. */
char *convergeJournalTrouble(convergeJournal *journal);

const char *convergeJournalPath(const convergeJournal *journal);

/* The path without the directory. */
const char *convergeJournalName(const convergeJournal *journal);

void convergeJournalStart(convergeJournal *journal, const char *guest,
                          const char *uuid, const char *policy, const char *where);
/* What a policy that states times for each GiB is for this guest.
 *
 * @memory: of the guest, as QEMU counts it
 * @why: translated */
void convergeJournalPolicy(convergeJournal *journal, gint64 timeMs, const char *policy, guint64 memory, const char *why);

/* Why memory goes over the link as it does, translated. */
void convergeJournalTransport(convergeJournal *journal, gint64 timeMs, const char *why);
/* What a switchover is taken to cost besides sending memory.  @why: translated */
void convergeJournalOverhead(convergeJournal *journal, gint64 timeMs, gint64 overheadMs, const char *why);
/* @method: its name in policies; @why: translated */
void convergeJournalThrottleMethod(convergeJournal *journal, gint64 timeMs, const char *method,
                                   const char *why);
void convergeJournalSample(convergeJournal *journal, const convergeModel *model,
                           convergeNews news);
void convergeJournalDecision(convergeJournal *journal, const convergeModel *model,
                             const convergeDecision *decision, const char *text,
                             const GError *failure);
/* @result: "done", "post-copy" (memory is still being moved) or "failed" */
void convergeJournalEnd(convergeJournal *journal, const convergeModel *model,
                        const char *result, gint64 nowMs, const char *trouble);
