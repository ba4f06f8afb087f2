/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client_calls.h: the libvirt calls of a loop that runs in virsh
 */
#pragma once

#include "qemu/libvirt_calls.h"

/* libvirt's public calls, for a thread that shares its connection with the thread that waits
 * for the end of the migration.  Each call takes CLIENT_CALL_WAIT_US longer. */
extern const convergeLibvirt virshConvergeCalls;
