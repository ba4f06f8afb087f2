/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The workload: pages dirtied, each after an amount of CPU work such that the
 * asked rate comes out at full speed. A guest that gets half of its CPU dirties
 * half as much, as real programs do: time in which it did not run is never made
 * up for.
 *
 * What does get evened out is the processor's own speed, which on a shared
 * machine moves by a factor of two and more from one second to the next: the
 * work per page follows what batches of some milliseconds take when nobody
 * interrupts them. Phases are the one thing that follows the clock. */

#pragma once

#include "memory.h"

#define PHASES_MAX 16
#define BATCH_NS 2000000u

typedef struct {
    u32 milliseconds;           /* 0: for ever */
    u32 rate;                   /* bytes/s at full speed; 0: no page at all */
    u32 pause;                  /* spin turns per page, in 1/256 */
    u32 nanoseconds;            /* of full-speed CPU time per page (or turn) */
    u32 batch;                  /* pages between two looks around */
    u32 ticks;                  /* of TSC that a batch should take; 0: any */
    u32 step;                   /* by which the pause is adjusted */
    u32 least;                  /* of the pause: dirtying must cost CPU time */
} Phase;

typedef struct {
    Memory *memory;
    u32 sequential;
    u32 tscKhz;
    Phase phase[PHASES_MAX];
    u32 phases;

    u32 place;                  /* last page, or the random generator's state */
    u64 dirtied;                /* pages */
    u64 work;                   /* ns of CPU time at full speed */
} Workload;

/* Reads "rate" or "phases" and "pattern" from @cmdline. */
void workloadParse(Workload *load, const char *cmdline);

void workloadCalibrate(Workload *load);

/* One batch of @phase, BATCH_NS at full speed. */
void workloadRun(Workload *load, Phase *phase);
