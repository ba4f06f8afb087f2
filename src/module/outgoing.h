/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outgoing.h: a policy's way through one call of an outgoing migration
 *
 * A wrapper prepares, which only reads, calls the next definition between Enter and Leave,
 * and is done.  Everything else happens when libvirt says so (call_watch.h):
 *
 *   permitted   a wrong policy, or one that takes rights that the caller lacks, is refused
 *   begun       the job is started
 *   ended       the job acts no more
 *   Leave       the job is stopped, and joined or left to itself
 *
 * So a call that libvirt refuses leaves nothing: no job, journal, record or statistics, and
 * no line in the log.
 *
 * Threads: one at a time, that of the call.
 */
#pragma once

#include "libvirt/job.h"
#include "module/call_watch.h"
#include "policy/policy.h"

typedef struct _convergeOutgoing convergeOutgoing;
struct _convergeOutgoing {
    convergeCall call;              /* first: convergeCall's callbacks get this */
    virDomainPtr domain;            /* the caller's */
    char uuid[VIR_UUID_STRING_BUFLEN];
    char *name;                     /* of the guest; the caller's domain has his word for it */
    const convergeLibvirt *libvirt; /* what a job calls */
    unsigned long flags;            /* virDomainMigrateFlags to call libvirt with */
    gboolean asked;                 /* the caller asks for a policy or for auto-converge */
    gboolean callerThrottle;        /* ...and states how QEMU is to throttle */
    convergePolicy *policy;         /* NULL: none applies */
    convergePostcopy postcopy;
    GError *error;                  /* why there is none; NULL: no reason to complain */
    convergeJob *job;               /* a reference; NULL: none has begun */
};

void convergeOutgoingClear(convergeOutgoing *outgoing);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(convergeOutgoing, convergeOutgoingClear)

/* Finds out which policy applies to a migration of @domain.
 *
 * @libvirt: must outlive the job
 * @stated: the policy that the call states, or NULL
 * @wrong: what is wrong with the call's parameters, or NULL; taken
 * @flags: virDomainMigrateFlags of the call; those to go on with are in @outgoing */
void convergeOutgoingPrepare(convergeOutgoing *outgoing, virDomainPtr domain,
                             const convergeLibvirt *libvirt, const char *stated,
                             gboolean callerThrottle, GError *wrong, unsigned long flags);

/* Around Begin: refuses what is to be refused.  Nothing is started. */
void convergeOutgoingEnterBegin(convergeOutgoing *outgoing);

/* Around Perform: also starts and stops the job.  Afterwards @succeeded says how the call
 * ended; what the job has done to a migration that failed is added to libvirt's error. */
void convergeOutgoingEnterPerform(convergeOutgoing *outgoing);
void convergeOutgoingLeavePerform(convergeOutgoing *outgoing, gboolean succeeded);
void convergeOutgoingLeaveBegin(convergeOutgoing *outgoing);

/* Around Confirm of a migration, for which no policy is looked up.
 *
 * @cancelled: the guest goes on running on this host */
void convergeOutgoingEnterConfirm(convergeOutgoing *outgoing, virDomainPtr domain);
void convergeOutgoingLeaveConfirm(convergeOutgoing *outgoing, gboolean cancelled);
