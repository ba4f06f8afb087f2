/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakelibvirt.h: a libvirt that refuses where a test says so
 *
 * A shared library that stands before the real one.  Its QEMU driver checks rights, begins
 * and ends jobs by the same calls as libvirt's, so that the module sees what it sees in a
 * daemon.  It knows one domain.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

#define FAKE_UUID "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

/* How far a call comes. */
typedef enum {
    FAKE_READ_ONLY,         /* refused before rights are looked at */
    FAKE_DENIED,            /* the caller has no right to it */
    FAKE_BUSY,              /* another job is under way */
    FAKE_FAILS,             /* its job begins, and fails */
    FAKE_SUCCEEDS,
} fakeOutcome;

typedef struct _fakeLibvirt fakeLibvirt;
struct _fakeLibvirt {
    fakeOutcome outcome;    /* of the next call of a migration */
    const char *denied;     /* the check of a right that fails, too; NULL: none */
    const char *metadata;   /* of the domain; NULL: it has none */
    void (*during)(void);   /* while libvirt's job runs; may be NULL */
    void (*after)(void);    /* when the job has ended, before the call returns */
    gboolean silent;        /* the driver calls nothing of what tells that the job begins */
    gboolean refuses;       /* job statistics, a new downtime and errors of the module */
    int operation;          /* of the job statistics; 0: an outgoing migration */
    int iteration;          /* of a loop's job statistics; 0: no memory has moved */
    int (*monitor)(virDomainPtr dom, const char *cmd, char **result,
                   unsigned int flags);     /* QEMU; NULL: does not answer */
    int (*setDowntime)(virDomainPtr dom, unsigned long long ms, unsigned int flags);   /* the same */

    /* What was seen. */
    gint looks;             /* atomic: job statistics that a loop has asked for */
    gint acts;              /* atomic: anything that changes a guest */
    gboolean hasPolicyParam;    /* our parameter has come through */
    unsigned int flags;     /* that the driver was called with */
    unsigned long long downtime;        /* that was set last, ms; not by a loop */
    gboolean readAsDaemon;  /* the domain's metadata was read with the daemon's identity */
    gint suspends, aborts, postcopies;  /* atomic */
};

extern fakeLibvirt fake;

/* The error of the calling thread's last call, as libvirt has it. */
int fakeErrorCode(void);
const char *fakeErrorText(void);

/* The domain that all calls are about, as a caller names it: "forged", with the id 8.  A domain
 * that is looked up is called "guest" and has the id 7. */
virDomainPtr fakeDomain(void);

/* Whether the calling thread has the daemon's identity. */
gboolean fakeIsDaemon(void);
