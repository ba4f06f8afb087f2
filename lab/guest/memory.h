/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guest's memory and what must be found in it.
 *
 *   0x1000 … 640 KiB     firmware's, constant once we run: summed
 *   1 MiB … fixed end    our text and constants: summed
 *   working sets         each page stamped with its generation and number
 *   table                one 32-bit generation per working-set page
 *   rest, to the top     zero, or stamped as generation 0 (fill=pattern)
 *
 * The table is itself summed, weighted by page number, so a stale table page
 * is found even where the working-set pages it speaks of are equally stale.
 *
 * Each processor has a working set of its own, one after the other, and its own
 * part of the table and of the sum: nobody writes what another one writes. */

#pragma once

#include "smp.h"

#define MIX 0x9e3779b1u         /* odd, so every page number gives another word */

typedef struct {
    u32 first;                  /* page, counted from image_end */
    u32 pages;
    u32 tableSum;               /* Σ generation[i] × (i × MIX | 1) over its pages */
} Share;

typedef struct {
    Share share[CPUS_MAX];      /* a processor's working set */
    u32 pages;                  /* of all of them, from image_end on */
    u32 *generation;            /* the table */
    u8 *rest;
    u32 restPages;
    u32 restFilled;             /* 1: stamped, 0: zero */
    u32 lowBytes;               /* of memory below 1 MiB */
    u32 fixedSum;               /* of low memory and our own image */
} Memory;

typedef struct {
    u32 checked;                /* pages */
    u32 bad;
    u32 first;                  /* number of the first bad page: address / 4096 */
} MemoryVerdict;

/* Lays out and stamps memory: @lowBytes of it below 1 MiB, @highBytes above.
 * share[].pages say what @cpus processors want, and get less if it does not fit. */
void memorySetUp(Memory *memory, u32 lowBytes, u32 highBytes, u32 cpus, u32 fill);

/* While nobody writes. */
MemoryVerdict memoryVerify(const Memory *memory);

extern u8 image_end[];          /* from the linker script */

static inline u32 *
memoryPage(u32 i)
{
    return (u32 *)(image_end + i * PAGE);
}

static inline void
memoryStamp(u32 *page, u32 value)
{
    page[0] = value;
    page[1023] = value;
}

/* Dirties page @i of all working sets: the unit of work. Returns what that adds
 * to the table's sum. Kept short: some machines emulate every instruction. */
static inline u32
memoryTouch(u32 *generation, u32 i)
{
    u32 mixed = i * MIX;

    memoryStamp(memoryPage(i), ++generation[i] ^ mixed);
    return mixed | 1;
}

/* The same, but it only looks. */
static inline u32
memoryLook(u32 i)
{
    const volatile u32 *page = memoryPage(i);

    (void)page[0];
    (void)page[1023];
    return 0;
}
