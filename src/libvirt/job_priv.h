/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_priv.h: what the files of a job share
 *
 * job.c starts and stops the job's thread, job_run.c is what runs in it, and job_tell.c is what others
 * learn of it.
 */
#pragma once

#include "engine/switchover.h"
#include "libvirt/job.h"

struct _convergeJob {
    /* Set at the start, read-only afterwards. */
    convergePolicy *policy;
    const convergeLibvirt *libvirt;
    convergeJobOptions options; /* without its strings */
    char *journalDir;
    char *transport; /* see convergeJobOptions; may be NULL */
    char *destination;
    char *name;
    char uuid[VIR_UUID_STRING_BUFLEN];
    gint64 beginMs; /* since 1970 */

    /* Used by the job's thread or, while it does not run, by the caller that starts one. */
    convergeBackendLibvirt *libvirtBackend;
    convergeBackend acting;  /* over .libvirtBackend */
    convergeBackend backend; /* the same, or what only observes with it */
    virDomainPtr dom;        /* a reference */
    gboolean unlimited;      /* what it sends cannot be limited, which was told */
    convergeSwitchover switchover;
    convergeCompletionWatch *completion; /* while .switchover lacks the downtime; or NULL */

    GMutex lock;      /* guards all below */
    GCond wake;       /* wakes the thread */
    GCond idle;       /* the thread has ended */
    gboolean running; /* the thread runs */
    gboolean over;    /* libvirt's job is over: no more turns */
    gboolean stop;    /* the migration call has returned */
    convergeJobEnd end;
    gboolean passed; /* a pass has begun since the last turn */
    gint64 ceilingMs;
    convergeStatus status;
    gint64 downtimeMs; /* as libvirt reports it after the end; 0: it has not */
    gint64 historyId;
    char *aside; /* why the loop stands aside, or NULL */
    char *trouble;
};

/* --- job_tell.c, any thread --- */

/* Logs @text or, without a log, keeps it for convergeJobTakeTrouble() unless an earlier one is
 * waiting. */
void jobTell(convergeJob *job, const char *text);

/* Copies the loop's status, and reports new trouble and a new rung of the fallback. */
void jobTakeOver(convergeJob *job, convergeLoop *loop);

/* --- job_run.c, in the job's thread --- */

/* From the start to the end of the migration call. */
void jobRunLoop(convergeJob *job);

/* After a failure: puts everything back. */
void jobRestoreNow(convergeJob *job);

/* After libvirt has confirmed the migration. */
void jobConfirmNow(convergeJob *job);
