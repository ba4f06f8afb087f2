/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_registry.h: the jobs of this daemon by domain UUID
 *
 * Holds running jobs, and of finished ones the newest of each domain, at most
 * CONVERGE_REGISTRY_FINISHED of them, for completed statistics and for a migration
 * that fails after Perform.
 *
 * Threads: any.  One mutex; nothing here calls libvirt.
 */
#pragma once

#include "engine/job.h"

#define CONVERGE_REGISTRY_FINISHED 64

/* Registers a running job, in place of an earlier finished one of that domain.
 * Returns FALSE, and does not take @job, while another one is running. */
gboolean convergeRegistryAdd(const char *uuid, convergeJob *job);

/* The job that was added is stopped from now on.  With @keep FALSE it is taken out. */
void convergeRegistryFinish(const char *uuid, gboolean keep);

/* Forgets a finished job of that domain, if any. */
void convergeRegistryForget(const char *uuid);

/* Takes a finished job out; NULL if there is none. */
convergeJob *convergeRegistryTake(const char *uuid);

/* Reads a job's status and policy, running or finished as @finished says.  FALSE if
 * there is none.  Free @policy with g_free(). */
gboolean convergeRegistryGetStatus(const char *uuid, gboolean finished,
                                   convergeStatus *status, char **policy);

/* convergeJobOutsideDowntime() of the running job of that domain; FALSE if there is
 * none. */
gboolean convergeRegistryOutsideDowntime(const char *uuid, gint64 ms, gint64 *effective);
