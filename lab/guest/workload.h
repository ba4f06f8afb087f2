/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The workload of one processor: pages dirtied, or only read, each after an amount
 * of CPU work such that the asked rate comes out at full speed. A guest that gets
 * half of its CPU dirties half as much, as real programs do: time in which it did
 * not run is never made up for.
 *
 * What does get evened out is the processor's own speed, which on a shared
 * machine moves by a factor of two and more from one second to the next: the
 * work per page follows what batches of some milliseconds take when nobody
 * interrupts them. What follows the clock: phases, the growth of the working set,
 * and the sleep of a processor that is not busy all of the time. */

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
    u32 done;                   /* batches: 32 bits, which other processors read whole */
} Phase;

typedef struct {
    const Memory *memory;
    Share *share;               /* of the memory, this processor's */
    u32 sequential;
    u32 reading;                /* pages are looked at, not written */
    u32 busy;                   /* percent of the time; the rest it sleeps */
    u32 from, to;               /* pages in use at the beginning and after growing */
    u32 growing;                /* milliseconds from one to the other */
    u32 tscKhz;
    Phase phase[PHASES_MAX];
    u32 phases, current;

    u64 begin;                  /* TSC when the work began, */
    u64 phaseAt;                /* when the next phase does, */
    u64 wakeAt;                 /* when the next turn does */
    u32 pages;                  /* in use now */
    u32 place;                  /* last page, or the random generator's state */
} Workload;

/* Reads processor @cpu's workload from @cmdline. */
void workloadParse(Workload *load, const char *cmdline, u32 cpu);

/* Once the memory is set up, and while no other processor works. */
void workloadCalibrate(Workload *load);

/* The beginning of time for phases and growth. */
void workloadBegin(Workload *load);

/* A batch, BATCH_NS at full speed, and the sleep after it; returns the TSC. */
u64 workloadTurn(Workload *load);

/* Done since the beginning: ns of CPU time at full speed; pages dirtied. Any
 * processor may ask. */
u64 workloadWork(const Workload *load);
u64 workloadDirtied(const Workload *load);
