/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recovery.h: put back what a daemon that was killed had changed
 *
 * By the records of actuator/undo_record.h.  vCPUs get their quotas back when the module is
 * loaded, by files alone.  QEMU's migration parameters take libvirt, hence a daemon that is
 * up: one thread does that, through the daemon's own socket, since the drivers are not
 * safe to use before the daemon accepts clients; and before that by itself whoever begins
 * a migration of such a guest.  libvirt has cancelled the interrupted migration by then.
 *
 * A parameter that carries another value than ours is left alone.  A record stays until
 * everything is as it was: the next start of the daemon tries again.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "util/error.h"

/* When the module is loaded in @daemon, "libvirtd" or "virtqemud".  Bounded, no libvirt
 * call, no thread. */
void convergeRecoveryLoad(const char *daemon);

/* When the daemon runs, after its last fork: starts the thread if there is anything left.
 * Only the first call does something; quick.  The thread ends with its work, after a
 * minute at the latest if libvirt answers; nobody waits for it. */
void convergeRecoveryStart(void);

/* Puts back what is left of an interrupted migration of @domain before another one begins:
 * what that one finds counts as the original.  Calls libvirt if there is a record.  TRUE:
 * nothing is left. */
gboolean convergeRecoveryDomain(virDomainPtr domain, GError **error);

/* When the daemon ends in mid-migration: gives the vCPUs back what they had, by files
 * alone.  The records stay: QEMU migrates on until the next daemon cancels it. */
void convergeRecoveryUnload(void);
