/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * downtime_bytes.h: how much memory QEMU has sent while the guest stood still
 *
 * libvirt does not pass this on.  QEMU counts it since version 7.0.
 */
#pragma once

#include "qemu/qmp.h"

/* Returns FALSE if QEMU does not tell. */
gboolean convergeDowntimeBytesQuery(const convergeMonitor *monitor, guint64 *bytes);
