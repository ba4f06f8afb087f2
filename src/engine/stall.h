/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stall.h: no progress for some time, and the moment to act on it
 *
 * This is the rule of KubeVirt's VEP 248.  The ends of passes count, where what is left is exact.  A
 * migration has stalled when a pass leaves no less than the least that any pass has left longer ago
 * than the time allowed, but for a margin.  As what is left goes up and down, a rung is due only
 * near a local minimum: when a pass leaves no more than the least of all, and the margin.  If none
 * does for the time allowed, the least since then counts, after half of that time, and so on.
 *
 * Pure.
 */
#pragma once

#include <glib.h>

/* The passes within the time allowed are kept in this many parts of it. */
#define CONVERGE_STALL_PARTS 16

typedef struct _convergeStall convergeStall;
struct _convergeStall {
    struct {
        gint64 beginMs; /* when its first pass ended */
        guint64 bytes;  /* the least that was left in it */
    } parts[CONVERGE_STALL_PARTS + 1];
    unsigned int nParts; /* the oldest first */
    guint64 oldBytes;    /* the least before these; 0: unknown */

    gboolean stalled;
    guint64 bestBytes;   /* what is waited for */
    guint64 sinceBytes;  /* the least since this is waited for; 0: no pass has ended */
    gint64 patienceMs;   /* how long it is waited for... */
    gint64 patientUntil; /* ...until then */

    gboolean due; /* the pass that has just ended calls for a rung */
};

/* When a pass has left @bytes.
 *
 * @allowedMs: above 0
 * @margin: %, 0 to 99 */
void convergeStallNotePass(convergeStall *stall, gint64 nowMs, guint64 bytes, gint64 allowedMs, gint64 margin);
