/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * switchover.h: what a switchover costs besides sending memory
 *
 * The stop, what still lies in the buffers of the link, device state, libvirt's round trips and the
 * start at the destination.  It depends on the guest's devices, on both hosts and on the link, so
 * that it is learned from migrations that have ended.
 *
 * Pure; any thread.
 */
#pragma once

#include <glib.h>

/* The most that is believed, ms.  More was an accident of this one migration. */
#define CONVERGE_OVERHEAD_MOST_MS 1000

/* How many of the newest migrations are considered. */
#define CONVERGE_OVERHEAD_COUNT 8

/* One switchover, after it. */
typedef struct _convergeSwitchover convergeSwitchover;
struct _convergeSwitchover {
    gint64 limitMs;    /* QEMU's downtime-limit; 0: unknown */
    guint64 sentBytes; /* memory sent while the guest stood still */
    double bandwidth;  /* of the link, bytes/s; 0: unknown */
    gint64 downtimeMs; /* until the guest ran at the destination; 0: unknown */
};

/* What of the downtime was not spent on memory, in 0..CONVERGE_OVERHEAD_MOST_MS ms.  QEMU may have
 * taken the link for faster than it is: what took longer than the limit to send counts as overhead.
 *
 * Returns -1 if that cannot be told: something is unknown, or so much was sent that QEMU did not
 * choose the moment, but somebody had paused the guest. */
gint64 convergeSwitchoverOverhead(const convergeSwitchover *switchover);

/* The overhead to expect after the @n earlier ones in @overheads, ms, of which there is at least
 * one: the highest but, from five on, for one, which may have been an accident. */
gint64 convergeSwitchoverExpect(const gint64 *overheads, gsize n);
