/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stall.c: no progress for some time, and the moment to act on it
 */
#include <string.h>

#include "engine/stall.h"

/* Each time that the least is not reached again, the next one is waited for this much shorter. */
#define PATIENCE_DECAY 0.5

/* 0 stands for none. */
static guint64
lesser(guint64 a,
       guint64 b)
{
    return a == 0 || b == 0 ? MAX(a, b) : MIN(a, b);
}

/* Adds the pass to the newest part, or begins one. */
static void
keep(convergeStall *stall,
     gint64 nowMs,
     guint64 bytes,
     gint64 allowedMs)
{
    unsigned int n = stall->nParts;

    /* Rounded up, so that no more parts are begun than there is room for. */
    gint64 partMs = (allowedMs + CONVERGE_STALL_PARTS - 1) / CONVERGE_STALL_PARTS;

    if (n > 0 && (nowMs < stall->parts[n - 1].beginMs + partMs || n == G_N_ELEMENTS(stall->parts))) {
        stall->parts[n - 1].bytes = MIN(stall->parts[n - 1].bytes, bytes);
        return;
    }
    stall->parts[n].beginMs = nowMs;
    stall->parts[n].bytes = bytes;
    stall->nParts++;
}

/* Moves what is older than the time allowed to .oldBytes. */
static void
age(convergeStall *stall,
    gint64 nowMs,
    gint64 allowedMs)
{
    while (stall->nParts > 0 && stall->parts[0].beginMs + allowedMs <= nowMs) {
        stall->oldBytes = lesser(stall->oldBytes, stall->parts[0].bytes);
        stall->nParts--;
        memmove(&stall->parts[0], &stall->parts[1], stall->nParts * sizeof(stall->parts[0]));
    }
}

/* The least of all that have been kept. */
static guint64
leastOfAll(const convergeStall *stall)
{
    guint64 least = stall->oldBytes;
    unsigned int i;

    for (i = 0; i < stall->nParts; i++)
        least = lesser(least, stall->parts[i].bytes);
    return least;
}

static void
waitFor(convergeStall *stall,
        gint64 nowMs,
        guint64 bytes,
        gint64 patienceMs)
{
    stall->bestBytes = bytes;
    stall->sinceBytes = 0;
    stall->patienceMs = patienceMs;
    stall->patientUntil = nowMs + patienceMs;
}

void
convergeStallNotePass(convergeStall *stall,
                      gint64 nowMs,
                      guint64 bytes,
                      gint64 allowedMs,
                      gint64 margin)
{
    gboolean was = stall->stalled;

    bytes = MAX(bytes, 1); /* 0 stands for none */
    age(stall, nowMs, allowedMs);
    stall->stalled = stall->oldBytes > 0 && bytes >= stall->oldBytes * (1 - margin / 100.0);
    keep(stall, nowMs, bytes, allowedMs);
    stall->due = FALSE;
    if (!stall->stalled)
        return;

    if (!was)
        waitFor(stall, nowMs, leastOfAll(stall), allowedMs);
    else if (nowMs >= stall->patientUntil && stall->sinceBytes > 0)
        waitFor(stall, nowMs, stall->sinceBytes, (gint64)(stall->patienceMs * PATIENCE_DECAY));
    stall->due = bytes <= stall->bestBytes * (1 + margin / 100.0);
    stall->sinceBytes = lesser(stall->sinceBytes, bytes);
}
