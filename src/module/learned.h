/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * learned.h: what is read and kept of the host's ended migrations
 *
 * All functions wait for the disk for a bounded time.  Threads: that of the job, or any for Link.
 */
#pragma once

#include "libvirt/job.h"

/* See convergeJobOptions.expect and .learn. */
gint64 convergeLearnedExpect(const convergeJob *job, char **why);
void convergeLearnedAdd(const convergeJob *job, gint64 overheadMs, double bandwidth);

/* What the link to host @destination carries, bytes/s on the wire; 0: not known. */
double convergeLearnedLink(const char *destination);
