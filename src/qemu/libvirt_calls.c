/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_calls.c: the libvirt calls that are made, and their errors
 */
#include <libvirt/virterror.h>

#include "qemu/libvirt_calls.h"

void
convergeLibvirtSetError(GError **error,
                        const char *what)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, "%s: %s", what,
                virGetLastErrorMessage());
}
