/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_probe.c: how fast the guest dirties memory, measured by QEMU
 */
#include "actuator/dirty_probe.h"

/* QEMU's shortest; also long enough for the sampling error to be small. */
#define PROBE_SECONDS 1

/* QEMU hashes 512 pages of each GiB; 128, its least, are plenty where there are many. */
#define LARGE_BYTES (G_GUINT64_CONSTANT(32) << 30)
#define LARGE_SAMPLE_PAGES 128

gboolean
convergeDirtyProbeStart(convergeDirtyProbe *probe,
                        const convergeMonitor *monitor,
                        const convergeSample *now,
                        GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonObject) reply = NULL;

    json_object_set_int_member(arguments, "calc-time", PROBE_SECONDS);
    if (now->totalBytes > LARGE_BYTES)
        json_object_set_int_member(arguments, "sample-pages", LARGE_SAMPLE_PAGES);
    if (!(reply = convergeQmpRunObject(monitor, "calc-dirty-rate", arguments, error)))
        return FALSE;

    probe->startMs = now->timeMs;
    probe->throttle = now->throttle;
    probe->spoilt = FALSE;
    return TRUE;
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
        probe->bps = (guint64)rate * 1024 * 1024;
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
