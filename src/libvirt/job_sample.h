/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_sample.h: libvirt's job statistics as a sample
 *
 * The edge where libvirt's units become ours.  No state; any thread.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "engine/sample.h"

/* Takes what virDomainGetJobStats() returned; time, probe and run state of @sample are
 * left alone. */
void convergeSampleFromJobStats(convergeSample *sample,
                                int type,
                                virTypedParameterPtr params,
                                int nparams);
