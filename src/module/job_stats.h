/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_stats.h: our fields in virDomainGetJobStats()
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/loop.h"

/* Appends every statistic that is known (engine/status_table.h) to what libvirt returned.
 * Texts are escaped.  Where memory runs out, statistics are missing.
 *
 * @status: NULL: no policy controls a migration
 * @policy: in text form; may be NULL where @status is */
void convergeJobStatsAppend(virTypedParameterPtr *params, int *nparams,
                            const convergeStatus *status, const char *policy);

/* The statistics of a policy as a line of JSON, a member for each that is known, for a daemon on
 * another host.  Free with g_free(). */
char *convergeJobStatsFormat(const convergeStatus *status, const char *policy);

/* Appends what such a line has.  What does not have the type of its statistic is left out, also
 * what is too long; @json is not trusted. */
void convergeJobStatsAppendText(virTypedParameterPtr *params, int *nparams, const char *json);
