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
    FAKE_READ_ONLY, /* refused before rights are checked */
    FAKE_DENIED,    /* the caller has no right to it */
    FAKE_BUSY,      /* another job is under way */
    FAKE_FAILS,     /* its job begins, and fails */
    FAKE_SUCCEEDS,
} fakeOutcome;

typedef struct _fakeLibvirt fakeLibvirt;
struct _fakeLibvirt {
    fakeOutcome outcome;  /* of the next migration call */
    const char *denied;   /* a check of rights that fails as well; NULL: none */
    const char *metadata; /* of the domain; NULL: none */
    void (*during)(void); /* while libvirt's job runs; may be NULL */
    void (*after)(void);  /* when the job has ended, before the call returns */
    gboolean silent;      /* the driver calls nothing of what tells that the job begins */
    unsigned int lacks;   /* flags of a migration that the destination does not have */
    int lackCode;         /* libvirt's error for these */
    gboolean refuses;     /* job statistics, a new downtime and errors of the module */
    int operation;        /* of the job statistics; 0: an outgoing migration */
    gint stands;          /* atomic: the guest stands still */
    guint64 measured;     /* the downtime that libvirt tells when it confirms, ms; 0: it does not */
    int iteration;        /* in a loop's first job statistics; 0: no memory has moved */
    int (*monitor)(virDomainPtr dom, const char *cmd, char **result,
                   unsigned int flags);                                              /* QEMU; NULL: does not answer */
    int (*setDowntime)(virDomainPtr dom, unsigned long long ms, unsigned int flags); /* the same */

    /* What was seen. */
    gint looks;                        /* atomic: how often a loop has asked for job statistics */
    gint acts;                         /* atomic: how many calls have changed the guest */
    gboolean hasPolicyParam;           /* the policy's parameter has reached the driver */
    unsigned int flags;                /* with which the driver was called */
    char params[256];                  /* the same: name=value for each that is a number or a text */
    unsigned long long downtime;       /* set last, but not by a loop, ms */
    gboolean readAsDaemon;             /* the domain's metadata was read with the daemon's identity */
    gint suspends, aborts, postcopies; /* atomic */
    gint watches;                      /* atomic: registrations for the end of a job */
    gboolean watchedByOther;           /* one of them was made without the daemon's identity */
};

extern fakeLibvirt fake;

/* libvirt's error of the calling thread's last call. */
int fakeErrorCode(void);
const char *fakeErrorText(void);

/* The domain that all calls are about, as a caller names it: "forged", with the id 8.  A domain
 * that is looked up is called "guest" and has the id 7. */
virDomainPtr fakeDomain(void);

/* Whether the calling thread has the daemon's identity. */
gboolean fakeIsDaemon(void);
