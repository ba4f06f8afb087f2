/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See Intel's manual, volume 3, "Multiple-Processor Management" and "APIC" for the local APIC
 * and INIT/SIPI, and QEMU's docs/specs/fw_cfg for fw_cfg. */

#include "smp.h"

#define APIC_SPURIOUS 0xf0
#define APIC_COMMAND 0x300
#define APIC_TARGET 0x310
#define APIC_TIMER 0x320
#define APIC_COUNT 0x380
#define APIC_DIVIDE 0x3e0
#define ENABLED 0x100
#define INIT 0x4500 /* level, assert */
#define STARTUP 0x4600
#define BY_ONE 0xb

#define VECTOR 0x2fu /* for the timer and, as bits 0-3 are set, spurious interrupts */
#define GATE 0x8e00u /* present, 32-bit interrupt gate */
#define CODE (8u << 16)

#define FW_CFG 0x510
#define FW_CFG_SIGNATURE 0
#define FW_CFG_CPUS 5

#define STACK 8192
#define PATIENCE_MS 10000u /* for a processor that waits for one of the host's */

/* In start.S. */
extern u8 trampoline[], trampoline_end[], wakeup[];
void smpHalt(void);

/* For start.S: the stack of the next processor. */
u8 *processorStack;

static u8 stack[CPUS_MAX - 1][STACK] __attribute__((aligned(16)));
static u32 idt[2 * (VECTOR + 1)] __attribute__((aligned(8)));
static u32 khz;
static volatile u32 starting, answered;


static volatile u32 *
apic(u32 place)
{
    return (volatile u32 *)(APIC + place);
}


static u8
firmwareByte(void)
{
    return inb(FW_CFG + 1);
}


u32
smpCount(void)
{
    u32 count;

    outw(FW_CFG, FW_CFG_SIGNATURE);
    if (firmwareByte() != 'Q' || firmwareByte() != 'E' ||
        firmwareByte() != 'M' || firmwareByte() != 'U')
        return 1;
    outw(FW_CFG, FW_CFG_CPUS);
    count = firmwareByte();
    return count | firmwareByte() << 8;
}


/* Sets up the APIC of this processor: only its timer wakes it. */
static void
localSetUp(void)
{
    struct __attribute__((packed)) {
        u16 limit;
        u32 *base;
    } pointer = { sizeof(idt) - 1, idt };

    __asm__ volatile("lidt %0"
                     :
                     : "m"(pointer));
    *apic(APIC_SPURIOUS) = ENABLED | VECTOR;
    *apic(APIC_DIVIDE) = BY_ONE;
    *apic(APIC_TIMER) = VECTOR; /* one shot */
}


void
smpSetUp(u32 tscKhz)
{
    u32 i;

    khz = tscKhz;
    for (i = 0; trampoline + i < trampoline_end; i++)
        ((u8 *)TRAMPOLINE)[i] = trampoline[i];
    idt[2 * VECTOR] = CODE | ((u32)wakeup & 0xffff);
    idt[2 * VECTOR + 1] = ((u32)wakeup & 0xffff0000) | GATE;

    outb(0x21, 0xff); /* masks the PICs, or firmware's timer would tick */
    outb(0xa1, 0xff);
    localSetUp();
}


void
smpSleep(u64 until)
{
    u64 now;

    while ((now = rdtsc()) < until) {
        u64 ticks = until - now < 0xffffffff ? until - now : 0xffffffff;

        /* The timer of KVM and QEMU counts nanoseconds; the loop repeats if it is early. */
        *apic(APIC_COUNT) = divide(ticks * 1000, khz, 0) * 1000 + 1000;
        smpHalt();
    }
}


void
smpWait(void)
{
    smpSleep(rdtsc() + khz);
}


static void
command(u32 cpu, u32 what)
{
    *apic(APIC_TARGET) = cpu << 24;
    *apic(APIC_COMMAND) = what;
    smpWait();
}


u32
smpStart(u32 cpu)
{
    u32 tries;

    processorStack = stack[cpu - 1] + STACK;
    starting = cpu;
    command(cpu, INIT);
    for (tries = 0; tries < 10; tries++)
        smpWait();
    command(cpu, STARTUP | TRAMPOLINE >> 12);
    command(cpu, STARTUP | TRAMPOLINE >> 12);
    for (tries = 0; answered != cpu && tries < PATIENCE_MS; tries++)
        smpWait();
    return answered == cpu;
}


u32
smpAnswer(void)
{
    u32 cpu = starting;

    localSetUp();
    answered = cpu;
    return cpu;
}
