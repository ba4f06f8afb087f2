/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.h: one outgoing migration of one libvirt domain under a policy
 *
 * A job owns one thread that runs the engine's loop over the public libvirt API, either in
 * the daemon (for the driver module) or in a client (for the virsh extension).  The loop
 * does nothing to the guest after convergeJobOver().
 *
 * Threads: start, stop, restore and confirm are called in the thread of the migration call.
 * They make no libvirt call in that thread, so that the caller's last libvirt error survives.
 * They never wait without a bound: a job's thread that libvirt, QEMU or a disk keeps waiting
 * is left behind, finishes its work as soon as it can, and ends.  It holds a reference to
 * the job and, while it runs, one to the domain.  The latter keeps the client's connection
 * open, whose closing would make libvirt clean up after the client.  Over, status and ceiling
 * may be used from any thread; one mutex guards them, never held across a libvirt call.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/loop.h"
#include "libvirt/backend_libvirt.h"
#include "libvirt/completion_watch.h"
#include "policy/policy.h"

typedef struct _convergeJob convergeJob;

/* What a job must know about the migration call. */
typedef struct _convergeJobOptions convergeJobOptions;
struct _convergeJobOptions {
    const char *name;          /* of the guest; NULL: taken from the domain, where in a daemon it
                                * comes from the client and is not to be trusted */
    const char *journalDir;    /* where the journal goes; NULL: no journal */
    convergePostcopy postcopy; /* from convergePostcopyFind() */
    gboolean callerThrottle;   /* auto_converge.initial or .increment is stated */
    const char *destination;   /* name of the host; NULL: unknown */
    const char *transport;     /* why memory goes over the link as it does, translated; NULL: nothing is said */

    /* Called first in the job's thread; may be NULL, and may wait.  If it returns FALSE with
     * @error set, the loop stands aside. */
    gboolean (*enter)(convergeJob *job, virDomainPtr dom, GError **error);
    /* Called last in the thread; may be NULL. */
    void (*left)(convergeJob *job);

    /* How many migrations share the policy's link-limit now, this one among them.  Called in the
     * thread, before each turn; must not wait.  NULL: this one alone. */
    guint (*sharers)(void);

    /* Both are called in the job's thread, may wait for a bounded time, and may be NULL.
     *
     * .expect returns what the downtime will take besides sending memory, ms, and sets @why to how
     * that is known, translated, to be freed; -1: it is not known.  .learn is called after a
     * migration that has shown how much it has taken, in 0..CONVERGE_OVERHEAD_MOST_MS ms, with the
     * bandwidth of the link, bytes/s on the wire. */
    gint64 (*expect)(const convergeJob *job, char **why);
    void (*learn)(const convergeJob *job, gint64 overheadMs, double bandwidth);
};

/* How a migration call ended. */
typedef enum {
    CONVERGE_JOB_FAILED,  /* the guest stays: everything is put back */
    CONVERGE_JOB_PENDING, /* not known before Confirm; nothing is sent to QEMU, so that
                           * the guest's start at the destination is not delayed */
    CONVERGE_JOB_DONE,    /* the guest runs at the destination */
} convergeJobEnd;

/* How long stop, restore and confirm wait for a job's thread, ms.  Normally it takes a few. */
#define CONVERGE_JOB_PATIENCE_MS 5000

/* Starts the loop.
 *
 * @libvirt: the calls to use, which must outlive the job
 *
 * Returns a reference, or NULL with @error set if no thread could be started; the migration
 * may then go on as stock. */
convergeJob *convergeJobStart(virDomainPtr dom,
                              const convergePolicy *policy,
                              const convergeLibvirt *libvirt,
                              const convergeJobOptions *options,
                              GError **error);

convergeJob *convergeJobRef(convergeJob *job);
void convergeJobUnref(convergeJob *job); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeJob, convergeJobUnref)

/* libvirt is about to end its job of this migration: the loop acts no more, so that it does not
 * touch the domain's next migration.  Never waits. */
void convergeJobOver(convergeJob *job);

/* Stops the loop.  Returns FALSE if its thread has not ended after CONVERGE_JOB_PATIENCE_MS; it
 * goes on by itself then. */
gboolean convergeJobStop(convergeJob *job, convergeJobEnd end);

/* After convergeJobStop(job, CONVERGE_JOB_PENDING): the guest goes on running on the source, and
 * everything is put back.  @dom is the same domain as at the start.  Returns as
 * convergeJobStop(). */
gboolean convergeJobRestore(convergeJob *job, virDomainPtr dom);

/* After convergeJobStop(job, CONVERGE_JOB_PENDING): the guest runs at the destination, and the
 * record is removed.  If the daemon is killed before this or convergeJobRestore(), the next one
 * puts everything back, provided that QEMU still runs.  Returns as convergeJobStop().
 *
 * @watch: started before libvirt has confirmed the migration, to learn from its downtime; may be
 *         NULL; is taken */
gboolean convergeJobConfirm(convergeJob *job, convergeCompletionWatch *watch);

/* The loop's status at the end of its last turn. */
void convergeJobGetStatus(convergeJob *job, convergeStatus *status);
const convergePolicy *convergeJobGetPolicy(const convergeJob *job);
const char *convergeJobGetName(const convergeJob *job);
const char *convergeJobGetUUID(const convergeJob *job);
const char *convergeJobGetDestination(const convergeJob *job); /* NULL: unknown */
gboolean convergeJobCallerThrottles(const convergeJob *job);

/* When the job was started, ms since 1970. */
gint64 convergeJobGetBegin(const convergeJob *job);

/* The downtime as libvirt reports it after a migration, ms; 0: it is not known. */
gint64 convergeJobGetDowntime(convergeJob *job);

/* The migration's entry in the host's history; 0: it has none. */
void convergeJobSetHistoryId(convergeJob *job, gint64 id);
gint64 convergeJobGetHistoryId(convergeJob *job);

/* Why the loop stands aside, translated; NULL: it does not.  Free with g_free(). */
char *convergeJobExplainAside(convergeJob *job);

/* Whether the migration call has returned, or libvirt's job is over.  An .enter that waits must
 * stop waiting then. */
gboolean convergeJobIsStopping(convergeJob *job);

/* The last rung of the fallback that was taken, why, and which part of the policy asks for it: one
 * translated sentence without a period; NULL: no rung was taken.  Free with g_free(). */
char *convergeJobExplainRung(convergeJob *job, convergeVerb *verb);

/* The downtime limit to set in QEMU when an outside caller asks for @ms: never above the loop's
 * present limit.  Changes nothing. */
gint64 convergeJobOutsideDowntime(convergeJob *job, gint64 ms);

/* libvirt has accepted an outside caller's downtime limit of @ms: unless the policy ignores that,
 * the loop stays below it from now on. */
void convergeJobSetCeiling(convergeJob *job, gint64 ms);

/* What went wrong: why the loop stands aside, has no journal or could not put things back.  Each
 * trouble is reported once, here or by convergeLibvirt.log; NULL: there is no new one.  Free with
 * g_free(). */
char *convergeJobTakeTrouble(convergeJob *job);
