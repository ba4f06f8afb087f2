/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * actuator_libvirt.h: samples and verbs of a real migration
 *
 * The public libvirt API, and QMP for what has no public call: the throttle.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "actuator/actuator.h"

/* The libvirt calls that are made.  The driver module passes the definitions
 * behind its own wrappers. */
typedef struct _convergeLibvirt convergeLibvirt;
struct _convergeLibvirt {
    const char *caller;         /* "daemon" or "client", for the journal */
    int (*getJobStats)(virDomainPtr dom, int *type, virTypedParameterPtr *params,
                       int *nparams, unsigned int flags);
    int (*setMaxDowntime)(virDomainPtr dom, unsigned long long ms, unsigned int flags);
    int (*qemuMonitorCommand)(virDomainPtr dom, const char *cmd, char **result,
                              unsigned int flags);
    int (*startPostCopy)(virDomainPtr dom, unsigned int flags);
    int (*suspend)(virDomainPtr dom);
    int (*abortJob)(virDomainPtr dom);
    int (*getState)(virDomainPtr dom, int *state, int *reason, unsigned int flags);
    /* Called first in the loop's thread, may be NULL: gives it an identity. */
    void (*threadInit)(void);
};

/* The public definitions, in a client. */
extern const convergeLibvirt convergeLibvirtPublic;

typedef struct _convergeActuatorLibvirt convergeActuatorLibvirt;

/* @libvirt must outlive the actuator.  @callerThrottle: whoever migrates has stated
 * auto_converge.initial or .increment, which libvirt sets and takes back itself. */
convergeActuatorLibvirt *convergeActuatorLibvirtNew(const convergeLibvirt *libvirt,
                                                    gboolean callerThrottle);
void convergeActuatorLibvirtFree(convergeActuatorLibvirt *actuator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeActuatorLibvirt, convergeActuatorLibvirtFree)

/* The domain to act on, not owned; must be set before any call but Free. */
void convergeActuatorLibvirtSetDomain(convergeActuatorLibvirt *actuator, virDomainPtr dom);

/* The migration is over: from now on restore leaves alone what libvirt takes back. */
void convergeActuatorLibvirtEnd(convergeActuatorLibvirt *actuator);

/* ms on the clock of the samples. */
gint64 convergeActuatorLibvirtNow(const convergeActuatorLibvirt *actuator);

extern const convergeActuatorOps convergeActuatorLibvirtOps;
