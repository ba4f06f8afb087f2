/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * postcopy.h: whether a migration can switch to post-copy, and if not, why
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/decision.h"

/* To be called before the migration begins.  Makes libvirt calls in the caller's thread; if one
 * fails, assumes a guest without a VFIO device, or an old QEMU.  If there are several obstacles,
 * the device comes first, then the connections, then the flag.
 *
 * @flags: virDomainMigrateFlags of the migration */
convergePostcopy convergePostcopyFind(virDomainPtr dom, unsigned long flags);

/* Whether the domain XML has a device that QEMU passes through by VFIO: <hostdev> of type pci or
 * mdev, or <interface type='hostdev'>, as which the live XML also shows an interface from a pool.
 * VFIO pins the guest's memory, and the device cannot wait for pages. */
gboolean convergePostcopyHasVFIO(const char *domainXML);
