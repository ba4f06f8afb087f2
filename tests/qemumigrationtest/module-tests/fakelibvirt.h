/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakelibvirt.h: a libvirt that refuses calls as a test wants
 *
 * A shared library that is searched before the real one.  Its QEMU driver checks rights, and
 * begins and ends jobs, by the same calls as libvirt's, so that the module sees what it would
 * see in a daemon.  There is one domain.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

#define FAKE_UUID "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

/* How far a call comes. */
typedef enum {
    FAKE_READ_ONLY,         /* refused before rights are checked */
    FAKE_DENIED,            /* the caller has no right to it */
    FAKE_BUSY,              /* another job is under way */
    FAKE_FAILS,             /* its job begins, and fails */
    FAKE_SUCCEEDS,
} fakeOutcome;

typedef struct _fakeLibvirt fakeLibvirt;
struct _fakeLibvirt {
    fakeOutcome outcome;    /* of the next migration call */
    const char *denied;     /* a check of rights that fails as well; NULL: none */
    const char *metadata;   /* of the domain; NULL: none */
    void (*during)(void);   /* while libvirt's job runs; may be NULL */
    void (*after)(void);    /* when the job has ended, before the call returns */

    /* What was seen. */
    gint looks;             /* atomic: how often a loop has asked for job statistics */
    gint acts;              /* atomic: how many calls have changed the guest */
    gboolean hasPolicyParam;    /* the policy's parameter has reached the driver */
    unsigned int flags;     /* with which the driver was called */
};

extern fakeLibvirt fake;

/* libvirt's error of the calling thread's last call. */
int fakeErrorCode(void);
const char *fakeErrorText(void);

/* The domain that all calls are about. */
virDomainPtr fakeDomain(void);
