/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend_libvirt.h: samples and verbs of a real migration
 *
 * Uses the public libvirt API, QMP for what has no public call, and the cgroups of the vCPUs
 * if this process may write to them.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/backend.h"
#include "qemu/libvirt_calls.h"

typedef struct _convergeBackendLibvirt convergeBackendLibvirt;

/* @libvirt: must outlive the backend
 * @callerThrottle: the caller of the migration has stated auto_converge.initial or .increment,
 *                  which libvirt sets and puts back itself */
convergeBackendLibvirt *convergeBackendLibvirtNew(const convergeLibvirt *libvirt,
                                                  gboolean callerThrottle);
void convergeBackendLibvirtFree(convergeBackendLibvirt *backend);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeBackendLibvirt, convergeBackendLibvirtFree)

/* The domain to act on, not owned; must be set before any call but Free. */
void convergeBackendLibvirtSetDomain(convergeBackendLibvirt *backend, virDomainPtr dom);

/* The guest's name for messages and the record; must outlive the backend.  If it is not set, the
 * domain's name is used. */
void convergeBackendLibvirtSetName(convergeBackendLibvirt *backend, const char *name);

/* From now on QEMU is asked nothing but what libvirt itself asks for its job statistics. */
void convergeBackendLibvirtKeepQuiet(convergeBackendLibvirt *backend);

/* The migration may switch to post-copy, by this backend's verb or by anybody else. */
void convergeBackendLibvirtMayPostcopy(convergeBackendLibvirt *backend);

/* No monitor command is sent: the throttle is the CPU quota, and .choose fails without one; .probe,
 * .resume after a pause and what QEMU alone knows are missing. */
void convergeBackendLibvirtForbidQmp(convergeBackendLibvirt *backend);

/* Limits what the migration sends to @bps bytes/s, see convergeThrottlerLimitBandwidth().  Does nothing
 * before memory moves, while the guest stands still, and without monitor commands. */
gboolean convergeBackendLibvirtLimitBandwidth(convergeBackendLibvirt *backend, gint64 bps, GError **error);

/* libvirt's job of this migration is over, or about to be: puts the vCPUs' quotas back at once,
 * which needs only files.  From now on samples show no migration, and no verb but .release and
 * .restore does anything.  Any thread. */
void convergeBackendLibvirtCancel(convergeBackendLibvirt *backend);

/* The migration call has returned: puts the vCPUs' quotas back.  From now on .restore leaves alone
 * what libvirt puts back itself. */
void convergeBackendLibvirtEnd(convergeBackendLibvirt *backend);

/* The guest has left this host: there is nothing to undo any more, and the record is removed. */
void convergeBackendLibvirtForget(convergeBackendLibvirt *backend);

/* How much memory was sent while the guest stood still.  FALSE: no sample has shown it. */
gboolean convergeBackendLibvirtSwitchoverBytes(const convergeBackendLibvirt *backend, guint64 *bytes);

/* The time on the clock of the samples, ms. */
gint64 convergeBackendLibvirtNow(const convergeBackendLibvirt *backend);

extern const convergeBackendOps convergeBackendLibvirtOps;
