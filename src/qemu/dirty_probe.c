/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_probe.c: how fast the guest dirties memory, measured by QEMU
 */
#include "qemu/dirty_probe.h"
#include "util/number.h"

/* The shortest that QEMU allows; long enough for a small sampling error. */
#define PROBE_SECONDS 1

/* How many pages of each GiB QEMU hashes; it allows 128 to 16384.  The default of 512 is used from
 * 1 GiB on.  A guest of less than 1 GiB gets 512 pages in all, since the default would be too few
 * for a reliable result.  A guest of more than 32 GiB gets the least, which saves time. */
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

/* QEMU rounds down to whole MiB/s, on average by half of one.  That is added again, since on a slow
 * link it matters. */
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
