/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend_libvirt.h: samples and verbs of a real migration
 *
 * The public libvirt API, QMP for what has no public call, and the cgroups of the vCPUs
 * where this process may write to them.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/backend.h"
#include "qemu/libvirt_calls.h"

typedef struct _convergeBackendLibvirt convergeBackendLibvirt;

/* @libvirt must outlive the backend.  @callerThrottle: whoever migrates has stated
 * auto_converge.initial or .increment, which libvirt sets and takes back itself. */
convergeBackendLibvirt *convergeBackendLibvirtNew(const convergeLibvirt *libvirt,
                                                    gboolean callerThrottle);
void convergeBackendLibvirtFree(convergeBackendLibvirt *backend);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeBackendLibvirt, convergeBackendLibvirtFree)

/* The domain to act on, not owned; must be set before any call but Free. */
void convergeBackendLibvirtSetDomain(convergeBackendLibvirt *backend, virDomainPtr dom);

/* The guest's name for messages and the record, which must outlive the backend; without it what
 * the domain says. */
void convergeBackendLibvirtSetName(convergeBackendLibvirt *backend, const char *name);

/* libvirt's job of this migration is over, or about to be: gives the vCPUs their quotas back at
 * once, by files alone.  From now on there is no migration to see, and no verb is carried
 * out; restoring is.  Any thread. */
void convergeBackendLibvirtCancel(convergeBackendLibvirt *backend);

/* Memory has moved, or will not: gives the vCPUs their quota back; from now on restore
 * leaves alone what libvirt takes back. */
void convergeBackendLibvirtEnd(convergeBackendLibvirt *backend);

/* The guest does not come back to this host: nothing is to be undone any more. */
void convergeBackendLibvirtForget(convergeBackendLibvirt *backend);

/* ms on the clock of the samples. */
gint64 convergeBackendLibvirtNow(const convergeBackendLibvirt *backend);

extern const convergeBackendOps convergeBackendLibvirtOps;
