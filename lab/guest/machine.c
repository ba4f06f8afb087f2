/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "machine.h"

#define PIT_HZ 1193182u
#define PIT_COMMAND 0x43
#define PIT_CHANNEL2 0x42
#define PIT_GATE 0x61    /* bit 0: count, bit 1: speaker, bit 5: output */
#define PIT_TICKS 59659u /* 50 ms */

#define COM1 0x3f8
#define LINE_STATUS (COM1 + 5)
#define HAS_INPUT 0x01
#define CAN_SEND 0x20 /* the FIFO is empty, all of it is free */
#define FIFO 16u
#define PATIENCE 200u /* status reads before the rest is dropped */

/* See QEMU's docs/specs/fw_cfg. */
#define FW_CFG_DMA_HIGH 0x514
#define FW_CFG_DMA_LOW 0x518
#define FW_CFG_KERNEL_DATA (0x11u << 16)
#define DMA_READ 0x02u
#define DMA_SKIP 0x04u
#define DMA_SELECT 0x08u

typedef struct { /* all big-endian */
    u32 control, length, high, low;
} Dma;


u32
machineTscKhz(void)
{
    u64 begin, ticks, least = ~0ull;
    u32 tries;

    /* Another program on this processor can only make it longer, never shorter. */
    for (tries = 0; tries < 3; tries++) {
        outb(PIT_GATE, (inb(PIT_GATE) & ~2) | 1);
        outb(PIT_COMMAND, 0xb0); /* channel 2, both bytes, one shot */
        outb(PIT_CHANNEL2, PIT_TICKS & 0xff);
        outb(PIT_CHANNEL2, PIT_TICKS >> 8);
        begin = rdtsc();
        while (!(inb(PIT_GATE) & 0x20))
            ;
        ticks = rdtsc() - begin;
        if (ticks < least)
            least = ticks;
    }
    /* ticks / (PIT_TICKS / PIT_HZ) / 1000 */
    return divide(least * PIT_HZ, PIT_TICKS * 1000u, 0);
}


void
serialOpen(void)
{
    outb(COM1 + 1, 0);    /* no interrupts */
    outb(COM1 + 3, 0x80); /* divisor 1: 115200 baud */
    outb(COM1 + 0, 1);
    outb(COM1 + 1, 0);
    outb(COM1 + 3, 0x03); /* 8N1 */
    outb(COM1 + 2, 0x07); /* FIFO on and empty */
    outb(COM1 + 4, 0x03);
}


int
serialRead(void)
{
    return inb(LINE_STATUS) & HAS_INPUT ? inb(COM1) : -1;
}


/* Sends a full FIFO for each status read, in one string instruction: every port access exits
 * to the host. */
void
serialWrite(const char *text, u32 length)
{
    while (length) {
        u32 count = length < FIFO ? length : FIFO;
        u32 tries = PATIENCE;

        length -= count;
        while (!(inb(LINE_STATUS) & CAN_SEND)) {
            if (!--tries)
                return;
            spin(64);
        }
        __asm__ volatile("rep outsb"
                         : "+S"(text), "+c"(count)
                         : "d"((u16)COM1)
                         : "memory");
    }
}


/* QEMU has carried it out when the port's instruction ends. */
static u32
dma(u32 control, void *to, u32 length)
{
    volatile Dma access = {
        .control = __builtin_bswap32(control),
        .length = __builtin_bswap32(length),
        .low = __builtin_bswap32((u32)to),
    };

    outl(FW_CFG_DMA_HIGH, 0);
    outl(FW_CFG_DMA_LOW, __builtin_bswap32((u32)&access));
    return !access.control;
}


u32
machineLoaded(u32 from, void *to, u32 length)
{
    return dma(FW_CFG_KERNEL_DATA | DMA_SELECT | DMA_SKIP, 0, from) && dma(DMA_READ, to, length);
}
