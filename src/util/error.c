/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.c: the one GError domain of the project
 */
#include <libvirt/virterror.h>

#include "util/error.h"

G_DEFINE_QUARK(converge-error-quark, converge_error)

void
convergeErrorSetLibvirt(GError **error,
                        const char *what)
{
    const char *message = virGetLastErrorMessage();

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT,
                "%s: %s", what, message);
}
