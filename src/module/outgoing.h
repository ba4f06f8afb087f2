/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outgoing.h: applies a policy to one call of an outgoing migration
 *
 * A wrapper calls Prepare, which only reads, and then the next definition between Enter and
 * Leave.  Everything else happens in callbacks (call_watch.h):
 *
 *   permitted   refuses a policy that is wrong, or that needs rights that the caller lacks
 *   begun       starts the job
 *   ended       keeps the job from acting
 *   Leave       stops the job, and joins its thread or leaves that to itself
 *
 * So a call that libvirt refuses leaves no trace: no job, journal, record or statistics, and
 * no line in the log.
 *
 * Threads: only that of the call.
 */
#pragma once

#include "libvirt/job.h"
#include "libvirt/policy_domain.h"
#include "module/call_watch.h"
#include "module/link_turns.h"
#include "policy/policy.h"

typedef struct _convergeOutgoing convergeOutgoing;
struct _convergeOutgoing {
    convergeCall call;   /* must be first: its callbacks cast it to the whole */
    virDomainPtr domain; /* borrowed from the caller */
    char uuid[VIR_UUID_STRING_BUFLEN];
    char *name;                     /* of the guest, as libvirt knows it: the caller chooses the
                                     * name in its domain */
    const convergeLibvirt *libvirt; /* libvirt calls for the job */
    unsigned long flags;            /* virDomainMigrateFlags for the next definition */
    gboolean asked;                 /* the caller asks for a policy or for auto-converge */
    convergeStated stated;          /* borrowed from the caller */
    convergePolicy *policy;         /* NULL: no policy applies */
    convergePostcopy postcopy;
    guint64 memory;                      /* of the guest, bytes; 0: unknown */
    convergeLinkTurn *turn;              /* NULL: it takes no turns, or has none yet */
    char *destination;                   /* name of the host; NULL: unknown */
    char *transport;                     /* why memory goes over the link as it does; NULL: nothing is said */
    gboolean picked;                     /* the call was given what asks for another transport */
    convergeCompletionWatch *completion; /* Confirm only; may be NULL */
    GError *error;                       /* why no policy applies; NULL: nothing is wrong */
    convergeJob *job;                    /* a reference; NULL: no job has begun */
};

void convergeOutgoingClear(convergeOutgoing *outgoing);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(convergeOutgoing, convergeOutgoingClear)

/* Finds the policy for a migration of @domain.
 *
 * @libvirt: must outlive the job
 * @stated: what the call states; its autoConverge is taken from @flags
 * @wrong: what is wrong with the call's parameters, or NULL; ownership is transferred
 * @flags: virDomainMigrateFlags of the call; @outgoing->flags has those for libvirt */
void convergeOutgoingPrepare(convergeOutgoing *outgoing, virDomainPtr domain,
                             const convergeLibvirt *libvirt, const convergeStated *stated,
                             GError *wrong, unsigned long flags);

/* Chooses how memory goes over the link, and adds that to the call.  In a direct migration only the client can do so:
 * both hosts need the same flags.  Reads a part of the guest's memory, see page_sample.h; takes up to half a second where the policy
 * leaves the choice, and no time otherwise.  Nothing is done for a caller without the right to migrate.
 *
 * @uri: of the destination; may be NULL
 * @params: an array of libvirt's, which may move; what is added to it belongs to the caller */
void convergeOutgoingPickTransport(convergeOutgoing *outgoing, const char *uri,
                                   virTypedParameterPtr *params, int *nparams, int *maxparams);

/* Whether a call that has failed should be made again with memory as it is: what was added to it may be what the
 * destination does not have, and no memory has moved.  To be asked between the call and LeavePerform.  Says in the
 * daemon's log why. */
gboolean convergeOutgoingMayGoPlain(const convergeOutgoing *outgoing);

/* Around Begin: refuses a wrong policy, but starts nothing. */
void convergeOutgoingEnterBegin(convergeOutgoing *outgoing);
void convergeOutgoingLeaveBegin(convergeOutgoing *outgoing, gboolean succeeded);

/* Around Perform: waits for the migration's turn on the link, starts and stops the job.
 *
 * @uri: of the destination: of its daemon for a peer-to-peer migration, else of its QEMU; may be NULL
 * @succeeded: whether the call has succeeded.  If not, the policy's action is added to
 * libvirt's error. */
void convergeOutgoingEnterPerform(convergeOutgoing *outgoing, const char *uri);
void convergeOutgoingLeavePerform(convergeOutgoing *outgoing, gboolean succeeded);

/* Around Confirm of a migration, which looks up no policy.
 *
 * @libvirt: must outlive the job
 * @cancelled: the guest goes on running on this host */
void convergeOutgoingEnterConfirm(convergeOutgoing *outgoing, virDomainPtr domain,
                                  const convergeLibvirt *libvirt);
void convergeOutgoingLeaveConfirm(convergeOutgoing *outgoing, gboolean cancelled);
