/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_registry.h: the jobs of this daemon by domain UUID
 *
 * Holds running jobs, and of finished ones the newest of each domain: at most
 * CONVERGE_REGISTRY_PENDING of those that wait for Confirm, since the migration may yet fail
 * (a client that has gone never confirms), and CONVERGE_REGISTRY_FINISHED of the others, for
 * completed statistics.
 *
 * Threads: any.  One mutex; nothing here calls libvirt.
 */
#pragma once

#include "engine/job.h"

#define CONVERGE_REGISTRY_PENDING 1024
#define CONVERGE_REGISTRY_FINISHED 64

/* Makes room for the job of a migration that is about to begin, in place of a finished
 * one.  FALSE while there is another migration of that domain. */
gboolean convergeRegistryReserve(const char *uuid);

/* Fills the room; NULL gives it up. */
void convergeRegistryAdd(const char *uuid, convergeJob *job);

/* The job that was added is stopped: is forgotten, or with @succeeded waits for Confirm. */
void convergeRegistryFinish(const char *uuid, gboolean succeeded);

/* Confirm said yes, if the job waits for it. */
void convergeRegistryConfirm(const char *uuid);

/* Takes out a job that no Confirm has said yes to; NULL if there is none. */
convergeJob *convergeRegistryTakePending(const char *uuid);

/* Forgets a finished job of that domain, if any. */
void convergeRegistryForget(const char *uuid);

/* Reads a job's status and policy, running or finished as @finished says.  FALSE if
 * there is none.  Free @policy with g_free(). */
gboolean convergeRegistryGetStatus(const char *uuid, gboolean finished,
                                   convergeStatus *status, char **policy);

/* convergeJobOutsideDowntime() of the running job of that domain; @ms if there is
 * none. */
gint64 convergeRegistryOutsideDowntime(const char *uuid, gint64 ms);
void convergeRegistrySetCeiling(const char *uuid, gint64 ms);
