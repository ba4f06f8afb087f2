/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakeguest.h: a guest with a QEMU that is a process, and the backend that acts on it
 *
 * QEMU, see fakeqemu.h, is a child process with one vCPU that has no cgroup of its own.  The
 * record goes to a directory of the test.  Defines some calls of libvirt, and the clock.
 */
#pragma once

#include "fakeqemu.h"
#include "libvirt/backend_libvirt.h"
#include "throttle/throttle.h"

#define GUEST_UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

typedef struct _guestCalls guestCalls;
struct _guestCalls {
    GString *course;                  /* names of QMP commands and libvirt calls */
    void (*before)(const char *name); /* called before each of them; or NULL */
    gboolean resumeFails;
    gboolean downtimeFails; /* the call that sets the allowed downtime */
    gboolean downtimeLands; /* ...but QEMU has it all the same */
    int throttle;           /* QEMU's own, in the job statistics */
    gint64 downtime;        /* that was set last, ms */
    const char *cpus;       /* what query-cpus-fast replies; NULL: as fakeqemu.h has it */
    const char *unknown;    /* a parameter that this QEMU does not know; or NULL */
    const char *failsOnce;  /* a command that QEMU refuses the next time; or NULL */
    int reason;             /* why the guest is in its state */
};

extern guestCalls calls;
extern gint64 shiftMs; /* what the clock is ahead */
extern char *records;  /* the directory */
extern pid_t child;    /* QEMU; 0: there is none */

extern const convergeLibvirt daemonCalls;
extern const convergeLibvirt clientCalls;
extern const convergeMonitor monitor;

/* Once for each program: the first after g_test_init(), the other before the end. */
void guestsInit(void);
void guestsClear(void);

/* A new guest, whatever was done to the last one. */
void reset(void);
void killQemu(void);

/* Whether @first is in the course, and no @second before it. */
gboolean comesBefore(const char *first, const char *second);

/* --- What a loop does --- */

gboolean say(convergeBackendLibvirt *backend, convergeVerb verb, unsigned int throttle,
             GError **error);
const convergeThrottleTraits *choose(convergeBackendLibvirt *backend, convergeThrottleMethod wanted,
                                     GError **error);

/* A turn that decides nothing; returns the method. */
convergeThrottleMethod turn(convergeBackendLibvirt *backend, convergeSample *sample);

/* A backend that limits dirty rates by @throttle %, of a new guest. */
convergeBackendLibvirt *newLimited(const convergeLibvirt *libvirt, unsigned int throttle);
