/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recovery.h: put back what a daemon that was killed had changed
 *
 * By the records of undo/undo_record.h.  A thread reads them when the daemon is up, and
 * gives the vCPUs their quotas back, by files alone.  QEMU's migration parameters take
 * libvirt: each guest has a thread for that, through the daemon's own socket, since the
 * drivers are not safe to use before the daemon accepts clients.  So a QEMU that does not
 * answer holds up nothing but itself.  libvirt has cancelled the interrupted migration by
 * then.
 *
 * A value that somebody else has set meanwhile is left alone.  A record stays until
 * everything is as it was: the guest's next migration tries again, and the next start of the
 * daemon.
 *
 * Threads: one mutex guards which guests are dealt with now; it is never held across a
 * libvirt call, a QMP command or a file.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "util/error.h"

/* When the module is loaded in @daemon, "libvirtd" or "virtqemud".  Only remembers. */
void convergeRecoveryLoad(const char *daemon);

/* When the daemon runs, after its last fork: starts the thread.  Only the first call does
 * something; quick.  Nobody waits for the threads: each ends with its work, after a minute
 * at the latest if libvirt and the disk answer. */
void convergeRecoveryStart(void);

/* In the thread of a job that has begun, before it changes anything: puts back what is left
 * of an interrupted migration of @domain, so that what the job finds is the original.
 * Waits for libvirt and QEMU, and some seconds for others who do the same.
 *
 * @callerThrottle: the caller of this migration has stated how QEMU is to throttle, which
 *                  is not to be touched
 *
 * FALSE with @error: something may be left. */
gboolean convergeRecoveryDomain(virDomainPtr domain, gboolean callerThrottle, GError **error);

/* When the daemon ends in mid-migration: gives the vCPUs back what they had, by files
 * alone, if the disk answers within two seconds.  The records stay: QEMU migrates on until
 * the next daemon cancels it. */
void convergeRecoveryUnload(void);
