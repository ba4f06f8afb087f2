/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_resume.h: a guest that was paused during its migration runs again
 */
#pragma once

#include "qemu/qmp.h"

/* Lets the paused guest run on the source while its migration goes on.  Takes about a quarter of a
 * second, and up to four commands more if something fails.
 *
 * virDomainResume() would wait until the migration is over.  QEMU's own command is refused while the
 * guest is handed over, but not once everything is sent: then the guest would run on both hosts.
 * So QEMU has to send next to nothing from before the guest is looked at until it runs.
 *
 * The downtime-limit must be that of a running guest already, or QEMU pauses the guest again at
 * once.
 *
 * Returns FALSE with @error set, and the guest as paused as before, if the migration is not in the
 * middle of sending memory, if less than CONVERGE_RESUME_LEAST is left to send, or if QEMU or
 * libvirt fails.  A guest that is not paused is left alone, and is a success. */
gboolean convergeGuestResume(const convergeMonitor *monitor, GError **error);

/* Bytes.  With less left to send, the migration ends sooner than it can be held back. */
#define CONVERGE_RESUME_LEAST (4 * 1024 * 1024)
