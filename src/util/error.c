/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.c: the one GError domain of the project
 */
#include "util/error.h"

GQuark
converge_error_quark(void)
{
    return g_quark_from_static_string("converge-error-quark");
}
