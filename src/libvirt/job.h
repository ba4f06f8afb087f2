/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.h: one outgoing migration of one libvirt domain under a policy
 *
 * A job owns one thread that runs the engine's loop over the public libvirt API, in the
 * daemon (by the driver module) and in a client (by the virsh extension) alike.  Nothing
 * is done to the guest before the caller has started the job, nor after convergeJobOver().
 *
 * Threads: start, stop, restore and confirm belong to the thread of the migration call.
 * None of them calls libvirt there, so that the caller's last libvirt error survives, and
 * none waits without a bound: a thread that libvirt, QEMU or a disk keeps waiting is left
 * behind, does what it has to do as soon as it can, and ends.  It holds a reference to the
 * job, and while it runs one to the domain: that keeps the client's connection open, and
 * libvirt cleans up after a client when that closes.  Over, status and ceiling may be used
 * from any thread; one mutex guards them, never held across a libvirt call.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/loop.h"
#include "libvirt/backend_libvirt.h"
#include "policy/policy.h"

typedef struct _convergeJob convergeJob;

/* What a job must know of the migration call. */
typedef struct _convergeJobOptions convergeJobOptions;
struct _convergeJobOptions {
    const char *name;           /* of the guest; NULL: what the domain says, which in a daemon is its
                                 * client's word */
    const char *journalDir;     /* where the journal goes; NULL: there is none */
    convergePostcopy postcopy;  /* of convergePostcopyFind() */
    gboolean callerThrottle;    /* auto_converge.initial or .increment is stated */

    /* Called first in the job's thread; may be NULL, and may wait.  FALSE with @error: the
     * loop stands aside. */
    gboolean (*enter)(convergeJob *job, virDomainPtr dom, GError **error);
    /* Called last in the thread; may be NULL. */
    void (*left)(convergeJob *job);
};

/* How a migration call ended. */
typedef enum {
    CONVERGE_JOB_FAILED,        /* the guest stays: everything is put back */
    CONVERGE_JOB_PENDING,       /* Confirm will tell; nothing is sent, so that the guest's
                                 * start at the destination is not delayed */
    CONVERGE_JOB_DONE,          /* the guest runs at the destination */
} convergeJobEnd;

/* How long stop, restore and confirm wait for a thread, ms.  An undisturbed one takes a
 * few. */
#define CONVERGE_JOB_PATIENCE_MS 5000

/* Starts the loop.
 *
 * @libvirt: the calls to use, which must outlive the job
 *
 * Returns a reference, or NULL with @error set when no thread could be had; the migration
 * may then go on as stock. */
convergeJob *convergeJobStart(virDomainPtr dom,
                              const convergePolicy *policy,
                              const convergeLibvirt *libvirt,
                              const convergeJobOptions *options,
                              GError **error);

convergeJob *convergeJobRef(convergeJob *job);
void convergeJobUnref(convergeJob *job);    /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeJob, convergeJobUnref)

/* libvirt is about to end its job of this migration: the loop acts no more, on whatever
 * migration the domain may have next.  Never waits. */
void convergeJobOver(convergeJob *job);

/* Stops the loop.  FALSE: its thread is still waiting for something after
 * CONVERGE_JOB_PATIENCE_MS, and goes on when that has come. */
gboolean convergeJobStop(convergeJob *job, convergeJobEnd end);

/* Puts everything back after convergeJobStop(job, CONVERGE_JOB_PENDING), when the guest goes
 * on running on the source after all.  @dom is the same domain as at the start. */
gboolean convergeJobRestore(convergeJob *job, virDomainPtr dom);

/* After convergeJobStop(job, CONVERGE_JOB_PENDING): the guest runs at the destination.  Until
 * this or convergeJobRestore(), a daemon that starts anew puts things back if QEMU still runs
 * then.  No libvirt call. */
gboolean convergeJobConfirm(convergeJob *job);

/* How the migration stands. */
void convergeJobGetStatus(convergeJob *job, convergeStatus *status);
const convergePolicy *convergeJobGetPolicy(const convergeJob *job);
const char *convergeJobGetUUID(const convergeJob *job);
gboolean convergeJobCallerThrottles(const convergeJob *job);

/* The migration call has returned, or libvirt's job is over: an @enter that waits shall not
 * any longer. */
gboolean convergeJobIsStopping(convergeJob *job);

/* The last rung of the fallback that was taken: what, why, and who has asked for it, as one
 * translated sentence without a period; NULL: none was.  Free with g_free(). */
char *convergeJobExplainRung(convergeJob *job, convergeVerb *verb);

/* Somebody outside sets the allowed pause to @ms: what is to be in force now, which is
 * never above what the policy takes of it.  Changes nothing. */
gint64 convergeJobOutsideDowntime(convergeJob *job, gint64 ms);

/* ...and libvirt has let him: a ceiling from now on, where the policy says so. */
void convergeJobSetCeiling(convergeJob *job, gint64 ms);

/* What went wrong, once: why the loop stood aside, has no journal or could not put things
 * back; NULL: nothing, or told already, also to convergeLibvirt.log.  Free with g_free(). */
char *convergeJobTakeTrouble(convergeJob *job);
