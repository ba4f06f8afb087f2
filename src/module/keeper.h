/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper.h: writes down in the host's history what the jobs of this daemon come to
 *
 * An entry is written when the job begins and again when the migration has ended.  A disk that does not
 * answer is waited for at most CONVERGE_KEEPER_MS; an entry that cannot be written costs one line in
 * the log, never the migration.  No libvirt call is made, so that the caller's last error survives.
 *
 * Any thread.
 */
#pragma once

#include "history/history_entry.h"
#include "libvirt/job.h"

#define CONVERGE_KEEPER_MS 1000
#define CONVERGE_KEEPER_ENTRIES 100

/* To be called in the job's thread, before memory moves. */
void convergeKeeperBegin(convergeJob *job);

/* The migration of @job has ended.  @error: libvirt's, or NULL */
void convergeKeeperEnd(convergeJob *job, convergeOutcome outcome, const char *error);

/* The newest entries of domain @uuid, at most CONVERGE_KEEPER_ENTRIES, one line of JSON each, the oldest
 * first; NULL if the history cannot be read in time.  Free with g_free(). */
char *convergeKeeperTell(const char *uuid);

/* Closes what a killed daemon has left open, in a thread of its own.  Only the first call has an
 * effect. */
void convergeKeeperRecover(void);
