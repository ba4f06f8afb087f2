/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample.h: what is known of a migration at one moment
 *
 * Units: bytes, bytes per second, ms, %.  The backend converts to them (libvirt/job_sample.c does
 * so for libvirt's job statistics); the engine uses no others.
 */
#pragma once

#include <glib.h>

/* The longest interval between two samples while memory moves. */
#define CONVERGE_SAMPLE_SLOWEST_MS 500

typedef struct _convergeSample convergeSample;
struct _convergeSample {
    gint64 timeMs;              /* when it was taken: monotonic, from the start of the loop */
    gboolean active;            /* QEMU is moving memory; otherwise all below is 0 */
    gboolean postcopy;          /* the guest runs at the destination already */
    gboolean paused;            /* no vCPU runs on the source */
    guint64 iteration;          /* bitmap syncs so far, as QEMU counts them; mostly 1 during the bulk pass */
    guint64 totalBytes;         /* guest memory */
    guint64 remainingBytes;     /* still to send; a saw tooth, see model.h */
    guint64 processedBytes;     /* sent over the link so far */
    guint64 normalBytes;        /* sent as whole pages so far */
    guint64 constantBytes;      /* guest memory sent as "all bytes equal" so far */
    guint64 compressedBytes;    /* guest memory sent compressed so far */
    guint64 dirtyBps;           /* QEMU's dirty rate of the last pass, bytes/s */
    unsigned int throttle;      /* QEMU's CPU throttle in force, % */
    guint64 probeId;            /* number of finished dirty-rate probes */
    guint64 probeBps;           /* what the last probe measured, bytes/s */
    gint64 probeMs;             /* over how long it measured; 0: it has no result */
    unsigned int probeThrottle; /* throttle during the whole probe, % */
};
