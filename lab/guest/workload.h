/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The workload of one processor. It dirties, or only reads, pages, each after an amount of CPU
 * work that gives the requested rate at full speed. A guest that gets half of its CPU time
 * dirties half as much, as real programs do: lost time is never made up for.
 *
 * On a shared machine, the speed of the processor itself may change by a factor of two and
 * more from one second to the next. The work per page compensates for that: it follows the
 * time of uninterrupted batches of some milliseconds. Phases, the growth of the working set,
 * and the sleep of a processor that is not always busy follow the clock. */

#pragma once

#include "memory.h"

#define PHASES_MAX 16
#define BATCH_NS 2000000u

typedef struct {
    u32 milliseconds; /* 0: for ever */
    u32 rate;         /* bytes/s at full speed; 0: no page at all */
    u32 pause;        /* spin turns per page, in 1/256 */
    u32 nanoseconds;  /* full-speed CPU time per page (or turn) */
    u32 batch;        /* pages between two checks of the clock */
    u32 ticks;        /* TSC ticks that a batch should take; 0: any number */
    u32 step;         /* by which the pause is adjusted */
    u32 least;        /* minimum of the pause: dirtying must cost CPU time */
    u32 done;         /* batches; 32 bits, which other processors read atomically */
} Phase;

typedef struct {
    const Memory *memory;
    Share *share; /* this processor's part of the memory */
    u32 sequential;
    u32 reading;  /* pages are read, not written */
    u32 busy;     /* percent of the time; it sleeps for the rest */
    u32 from, to; /* pages in use at the beginning and after growing */
    u32 growing;  /* milliseconds of growing */
    u32 tscKhz;
    Phase phase[PHASES_MAX];
    u32 phases, current;

    u64 begin;   /* TSC at the start of the work */
    u64 phaseAt; /* TSC at the start of the next phase */
    u64 wakeAt;  /* TSC at the start of the next turn */
    u32 pages;   /* in use now */
    u32 place;   /* last page, or state of the random generator */
} Workload;

/* Reads processor @cpu's workload from @cmdline. */
void workloadParse(Workload *load, const char *cmdline, u32 cpu);

/* Calibrates the work. The memory must be set up, and no other processor may work. */
void workloadCalibrate(Workload *load);

/* Starts the clock of phases and growth. */
void workloadBegin(Workload *load);

/* Runs a batch, which takes BATCH_NS at full speed, and sleeps; returns the TSC. */
u64 workloadTurn(Workload *load);

/* Totals since the beginning: CPU time at full speed, in ns; dirtied pages. May be called on
 * any processor. */
u64 workloadWork(const Workload *load);
u64 workloadDirtied(const Workload *load);
