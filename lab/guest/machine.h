/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The machine below the guest: ports, clock, serial line, integer division. The only state is
 * the FIFO of the serial line, and no function waits without a bound. */

#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define PAGE 4096u

static inline void
outb(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1"
                     :
                     : "a"(value), "Nd"(port));
}

static inline u8
inb(u16 port)
{
    u8 value;
    __asm__ volatile("inb %1, %0"
                     : "=a"(value)
                     : "Nd"(port));
    return value;
}

static inline void
outw(u16 port, u16 value)
{
    __asm__ volatile("outw %0, %1"
                     :
                     : "a"(value), "Nd"(port));
}

static inline void
outl(u16 port, u32 value)
{
    __asm__ volatile("outl %0, %1"
                     :
                     : "a"(value), "Nd"(port)
                     : "memory");
}

static inline u64
rdtsc(void)
{
    u64 value;
    __asm__ volatile("rdtsc"
                     : "=A"(value));
    return value;
}

/* Uses CPU time only: touches no memory, so it dirties nothing. */
static inline void
spin(u32 turns)
{
    if (turns)
        __asm__ volatile("1: dec %0\n\tjnz 1b"
                         : "+r"(turns)
                         :
                         : "cc");
}

/* Divides 64 by 32 bits; the compiler's own division would need libgcc. */
static inline u64
divide(u64 value, u32 by, u32 *rest)
{
    u32 high = value >> 32, low = value, carry = high % by;

    high /= by;
    __asm__("divl %2"
            : "+a"(low), "+d"(carry)
            : "rm"(by)
            : "cc");
    if (rest)
        *rest = carry;
    return ((u64)high << 32) | low;
}

/* TSC ticks per millisecond, timed against the PIT. */
u32 machineTscKhz(void);

void serialOpen(void);

/* One byte from the host, or -1. */
int serialRead(void);

/* Sends @length bytes. Drops the rest if the line accepts nothing for a while: a host that
 * does not read must not slow the guest down. */
void serialWrite(const char *text, u32 length);

/* Has QEMU copy @length bytes of the kernel and its modules, as the loader has found them, to
 * @to, from byte @from on (fw_cfg's DMA). Returns 0 if this QEMU does not. */
u32 machineLoaded(u32 from, void *to, u32 length);
