/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * learned.h: what a job reads and keeps of the host's switchovers
 *
 * Threads: that of the job, which waits for the disk for a bounded time.
 */
#pragma once

#include "libvirt/job.h"

/* See convergeJobOptions.expect and .learn. */
gint64 convergeLearnedExpect(const convergeJob *job, char **why);
void convergeLearnedAdd(const convergeJob *job, gint64 overheadMs);
