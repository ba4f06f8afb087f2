/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_probe.h: how fast the guest dirties memory, measured by QEMU over one second
 *
 * calc-dirty-rate in its mode page-sampling: QEMU hashes a sample of pages twice.
 * It touches neither the dirty log nor a migration under way.
 *
 * The mode dirty-bitmap is exact within 50 ms (QEMU 8.2), but no probe for a running migration.  It
 * reads KVM's dirty log.  Since Linux 5.1, KVM reports a page there until QEMU clears it, which a
 * migration does for each GiB just before it sends the first page of that GiB.  What the probe has
 * read is taken by the migration's next bitmap sync.  So every page that is still to be sent when
 * the probe begins is sent once more in the next pass, whether the guest has written it or not.  In
 * the bulk pass that is all the rest of the memory, since KVM reports a page as dirty from the start
 * (source: dirtyrate.c, ram_addr.h and kvm-all.c of QEMU 7.2, 10.0 and 10.2, read on all three).  No
 * write is lost: 24 migrations with such a probe every 300 ms and 12 without one all arrived intact
 * (QEMU 10.0 under TCG, where the mode measures 0: it counts only what KVM has logged).  With a dirty
 * ring QEMU refuses the mode.
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
