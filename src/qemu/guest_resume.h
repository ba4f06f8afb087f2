/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_resume.h: a guest that was paused during its migration runs again
 */
#pragma once

#include "qemu/qmp.h"

/* Lets the paused guest run on the source while its migration goes on.  Takes about a quarter of a
 * second, and up to six commands more if something fails.
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

/* Bytes.  A command may have to wait for libvirt's lock on the guest.  However low its bound is, QEMU
 * looks at it after each 128 KiB or so, and sends 1.3 MB/s (measured with 10.0.2).  So it takes 12 s
 * to send this much.  If a command waits longer than that, the guest is paused again as soon as the
 * command is answered. */
#define CONVERGE_RESUME_LEAST (16 * 1024 * 1024)
