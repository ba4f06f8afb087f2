/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_tested.h: the versions of libvirt that the module was tested with
 */
#pragma once

#include <glib.h>

/* For people. */
#define CONVERGE_LIBVIRT_TESTED "9.0, 11.3, 12.8"

/* Whether it is one of them, in any release.
 *
 * @version: as of virGetVersion() */
gboolean convergeLibvirtIsTested(unsigned long version);
