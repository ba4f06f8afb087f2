/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_registry.h: the jobs of this daemon by domain UUID
 *
 * A job is running until its Perform has returned.  Then it is
 *
 *   gone       the migration has failed and everything is as it was
 *   leaving    the same, but its thread has not put everything back yet
 *   pending    the migration may yet fail: Confirm tells
 *   finished   the guest runs at the destination
 *
 * At most CONVERGE_REGISTRY_PENDING jobs are kept that wait for a Confirm, since a client
 * that has gone never confirms, and CONVERGE_REGISTRY_FINISHED finished ones, for the
 * completed statistics; of each domain one of either kind.
 *
 * Threads: any.  One mutex, never held across a libvirt call, a file or anything else that
 * may take long.
 */
#pragma once

#include "libvirt/job.h"

#define CONVERGE_REGISTRY_PENDING 1024
#define CONVERGE_REGISTRY_FINISHED 64

/* What becomes of a job whose Perform has returned. */
typedef enum {
    CONVERGE_REGISTRY_GONE,
    CONVERGE_REGISTRY_LEAVING,
    CONVERGE_REGISTRY_PENDING_CONFIRM,
    CONVERGE_REGISTRY_DONE,
} convergeRegistryEnd;

/* A job that runs from now on, which the registry holds a reference to. */
void convergeRegistryAdd(const char *uuid, convergeJob *job);

/* Perform of @job has returned. */
void convergeRegistryFinish(convergeJob *job, convergeRegistryEnd end);

/* The thread of @job has ended: one that is leaving is gone. */
void convergeRegistryLeft(convergeJob *job);

/* Waits until no earlier job of @uuid runs or is leaving, at most @ms.  FALSE: there still
 * is one. */
gboolean convergeRegistryAwaitEarlier(const char *uuid, const convergeJob *job, gint64 ms);

/* The job of @uuid that waits for Confirm, taken out; NULL: none.  The reference is the
 * caller's. */
convergeJob *convergeRegistryTakePending(const char *uuid);

gboolean convergeRegistryHasPending(const char *uuid);

/* Another migration of @uuid has begun: forgets the finished one, if any. */
void convergeRegistryForget(const char *uuid);

/* @job, which was taken out, has been confirmed. */
void convergeRegistryAddFinished(const char *uuid, convergeJob *job);

/* Reads a job's status and policy, running or finished as @finished says.  FALSE if
 * there is none.  Free @policy with g_free(). */
gboolean convergeRegistryGetStatus(const char *uuid, gboolean finished,
                                   convergeStatus *status, char **policy);

/* convergeJobOutsideDowntime() of the running job of that domain; @ms if there is
 * none. */
gint64 convergeRegistryOutsideDowntime(const char *uuid, gint64 ms);
void convergeRegistrySetCeiling(const char *uuid, gint64 ms);
