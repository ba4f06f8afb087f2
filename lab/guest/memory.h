/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guest's memory and its expected content.
 *
 *   0x1000 … 640 KiB     of the firmware, constant while the guest runs: summed
 *   1 MiB … fixed end    code and constants of the guest: summed
 *   working sets         each page stamped with its generation and number
 *   table                one 32-bit generation per working-set page
 *   rest, to the top     zero, or stamped as generation 0 (fill=pattern)
 *
 * Between its stamps, a page of a working set or of the stamped rest has its part of the content
 * (content=), or nothing but zeros.  A write changes the stamps alone.
 *
 * The table itself has a sum, weighted by page number, so that a stale table page is found
 * even if its working-set pages are equally stale.
 *
 * Each processor has its own working set, its own part of the table and its own sum, so that
 * no two processors write to the same memory. */

#pragma once

#include "smp.h"

#define MIX 0x9e3779b1u /* odd, so that each page number gives a different word */

typedef struct {
    u32 first; /* page, counted from image_end */
    u32 pages;
    u32 tableSum; /* Σ generation[i] × (i × MIX | 1) over its pages */
} Share;

/* What pages hold, within the kernel's data (machineLoaded()); .bytes is 0 if there is none. */
typedef struct {
    u32 offset, bytes;
} Content;

typedef struct {
    Share share[CPUS_MAX]; /* a processor's working set */
    u32 pages;             /* of all working sets, from image_end on */
    u32 *generation;       /* the table */
    u8 *rest;
    u32 restPages;
    u32 restFilled; /* 1: stamped, 0: zero */
    u32 lowBytes;   /* memory below 1 MiB */
    u32 fixedSum;   /* sum of low memory and the guest's image */
    u32 hasContent;
    u32 contentSum; /* of one word of each page that has content */
} Memory;

typedef struct {
    u32 checked; /* pages */
    u32 bad;
    u32 first; /* number of the first bad page: address / 4096 */
} MemoryVerdict;

/* Lays out and stamps memory: @lowBytes of it below 1 MiB, @highBytes above. share[].pages
 * are the sizes that @cpus processors request; they are reduced if they do not fit. Returns 0 if
 * QEMU does not hand @content over. */
u32 memorySetUp(Memory *memory, u32 lowBytes, u32 highBytes, u32 cpus, u32 fill,
                const Content *content);

/* Checks all memory. No processor may write at the same time. */
MemoryVerdict memoryVerify(const Memory *memory);

extern u8 image_start[], image_end[]; /* from the linker script */

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

/* Dirties page @i of all working sets, which is the unit of work. Returns the change of the
 * table's sum. Kept short, because some machines emulate every instruction. */
static inline u32
memoryTouch(u32 *generation, u32 i)
{
    u32 mixed = i * MIX;

    memoryStamp(memoryPage(i), ++generation[i] ^ mixed);
    return mixed | 1;
}

/* Reads the page instead of dirtying it. */
static inline u32
memoryLook(u32 i)
{
    const volatile u32 *page = memoryPage(i);

    (void)page[0];
    (void)page[1023];
    return 0;
}
