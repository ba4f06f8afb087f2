/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link_turns.h: the one arbiter of this daemon, for the migrations that leave its host
 *
 * Threads: any.  One mutex, which is taken before a job's and never held across a libvirt call or
 * anything else that may take long.
 */
#pragma once

#include "libvirt/job.h"

/* See convergeJobOptions.claim.  A job becomes a member of the arbiter at its first claim. */
gboolean convergeLinkTurnsClaim(convergeJob *job, const convergeArbiterClaim *claim);

/* The thread of @job has ended. */
void convergeLinkTurnsLeave(convergeJob *job);
