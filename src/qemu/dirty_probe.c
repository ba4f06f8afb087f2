/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_probe.c: how fast the guest dirties memory, measured by QEMU
 */
#include "qemu/dirty_probe.h"
#include "util/number.h"

/* QEMU's shortest; also long enough for the sampling error to be small. */
#define PROBE_SECONDS 1

/* Pages of each GiB that QEMU hashes, of the 128 to 16384 that it allows: its default of 512,
 * as many in all of a guest of less than a GiB, where the default would be a handful and its
 * result a matter of luck, and the least where there are many GiB. */
#define GIB (G_GUINT64_CONSTANT(1) << 30)
#define SAMPLE_PAGES 512
#define SAMPLE_PAGES_LEAST 128
#define SAMPLE_PAGES_MOST 16384
#define LARGE_BYTES (32 * GIB)

static guint64
samplePages(guint64 totalBytes)
{
    if (totalBytes > LARGE_BYTES)
        return SAMPLE_PAGES_LEAST;
    if (totalBytes >= GIB)
        return SAMPLE_PAGES;
    return MIN(SAMPLE_PAGES * GIB / MAX(totalBytes, 1), SAMPLE_PAGES_MOST);
}

gboolean
convergeDirtyProbeStart(convergeDirtyProbe *probe,
                        const convergeMonitor *monitor,
                        guint64 totalBytes,
                        unsigned int throttle,
                        GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonObject) reply = NULL;

    json_object_set_int_member(arguments, "calc-time", PROBE_SECONDS);
    json_object_set_int_member(arguments, "sample-pages", (gint64)samplePages(totalBytes));
    if (!(reply = convergeQmpRunObject(monitor, "calc-dirty-rate", arguments, error)))
        return FALSE;

    probe->throttle = throttle;
    probe->spoilt = FALSE;
    return TRUE;
}

/* QEMU rounds down to whole MiB/s: on average by half of one, which is a lot of what a slow
 * link carries. */
static guint64
inBytes(gint64 mibps)
{
    const guint64 mib = 1024 * 1024;

    return mibps > 0 ? MIN((guint64)mibps, CONVERGE_BYTES_MOST / mib - 1) * mib + mib / 2 : 0;
}

static void
finish(convergeDirtyProbe *probe,
       const convergeMonitor *monitor)
{
    g_autoptr(JsonObject) reply = convergeQmpRunObject(monitor, "query-dirty-rate", NULL, NULL);
    const char *status = "";
    gint64 rate = -1;

    if (reply) {
        status = json_object_get_string_member_with_default(reply, "status", "");
        rate = json_object_get_int_member_with_default(reply, "dirty-rate", -1);
    }

    if (g_strcmp0(status, "measuring") == 0)
        return;

    probe->startMs = 0;
    probe->id++;
    probe->ms = 0;
    if (g_strcmp0(status, "measured") == 0 && rate >= 0 && !probe->spoilt) {
        probe->bps = inBytes(rate);
        probe->ms = PROBE_SECONDS * 1000;
    }
}

void
convergeDirtyProbeCollect(convergeDirtyProbe *probe,
                          const convergeMonitor *monitor,
                          convergeSample *sample)
{
    if (probe->startMs > 0) {
        if (sample->throttle != probe->throttle || sample->paused)
            probe->spoilt = TRUE;
        if (sample->timeMs - probe->startMs > PROBE_SECONDS * 1000)
            finish(probe, monitor);
    }

    sample->probeId = probe->id;
    sample->probeBps = probe->bps;
    sample->probeMs = probe->ms;
    sample->probeThrottle = probe->throttle;
}
