/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client_calls.h: the libvirt calls of a loop that runs in virsh
 */
#pragma once

#include "qemu/libvirt_calls.h"

/* The public definitions, for a thread that shares its connection with another which
 * waits there for the end of the migration.  Each takes CLIENT_CALL_WAIT_US longer. */
extern const convergeLibvirt virshConvergeCalls;
