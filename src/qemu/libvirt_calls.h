/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_calls.h: the libvirt calls that this program makes, as function pointers, and their errors
 *
 * The driver module passes the functions that its own wrappers shadow; virsh passes the
 * public ones, with a pause before each; tests pass fakes.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "util/error.h"

typedef struct _convergeLibvirt convergeLibvirt;
struct _convergeLibvirt {
    const char *caller; /* "daemon" or "client", for the journal */
    gboolean onHost;    /* this process may write to the guest's cgroups */
    /* The id of the running guest; -1: not running.  Does not trust the id in @dom, which comes
     * from the client.  Used only if .onHost. */
    int (*getId)(virDomainPtr dom);
    int (*getJobStats)(virDomainPtr dom, int *type, virTypedParameterPtr *params,
                       int *nparams, unsigned int flags);
    int (*setMaxDowntime)(virDomainPtr dom, unsigned long long ms, unsigned int flags);
    int (*qemuMonitorCommand)(virDomainPtr dom, const char *cmd, char **result,
                              unsigned int flags);
    int (*startPostCopy)(virDomainPtr dom, unsigned int flags);
    int (*suspend)(virDomainPtr dom);
    int (*resume)(virDomainPtr dom);
    int (*abortJob)(virDomainPtr dom);
    int (*getState)(virDomainPtr dom, int *state, int *reason, unsigned int flags);
    /* Both NULL if no event loop runs; events are optional. */
    int (*domainEventRegisterAny)(virConnectPtr conn, virDomainPtr dom, int eventID,
                                  virConnectDomainEventGenericCallback cb, void *opaque,
                                  virFreeCallback freecb);
    int (*domainEventDeregisterAny)(virConnectPtr conn, int callbackID);
    /* Called first in each thread of a job, to give the thread an identity; may be NULL. */
    void (*threadInit)(void);
    /* Logs one line about a guest, for the host's administrator; NULL: there is no log. */
    void (*log)(const char *guest, const char *text);
};

/* Sets @error to CONVERGE_ERROR_LIBVIRT with libvirt's last error of this thread.  Must be
 * called before another libvirt call resets that.  @what names the failed call. */
void convergeLibvirtSetError(GError **error, const char *what);
