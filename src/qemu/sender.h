/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sender.h: QEMU's threads that send a migration
 */
#pragma once

#include <glib.h>

/* The processor time that the busiest of these threads has used so far, us; -1: none is found.
 *
 * @proc: the directory /proc
 * @pidFile: that libvirt has written */
gint64 convergeSenderBusyUs(const char *proc, const char *pidFile);

/* The same of the guest @name on this host. */
gint64 convergeSenderOfGuestUs(const char *name);
