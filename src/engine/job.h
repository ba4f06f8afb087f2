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

/* Starts the loop for the migration that the caller is about to begin.  Changes
 * nothing until the migration runs.
 *
 * @libvirt: the calls to use, which must outlive the job
 * @journalDir: where the journal goes; NULL, or one that cannot be written: none
 *
 * Returns NULL with @error set when no thread could be had; the migration may then
 * go on as stock. */
convergeJob *convergeJobStart(virDomainPtr dom,
                              const convergePolicy *policy,
                              const convergeLibvirt *libvirt,
                              const char *journalDir,
                              GError **error);

/* Stops and joins the loop.  With @succeeded FALSE the parameters that QEMU had
 * before are put back before this returns; with TRUE nothing more is sent, so that
 * the guest's start at the destination is not delayed.  Waits for at most the
 * libvirt calls under way (each bounded by libvirt's 30 s job wait). */
void convergeJobStop(convergeJob *job, gboolean succeeded);

/* Puts QEMU's parameters back after convergeJobStop(job, TRUE), when the guest goes
 * on running on the source after all.  @dom is the same domain as at the start. */
void convergeJobRestore(convergeJob *job, virDomainPtr dom);

void convergeJobFree(convergeJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeJob, convergeJobFree)

/* How the migration stands. */
void convergeJobGetStatus(convergeJob *job, convergeStatus *status);
const convergePolicy *convergeJobGetPolicy(const convergeJob *job);

/* Somebody outside sets the allowed pause to @ms.  Returns the pause that is to be
 * in force now, which is never above @ms, or -1 to leave things as they are. */
gint64 convergeJobOutsideDowntime(convergeJob *job, gint64 ms);

/* Why the loop stood aside or has no journal, once; NULL: no trouble, or told
 * already.  Free with g_free(). */
char *convergeJobTakeTrouble(convergeJob *job);
