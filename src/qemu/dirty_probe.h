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
    gint64 startMs;             /* of the running probe; 0: none runs */
    unsigned int throttle;      /* %, when it was started */
    gboolean spoilt;            /* the throttle changed meanwhile, or the guest stood still */
    guint64 id;                 /* of the last finished probe */
    guint64 bps;                /* its result, bytes/s... */
    gint64 ms;                  /* ...and duration; 0: it has no result */
};

/* .startMs is for the caller to set, on the clock of its samples, when this has returned:
 * QEMU may have taken its time.
 *
 * @totalBytes: of the guest's memory
 * @throttle: in force now, % */
gboolean convergeDirtyProbeStart(convergeDirtyProbe *probe, const convergeMonitor *monitor,
                                 guint64 totalBytes, unsigned int throttle, GError **error);

/* Looks whether the running probe has finished, and tells @sample of the last that has.
 * One that failed, or that was spoilt, ends without a result. */
void convergeDirtyProbeCollect(convergeDirtyProbe *probe, const convergeMonitor *monitor,
                               convergeSample *sample);
