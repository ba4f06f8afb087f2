/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several processors: how many there are, how they are started, how they sleep
 * and how one of them stops the others. A guest that uses a single one, all of
 * the time, uses nothing of this: no APIC, no interrupt. */

#pragma once

#define TRAMPOLINE 0x8000       /* below 1 MiB: SIPI vector 8 */
#define APIC 0xfee00000
#define APIC_EOI 0xb0

#ifndef __ASSEMBLER__

#include "machine.h"

#define CPUS_MAX 8

/* How many processors QEMU gave us (fw_cfg); 1 when something else did. */
u32 smpCount(void);

/* To be called once, by the first processor, before low memory is summed. */
void smpSetUp(u32 tscKhz);

/* Starts processor @cpu, 1 … CPUS_MAX - 1: it runs guestProcessor(). Returns 0
 * when it does not answer for seconds. One at a time. */
u32 smpStart(u32 cpu);

/* In guest.c: what a processor other than the first does. It never returns. */
void guestProcessor(void);

/* The number of the processor that smpStart() has started last, by which a
 * new processor learns its own and says that it is there. */
u32 smpAnswer(void);

/* Halts this processor until @until by its TSC. */
void smpSleep(u64 until);

/* Sleeps for a millisecond; what others wrote meanwhile is seen. */
void smpWait(void);

#endif
