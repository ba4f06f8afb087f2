/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.h: the one GError domain of the project
 *
 * A message states what was wrong, where, and what is allowed.  It is translated and has no
 * final period.  A GError is set exactly when a function fails.
 */
#pragma once

#include <glib.h>

#define CONVERGE_ERROR converge_error_quark()
GQuark converge_error_quark(void);

typedef enum {
    CONVERGE_ERROR_POLICY,  /* the policy is wrong: the caller's fault */
    CONVERGE_ERROR_LIBVIRT, /* a libvirt call failed */
    CONVERGE_ERROR_QEMU,    /* QEMU refused or misunderstood a command */
    CONVERGE_ERROR_IO,      /* a file could not be read or written */
    CONVERGE_ERROR_RECORD,  /* an undo record could not be read or written */
    CONVERGE_ERROR_RIGHTS,  /* the caller lacks a right that the policy needs */
    CONVERGE_ERROR_HOST,    /* the host's configuration is wrong or cannot be trusted; the
                             * message may quote it, so it is for the log of the host */
    CONVERGE_ERROR_LAST
} convergeErrorCode;
