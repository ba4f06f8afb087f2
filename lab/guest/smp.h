/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several processors: counting, starting, sleeping, and stopping the others. A guest with one
 * processor that never sleeps uses none of this: no APIC, no interrupts. */

#pragma once

#define TRAMPOLINE 0x8000 /* below 1 MiB: SIPI vector 8 */
#define APIC 0xfee00000
#define APIC_EOI 0xb0

#ifndef __ASSEMBLER__

#include "machine.h"

#define CPUS_MAX 8

/* The number of processors that QEMU reports (fw_cfg); 1 without QEMU. */
u32 smpCount(void);

/* Must be called once, by the first processor, before low memory is summed. */
void smpSetUp(u32 tscKhz);

/* Starts processor @cpu, 1 … CPUS_MAX - 1, which runs guestProcessor(). Returns 0 if it does
 * not answer for seconds. Processors must be started one at a time. */
u32 smpStart(u32 cpu);

/* In guest.c: the code of all processors but the first. Never returns. */
void guestProcessor(void);

/* Called by a new processor: reports its start and returns its number. */
u32 smpAnswer(void);

/* Halts this processor until @until by its TSC. */
void smpSleep(u64 until);

/* Sleeps for a millisecond, and is a compiler barrier for memory that others write. */
void smpWait(void);

#endif
