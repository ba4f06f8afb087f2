/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_quick.h: how much memory the guest dirties, counted by QEMU within fractions of a second
 *
 * calc-dirty-rate in its mode dirty-bitmap, with a time in ms (QEMU 8.2 and later).  It counts every
 * page in KVM's dirty log, so that 50 ms are enough, where page sampling needs more than a second.  QEMU
 * refuses it for a guest with a dirty ring, and without KVM it measures 0.
 *
 * Never of a guest that is being migrated: dirty_probe.h has the reason.
 *
 * libvirt's own call, virDomainStartDirtyRateCalc(), knows whole seconds only (seen in libvirt 9.0 and
 * 11.3).  So this goes through virDomainQemuMonitorCommand(), after which libvirt marks the guest as
 * tainted (custom-monitor) until it ends.
 */
#pragma once

#include "qemu/qmp.h"

/* The shortest time that QEMU takes, ms. */
#define CONVERGE_DIRTY_QUICK_LEAST_MS 50

typedef struct _convergeDirtyQuick convergeDirtyQuick;
struct _convergeDirtyQuick {
    gint64 ms;     /* for how long QEMU has counted */
    guint64 mibps; /* how fast distinct pages were dirtied, in whole MiB/s, rounded down */
};

/* Measures for @ms, and waits for the result, which takes longer for a large guest.
 *
 * Returns FALSE with CONVERGE_ERROR_QEMU or CONVERGE_ERROR_LIBVIRT set if this QEMU cannot do that, if
 * libvirt does not permit it, or if there is no result within 20 s. */
gboolean convergeDirtyQuickRun(const convergeMonitor *monitor, gint64 ms, convergeDirtyQuick *quick,
                               GError **error);
