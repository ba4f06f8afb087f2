/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cipher.h: how fast this machine encrypts a migration stream
 */
#pragma once

#include "util/error.h"

/* Returns the bytes/s that one thread encrypts, or 0 with @error set.
 *
 * @cipher: set to the static name of the cipher: the first one of GnuTLS's priority "NORMAL"
 * for TLS 1.3, on which two QEMUs agree by default
 *
 * Takes 0.3 s of processor time.  Must not run in two threads at once. */
double convergeCipherSpeed(const char **cipher, GError **error);
