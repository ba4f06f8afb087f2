/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * measure_quick.h: measures within a second how a running guest dirties its memory
 *
 * Through QEMU's monitor, which marks the guest as tainted (qemu/dirty_quick.h).  That is accepted here:
 * a migration with a policy does the same, and a forecast at once is worth more to most users.  Who does
 * not want it states a time; and QEMU is not asked at all where it is known to be too old.
 */
#pragma once

#include "estimate/measure.h"

/* Fills @measured->seen with some measurements of different lengths.  The guest must have no job.
 *
 * Returns FALSE if that is not possible with this guest, QEMU, libvirt or caller.  Then nothing was
 * measured, and no error is raised. */
gboolean convergeMeasureQuick(virDomainPtr dom, convergeMeasured *measured,
                              convergeMeasureProgress progress, void *opaque);
