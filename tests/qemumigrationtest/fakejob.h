/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakejob.h: jobs of a guest whose QEMU is a process
 *
 * The record goes to a directory of the test.  Defines some calls of libvirt, and the clock.
 */
#pragma once

#include "libvirt/job.h"

#define JOB_UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

/* A policy under which the loop sets QEMU's parameters and the downtime at once. */
#define ACTS "adaptive,actuator=qemu,initial-downtime=50ms"

/* So far ahead that no wait for a time ends; and so late that each has ended. */
#define NEVER_MS (24 * 60 * 60 * 1000)
#define AT_ONCE_MS (-60 * 1000)

typedef struct _jobCalls jobCalls;
struct _jobCalls {
    GMutex lock; /* guards all below */
    GCond changed;
    int iteration;      /* in the job statistics */
    guint64 sent;       /* likewise, bytes */
    guint64 ratio;      /* of what is sent to what the link carries of it; 0: there is no compression */
    guint looks;        /* at the job statistics */
    void (*look)(void); /* called at each, without the lock; or NULL */
    gboolean hangs;     /* a look does not return */
    gboolean refuses;   /* a new downtime */
    gboolean shutOff;
    gboolean paused;  /* the guest stands still, and unless... */
    gboolean remains; /* ...this is set, all memory is sent */
    guint suspends, left, identities;
    int references;   /* to the domain */
    guint64 downtime; /* that was set last, ms */
    GString *log;
    void (*passed)(virConnectPtr, virDomainPtr, int, void *);
    void *passedOpaque;
    virFreeCallback passedFree;
    virConnectDomainEventJobCompletedCallback completed;
    void *completedOpaque;
    virFreeCallback completedFree;
};

extern jobCalls calls;
extern gint shiftMs;        /* atomic: what the clock is ahead */
extern gint clockReads;     /* atomic: how often it was asked, at least once in each turn */
extern char *top, *records; /* directories, of the test and of the records */

extern const convergeLibvirt client;
extern const convergeLibvirt daemonCalls;

/* Once for each program: the first after g_test_init(), the other before the end. */
void jobsInit(void);
void jobsClear(void);

/* A new guest, whatever was done to the last one. */
void reset(void);

/* @author: who states the policy */
convergeJob *startBy(convergeLayer author, const char *text, const convergeLibvirt *libvirt,
                     convergeJobOptions options);
convergeJob *startWith(const char *text, const convergeLibvirt *libvirt,
                       convergeJobOptions options);
convergeJob *start(const char *text, const convergeLibvirt *libvirt);

/* The loop has looked so often. */
void awaitLooks(guint n);
/* What was looked at by now has been acted on. */
void awaitTurn(void);
void awaitDowntime(guint64 ms);
/* A look that does not return returns. */
void letLook(void);

gboolean hasRecord(void);
convergeState stateOf(convergeJob *job);
/* How often @text is in the log. */
guint logged(const char *text);
