/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recovery.h: restores what a killed daemon has changed
 *
 * The records of undo/undo_record.h tell what to restore.  A thread reads them when the daemon
 * is up, and restores the vCPUs' quotas by file access alone.  QEMU's migration parameters
 * need libvirt: each guest has a thread that connects to the daemon's own socket, since the
 * drivers are not safe to use before the daemon accepts clients.  So a QEMU that does not
 * answer delays no other guest.  By then, libvirt has cancelled the interrupted migration.
 *
 * A value that another client has set meanwhile is left alone.  A record stays until
 * everything is restored: the guest's next migration tries again, as does the next start of
 * the daemon.
 *
 * Threads: one mutex guards the set of guests that are being restored; it is never held across
 * a libvirt call, a QMP command or file access.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "util/error.h"

/* Remembers @daemon, "libvirtd" or "virtqemud".  To be called when the module is loaded. */
void convergeRecoveryLoad(const char *daemon);

/* The URI of this daemon for its clients. */
const char *convergeRecoveryUri(void);

/* Starts the thread.  To be called when the daemon runs, after its last fork.  Only the first
 * call has an effect, and none blocks.  The threads are not joined: each ends with its work,
 * within a minute if libvirt and the disk answer. */
void convergeRecoveryStart(void);

/* Restores what an interrupted migration of @domain has changed, so that a new job finds the
 * original values.  To be called in the job's thread before that changes anything.  Waits for
 * libvirt and QEMU, and some seconds for another thread that restores the guest.
 *
 * @callerThrottle: the caller of the new migration has stated QEMU's throttle parameters, which
 * must not be touched
 *
 * FALSE with @error set if something may be left to restore. */
gboolean convergeRecoveryDomain(virDomainPtr domain, gboolean callerThrottle, GError **error);

/* Restores the vCPUs' quotas by file access alone, if the disk answers within two seconds.
 * To be called when the daemon ends during a migration.  The records stay, because QEMU goes
 * on migrating until the next daemon cancels the migration. */
void convergeRecoveryUnload(void);
