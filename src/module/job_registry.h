/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_registry.h: the jobs of this daemon by domain UUID
 *
 * A job is running until its Perform has returned.  Then it is
 *
 *   failed     the migration has failed and everything is restored
 *   leaving    the migration has failed, and the job's thread is still restoring
 *   pending    the migration may still fail; the job waits for Confirm
 *   finished   the guest runs at the destination
 *
 * The registry keeps at most CONVERGE_REGISTRY_PENDING jobs that wait for Confirm, since a
 * client that has gone never confirms, and at most CONVERGE_REGISTRY_FINISHED finished and as
 * many failed jobs, for the statistics.  Of each domain it keeps at most one of each kind.
 *
 * Threads: any.  One mutex, which is never held across a libvirt call, file access or anything
 * else that may take long.
 */
#pragma once

#include "libvirt/job.h"

#define CONVERGE_REGISTRY_PENDING 1024
#define CONVERGE_REGISTRY_FINISHED 64

/* The state of a job whose Perform has returned. */
typedef enum {
    CONVERGE_REGISTRY_FAILED,
    CONVERGE_REGISTRY_LEAVING,
    CONVERGE_REGISTRY_PENDING_CONFIRM,
    CONVERGE_REGISTRY_DONE,
} convergeRegistryEnd;

/* Adds a job that starts to run.  The registry takes a reference of its own. */
void convergeRegistryAdd(const char *uuid, convergeJob *job);

/* Reports that Perform of @job has returned. */
void convergeRegistryFinish(convergeJob *job, convergeRegistryEnd end);

/* Reports that the thread of @job has ended.  A job that was leaving is then gone. */
void convergeRegistryLeft(convergeJob *job);

/* Waits at most @ms until no job of @uuid older than @job is running or leaving.  Returns
 * FALSE if there still is one. */
gboolean convergeRegistryAwaitEarlier(const char *uuid, const convergeJob *job, gint64 ms);

/* Removes and returns the job of @uuid that waits for Confirm; NULL if there is none.  The
 * caller owns the reference. */
convergeJob *convergeRegistryTakePending(const char *uuid);

gboolean convergeRegistryHasPending(const char *uuid);

/* Removes the finished and the failed job of @uuid, if any, because another migration has begun. */
void convergeRegistryForget(const char *uuid);

/* Adds @job after convergeRegistryTakePending() and Confirm, as finished or as failed. */
void convergeRegistryAddEnded(const char *uuid, convergeJob *job, convergeRegistryEnd end);

/* Reads the status and policy of the running job or, with @finished, of the finished one.
 * FALSE if there is no such job.  Free @policy with g_free(). */
gboolean convergeRegistryGetStatus(const char *uuid, gboolean finished,
                                   convergeStatus *status, char **policy);

/* The same of the last migration, if that has failed.  libvirt keeps no statistics of it. */
gboolean convergeRegistryGetFailed(const char *uuid, convergeStatus *status, char **policy);

/* The jobs that run, oldest first: an array of convergeJob, each with a reference, to be unreferenced. */
GPtrArray *convergeRegistryListRunning(void);

/* How many of the jobs that run share the link by their policy's link-limit. */
guint convergeRegistryCountLimited(void);

/* convergeJobOutsideDowntime() of the running job of that domain; returns @ms if there is no
 * such job. */
gint64 convergeRegistryOutsideDowntime(const char *uuid, gint64 ms);
void convergeRegistrySetCeiling(const char *uuid, gint64 ms);
