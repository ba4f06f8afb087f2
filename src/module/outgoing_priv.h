/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outgoing_priv.h: what the daemon's log and the caller's error say of a policy, for outgoing.c
 *
 * Threads: only that of the call.
 */
#pragma once

#include "module/outgoing.h"

/* Makes @error the caller's. */
void outgoingRaise(const GError *error);

/* Logs what of the policy the caller may not expect: rules and limits of the host, what has no
 * effect, what is risky. */
void outgoingLogPolicy(const convergeOutgoing *outgoing);

/* Logs where to read what the policy has done. */
void outgoingLogFailure(convergeJob *job);

/* Adds to libvirt's error that the policy, and no client, has aborted or paused the guest. */
void outgoingExplainFailure(convergeJob *job);
