/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.h: one outgoing migration of one libvirt domain under a policy
 *
 * A job owns one thread that runs the engine's loop over the public libvirt API.
 * It is started before the migration call and stopped after it returned, in the
 * daemon (by the driver module) and in a client (by the virsh extension) alike.
 *
 * Threads: start, stop, restore and free belong to whoever makes the migration
 * call.  After convergeJobStart() no function here calls libvirt in the caller's
 * thread, so that the caller's last libvirt error survives.  The loop's thread holds
 * a reference to the domain until it is joined, and not longer: a reference keeps the
 * client's connection open, and libvirt cleans up after a client when that closes.
 * Status and ceiling may be asked for
 * and set from any thread; one mutex guards them, never held across a libvirt
 * call.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "actuator/actuator_libvirt.h"
#include "engine/loop.h"
#include "policy/policy.h"

typedef struct _convergeJob convergeJob;

/* What a job must know of the migration call. */
typedef struct _convergeJobOptions convergeJobOptions;
struct _convergeJobOptions {
    const char *journalDir;     /* where the journal goes; NULL: there is none */
    convergePostcopy postcopy;  /* of convergePostcopyFind() */
    gboolean callerThrottle;    /* auto_converge.initial or .increment is stated */
};

/* Starts the loop for the migration that the caller is about to begin.  Does nothing
 * but look until the migration runs.
 *
 * @libvirt: the calls to use, which must outlive the job
 *
 * Returns NULL with @error set when no thread could be had; the migration may then
 * go on as stock. */
convergeJob *convergeJobStart(virDomainPtr dom,
                              const convergePolicy *policy,
                              const convergeLibvirt *libvirt,
                              const convergeJobOptions *options,
                              GError **error);

/* Stops and joins the loop.  With @succeeded FALSE the parameters that QEMU had
 * before are put back before this returns; with TRUE nothing more is sent, so that
 * the guest's start at the destination is not delayed.  Waits for the libvirt call under
 * way, if any: libvirt bounds how long that waits for the domain's job (30 s), not how
 * long QEMU takes to answer, which is what the migration itself depends on too. */
void convergeJobStop(convergeJob *job, gboolean succeeded);

/* Puts QEMU's parameters back after convergeJobStop(job, TRUE), when the guest goes
 * on running on the source after all.  @dom is the same domain as at the start. */
void convergeJobRestore(convergeJob *job, virDomainPtr dom);

/* After convergeJobStop(job, TRUE): the guest runs at the destination.  Until this or
 * convergeJobRestore(), a daemon that starts anew puts the parameters back if QEMU still
 * runs then.  Removes a file; no libvirt call. */
void convergeJobConfirm(convergeJob *job);

void convergeJobFree(convergeJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeJob, convergeJobFree)

/* How the migration stands. */
void convergeJobGetStatus(convergeJob *job, convergeStatus *status);
const convergePolicy *convergeJobGetPolicy(const convergeJob *job);

/* Somebody outside sets the allowed pause to @ms: what is to be in force now, which is
 * never above what the policy takes of it.  Changes nothing. */
gint64 convergeJobOutsideDowntime(convergeJob *job, gint64 ms);

/* ...and libvirt has let him: a ceiling from now on, where the policy says so. */
void convergeJobSetCeiling(convergeJob *job, gint64 ms);

/* Why the loop stood aside, has no journal or could not put things back, once; NULL: no
 * trouble, or told already.  Free with g_free(). */
char *convergeJobTakeTrouble(convergeJob *job);
