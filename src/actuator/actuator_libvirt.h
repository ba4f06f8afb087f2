/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * actuator_libvirt.h: samples and verbs of a real migration
 *
 * The public libvirt API, QMP for what has no public call, and the cgroups of the vCPUs
 * where this process may write to them.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "actuator/actuator.h"
#include "actuator/libvirt_calls.h"

typedef struct _convergeActuatorLibvirt convergeActuatorLibvirt;

/* @libvirt must outlive the actuator.  @callerThrottle: whoever migrates has stated
 * auto_converge.initial or .increment, which libvirt sets and takes back itself. */
convergeActuatorLibvirt *convergeActuatorLibvirtNew(const convergeLibvirt *libvirt,
                                                    gboolean callerThrottle);
void convergeActuatorLibvirtFree(convergeActuatorLibvirt *actuator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeActuatorLibvirt, convergeActuatorLibvirtFree)

/* The domain to act on, not owned; must be set before any call but Free. */
void convergeActuatorLibvirtSetDomain(convergeActuatorLibvirt *actuator, virDomainPtr dom);

/* The guest's name for messages and the record, which must outlive the actuator; without it what
 * the domain says. */
void convergeActuatorLibvirtSetName(convergeActuatorLibvirt *actuator, const char *name);

/* libvirt's job of this migration is over, or about to be: gives the vCPUs their quotas back at
 * once, by files alone.  From now on there is no migration to see, and no verb is carried
 * out; restoring is.  Any thread. */
void convergeActuatorLibvirtCancel(convergeActuatorLibvirt *actuator);

/* Memory has moved, or will not: gives the vCPUs their quota back; from now on restore
 * leaves alone what libvirt takes back. */
void convergeActuatorLibvirtEnd(convergeActuatorLibvirt *actuator);

/* The guest does not come back to this host: nothing is to be undone any more. */
void convergeActuatorLibvirtForget(convergeActuatorLibvirt *actuator);

/* ms on the clock of the samples. */
gint64 convergeActuatorLibvirtNow(const convergeActuatorLibvirt *actuator);

extern const convergeActuatorOps convergeActuatorLibvirtOps;
