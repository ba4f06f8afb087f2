/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_probe.h: how fast the guest dirties memory, measured by QEMU over one second
 *
 * calc-dirty-rate in its mode page-sampling: QEMU hashes a sample of pages twice.
 * It touches neither the dirty log nor a migration under way.
 */
#pragma once

#include "engine/sample.h"
#include "qemu/qmp.h"

typedef struct _convergeDirtyProbe convergeDirtyProbe;
struct _convergeDirtyProbe {
    gint64 startMs;        /* of the running probe; 0: no probe runs */
    unsigned int throttle; /* %, when it was started */
    gboolean spoilt;       /* the throttle changed meanwhile, or the guest stood still */
    guint64 id;            /* of the last finished probe */
    guint64 bps;           /* its result, bytes/s... */
    gint64 ms;             /* ...and duration; 0: it has no result */
};

/* Starts a probe.  Afterwards the caller sets .startMs to the time of its clock: QEMU may have
 * taken long to start.
 *
 * @totalBytes: of the guest's memory
 * @throttle: in force now, % */
gboolean convergeDirtyProbeStart(convergeDirtyProbe *probe, const convergeMonitor *monitor,
                                 guint64 totalBytes, unsigned int throttle, GError **error);

/* Checks whether the running probe has finished, and fills the last finished one into @sample.
 * A probe that failed or was spoilt has no result. */
void convergeDirtyProbeCollect(convergeDirtyProbe *probe, const convergeMonitor *monitor,
                               convergeSample *sample);
