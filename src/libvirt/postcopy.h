/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * postcopy.h: whether a migration can switch to post-copy, and if not, why
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/decision.h"

/* libvirt calls in the caller's thread; what cannot be learnt is taken for a guest
 * without such a device and for an old QEMU.
 *
 * The obstacle that cannot be removed comes first: device, connections, flag.
 *
 * @flags: virDomainMigrateFlags of the migration, which has not begun */
convergePostcopy convergePostcopyFind(virDomainPtr dom, unsigned long flags);

/* TRUE when that domain XML has a device that QEMU passes through by VFIO, which has its
 * memory pinned and cannot wait for pages: <hostdev> of type pci or mdev, or <interface
 * type='hostdev'>, which the live XML also has for one from a pool. */
gboolean convergePostcopyHasVFIO(const char *domainXML);
