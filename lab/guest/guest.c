/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The busy guest. Command line, key=value words:
 *
 *   working-set=400M          bytes that it keeps writing to
 *   rate=250M                 bytes/s dirtied at full speed; 0: none; max
 *   phases=10s:250M,5s:20M    instead of rate: a cycle, times in s or ms
 *   pattern=random            or sequential
 *   fill=pattern              stamp the rest of memory too (else it stays zero)
 *   report-hz=10              reports per second
 *
 * K, M, G are powers of 1000; Ki, Mi, Gi of 1024.
 *
 * Lines on the serial port, key=value words after the first:
 *
 *   boot     memory and workload as understood, before calibration
 *   ready    what calibration found
 *   report   t_ms: uptime by TSC; work_ns: work done, in CPU time at full
 *            speed; dirtied: pages; rate: asked in this phase, bytes/s
 *   verify   ok pages=N, or BAD pages=K first=PAGE checked=N: the answer to a 'v'
 */

#include "text.h"
#include "workload.h"

#define MULTIBOOT_MAGIC 0x2badb002u
#define MULTIBOOT_HAS_CMDLINE 4

typedef struct {
    u32 flags, lowKib, highKib, bootDevice;
    const char *cmdline;
} Multiboot;

static char cmdline[1024];
static Memory memory;
static Workload load;


static u32
option(const char *key, u32 otherwise)
{
    u32 length;
    const char *word = wordFind(cmdline, key, &length);

    return word ? numberRead(&word) : otherwise;
}


static void
verify(void)
{
    MemoryVerdict verdict = memoryVerify(&memory);

    if (verdict.bad) {
        lineBegin("verify BAD");
        lineNumber("pages", verdict.bad);
        lineNumber("first", verdict.first);
        lineNumber("checked", verdict.checked);
    } else {
        lineBegin("verify ok");
        lineNumber("pages", verdict.checked);
    }
    lineSend();
}


static void
report(u64 milliseconds, u32 rate)
{
    lineBegin("report");
    lineNumber("t_ms", milliseconds);
    lineNumber("work_ns", load.work);
    lineNumber("dirtied", load.dirtied);
    lineNumber("rate", rate);
    lineSend();
}


static void
setUp(const Multiboot *info)
{
    u32 length, i;
    const char *fill;

    /* The loader put the command line where the table is going to be. */
    if (info->flags & MULTIBOOT_HAS_CMDLINE) {
        for (i = 0; i < sizeof(cmdline) - 1 && info->cmdline[i]; i++)
            cmdline[i] = info->cmdline[i];
    }
    fill = wordFind(cmdline, "fill", &length);

    serialOpen();
    load.memory = &memory;
    load.tscKhz = machineTscKhz();
    workloadParse(&load, cmdline);
    memorySetUp(&memory, info->lowKib << 10, info->highKib << 10,
                option("working-set", 64u << 20),
                fill && wordIs(fill, length, "pattern"));

    lineBegin("boot");
    lineNumber("working_set_pages", memory.pages);
    lineNumber("rest_pages", memory.restPages);
    lineNumber("phases", load.phases);
    lineNumber("tsc_khz", load.tscKhz);
    lineText("pattern", load.sequential ? "sequential" : "random",
             load.sequential ? 10 : 6);
    lineSend();

    workloadCalibrate(&load);
    lineBegin("ready");
    lineNumber("ns_per_page", load.phase[0].nanoseconds);
    lineNumber("spin_per_page_256th", load.phase[0].pause);
    lineNumber("batch", load.phase[0].batch);
    lineSend();
}


void guestMain(u32 magic, const Multiboot *info);

void
guestMain(u32 magic, const Multiboot *info)
{
    u64 begin, now, reportAt, phaseAt;
    u32 every, current = 0;

    if (magic != MULTIBOOT_MAGIC)
        return;
    setUp(info);

    every = load.tscKhz * (1000 / (option("report-hz", 10) ?: 1));
    begin = reportAt = rdtsc();
    phaseAt = begin + (u64)load.phase[0].milliseconds * load.tscKhz;
    for (;;) {
        workloadRun(&load, &load.phase[current]);

        now = rdtsc();
        if (load.phases > 1 && now >= phaseAt) {
            current = current + 1 < load.phases ? current + 1 : 0;
            phaseAt = now + (u64)load.phase[current].milliseconds * load.tscKhz;
        }
        if (now >= reportAt) {
            report(divide(now - begin, load.tscKhz, 0), load.phase[current].rate);
            reportAt = now + every;
            if (serialRead() == 'v')
                verify();
        }
    }
}
