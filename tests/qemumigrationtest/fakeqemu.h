/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakeqemu.h: a small QEMU behind fake libvirt calls
 *
 * It has migration parameters, whose merged set it checks as the real one does.  If it has a dirty
 * ring, it measures and limits the dirty rate of its vCPUs.
 */
#pragma once

#include "qemu/qemu_params.h"

#define FAKE_VCPUS 3

/* QEMU's state, and what it was asked. */
typedef struct _fakeQemu fakeQemu;
struct _fakeQemu {
    gint64 params[CONVERGE_PARAM_LAST]; /* in the order of convergeQemuParam */
    const char *status;                 /* of the migration */
    int jobType;                        /* what libvirt's job statistics have */
    int id;                             /* of the domain */
    gboolean paused;
    const char *runState;   /* in QEMU's words */
    gint64 remaining;       /* to send, bytes */
    gint64 downtimeBytes;   /* sent while the guest stood still; -1: QEMU does not tell */
    gint64 bandwidthAtCont; /* when the guest was last told to run; 0: never */
    const char *endsAtCont; /* the status that the migration has after that; NULL: it goes on */

    gboolean noKVM; /* then the mode dirty-ring makes it crash */
    gboolean ring;
    const char *measured;       /* status of the measurement of dirty rates */
    gint64 rates[FAKE_VCPUS];   /* measured, MiB/s */
    gint64 limits[FAKE_VCPUS];  /* 0: no limit */
    gint64 current[FAKE_VCPUS]; /* under the limit */
    pid_t thread;               /* of the only vCPU that QEMU names; 0: QEMU refuses to */

    const char *refused;   /* a command or a parameter that QEMU refuses */
    guint refusedAtRuns;   /* times that parameters are refused once the guest was told to run */
    gboolean refusesLimit; /* of the last vCPU */
    guint dies;            /* QEMU dies at this command, from 1; 0: never */

    guint commands; /* of any kind */
    guint paramSets, limitSets, limitCancels, limitQueries, migrateQueries, probes;
};

/* Each parameter has a different value: { 20, 10, 99, 50, TRUE, 300, 1000000000 }. */
extern const fakeQemu fakeQemuPristine;
extern fakeQemu qemu;

/* libvirt calls as of a client, and as of the daemon on the guest's host. */
extern const convergeLibvirt fakeClient;
extern const convergeLibvirt fakeDaemon;

/* The monitor of a client. */
extern const convergeMonitor fakeMonitor;

/* A parameter, also while a loop runs. */
gint64 fakeQemuParam(convergeQemuParam param);
void fakeQemuSetParam(convergeQemuParam param, gint64 value);

/* The sum of all limits, MiB/s. */
gint64 fakeQemuLimits(void);
