/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_tested.c: the versions of libvirt that the module was tested with
 */
#include "module/libvirt_tested.h"

/* virGetVersion() without the release, as in CONVERGE_LIBVIRT_TESTED */
static const unsigned long tested[] = { 9000, 11003, 12008 };

gboolean
convergeLibvirtIsTested(unsigned long version)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(tested); i++) {
        if (version / 1000 == tested[i])
            return TRUE;
    }
    return FALSE;
}
