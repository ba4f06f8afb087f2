/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metrics_writer.h: writes the metrics of this daemon where the host's configuration wants them
 *
 * A thread writes the file as a whole when a migration begins or ends, and at least every
 * CONVERGE_METRICS_S, so that the age of the file tells whether the daemon lives.  A disk that does not
 * answer holds that thread alone.  A file that cannot be written costs one line in the log, until it
 * can be written again.  Without a directory in the configuration there is no thread and no file;
 * what has happened is counted all the same.
 *
 * Threads: any.  One mutex, which is never held across file access or a libvirt call.
 */
#pragma once

#include "history/history_entry.h"

#define CONVERGE_METRICS_S 15

/* To be called when the daemon runs.  Before that the other functions only count.  Only the first
 * call has an effect.
 *
 * @conf: the path of the host's configuration, which lives on */
void convergeMetricsWriterStart(const char *conf);

/* A migration has begun. */
void convergeMetricsWriterBegun(void);

/* A migration has ended. */
void convergeMetricsWriterEnded(const convergeHistoryEntry *entry);
