/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_sample.h: libvirt's job statistics as a sample
 *
 * Converts libvirt's units to those of sample.h.  No state; any thread.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/sample.h"

/* Fills @sample from what virDomainGetJobStats() returned, except for its time, probe and run
 * state. */
void convergeSampleFromJobStats(convergeSample *sample,
                                int type,
                                virTypedParameterPtr params,
                                int nparams);

/* The measured downtime in the statistics of a completed job, ms; 0: there is none. */
gint64 convergeDowntimeFromJobStats(virTypedParameterPtr params, int nparams);
