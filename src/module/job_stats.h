/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_stats.h: our fields in virDomainGetJobStats()
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/loop.h"

/* Appends the fields to what libvirt returned.  @status and @policy may be NULL: then
 * only that the module is in.  Running out of memory leaves fields out. */
void convergeJobStatsAppend(virTypedParameterPtr *params, int *nparams,
                            const convergeStatus *status, const char *policy);
