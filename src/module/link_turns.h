/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link_turns.h: the migrations of this daemon that take turns on the host's link
 *
 * A call of Perform waits for its turn before QEMU begins: a peer-to-peer one within libvirt's job,
 * a direct one between Begin and Perform, whose job Begin has begun.  So the guest is seen to
 * migrate, and virDomainAbortJob() ends the wait.  Meanwhile nothing is done to the guest.
 *
 * Threads: any.  One mutex, which is held while the status of other jobs and /proc are read, but never
 * across a libvirt call, a line of the log or anything else that may take long.
 */
#pragma once

#include "policy/policy.h"

/* A turn that a call of Perform waits for or has; one a call. */
typedef struct _convergeLinkTurn convergeLinkTurn;

/* libvirt has permitted Begin of a direct migration of @uuid, whose Perform may wait. */
void convergeLinkTurnPermit(const char *uuid);

/* Whether that has happened, and nothing has aborted the migration since.  A permit counts once. */
gboolean convergeLinkTurnTakePermit(const char *uuid);

/* Waits until the migration may begin, for a bounded time.  Returns NULL if it does not take turns.
 *
 * @uuid, @name: of the guest
 * @memory: of the guest, bytes
 *
 * Makes no libvirt call. */
convergeLinkTurn *convergeLinkTurnAwait(const char *uuid, const char *name,
                                        const convergePolicy *policy, guint64 memory);

/* The call of Perform has returned.  @turn may be NULL. */
void convergeLinkTurnEnd(convergeLinkTurn *turn);

/* libvirt has accepted that the migration of @uuid is aborted: it waits no longer, nor does it begin
 * to, and libvirt will not let QEMU begin it. */
void convergeLinkTurnAbort(const char *uuid);

/* Why the migration of @uuid waits, translated; NULL: it does not.  Free with g_free(). */
char *convergeLinkTurnExplain(const char *uuid);
