/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_calls.h: the libvirt calls that are made, and their errors
 *
 * The driver module passes the definitions behind its own wrappers, virsh the public
 * ones with a pause before each, a test fakes.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "util/error.h"

typedef struct _convergeLibvirt convergeLibvirt;
struct _convergeLibvirt {
    const char *caller;         /* "daemon" or "client", for the journal */
    gboolean onHost;            /* this process may write to the guest's cgroups */
    int (*getId)(virDomainPtr dom);     /* of the running guest, whatever @dom says: that is its
                                         * client's word; -1: there is none.  For .onHost. */
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
    /* Both NULL where no event loop runs: events are done without. */
    int (*domainEventRegisterAny)(virConnectPtr conn, virDomainPtr dom, int eventID,
                                  virConnectDomainEventGenericCallback cb, void *opaque,
                                  virFreeCallback freecb);
    int (*domainEventDeregisterAny)(virConnectPtr conn, int callbackID);
    /* Called first in the loop's thread, may be NULL: gives it an identity. */
    void (*threadInit)(void);
    /* One line about a guest, for who looks after the host; NULL: there is no log. */
    void (*log)(const char *guest, const char *text);
};

/* Sets @error to CONVERGE_ERROR_LIBVIRT with libvirt's last error of this thread.  Must be
 * called before another libvirt call resets that.  @what names the failed call. */
void convergeLibvirtSetError(GError **error, const char *what);
