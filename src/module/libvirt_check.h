/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_check.h: whether this libvirt is as the module expects it
 *
 * The module was tested with the versions in CONVERGE_LIBVIRT_TESTED.  In another one it relies on
 * what may have changed: the functions that libvirt_next.h looks up, and the job statistics, from
 * which everything is decided.  If a function is missing, the module is off from the start.  The
 * statistics are checked on a domain that has no job: at the start, if there is one, else before
 * the first migration.  Until then, and if they are not as expected, no policy applies.
 *
 * Threads: any.  No lock is held across a libvirt call.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

#include "module/libvirt_tested.h"

typedef int (*convergeGetJobStats)(virDomainPtr domain, int *type, virTypedParameterPtr *params,
                                   int *nparams, unsigned int flags);

/* Checks the statistics of any active domain of @uri, in a thread of its own, unless this is a version
 * that was tested.  To be called when the daemon runs; only the first call has an effect. */
void convergeLibvirtCheckStart(const char *uri, convergeGetJobStats getJobStats);

/* Whether the module can rely on this libvirt.  Checks the statistics of @domain, unless that has been
 * done.  FALSE sets @error (CONVERGE_ERROR_LIBVIRT).  The result is logged once. */
gboolean convergeLibvirtCheck(virDomainPtr domain, convergeGetJobStats getJobStats, GError **error);
