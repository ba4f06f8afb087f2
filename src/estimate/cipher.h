/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cipher.h: how fast this machine encrypts a migration stream
 */
#pragma once

#include "util/error.h"

/* Bytes/s that one thread encrypts with @cipher's name, which is static: the first one
 * of GnuTLS's priority "NORMAL" for TLS 1.3, which is what two QEMU agree on unless they
 * are told otherwise.  Takes 0.3 s of a processor; not for two threads at once.  0 with @error
 * set on failure. */
double convergeCipherSpeed(const char **cipher, GError **error);
