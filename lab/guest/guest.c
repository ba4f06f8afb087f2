/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* guest.c: the busy guest
 *
 * Its command line has key=value words:
 *
 *   working-set=400M          bytes that the guest keeps writing to
 *   working-set=50M:400M:30s  grows linearly from 50M to 400M within 30 s, or shrinks
 *   rate=250M                 bytes/s dirtied at full speed; 0: none; max: no bound
 *   phases=10s:250M,5s:20M    instead of rate: a cycle, times in s or ms
 *   pattern=random            or sequential
 *   access=write              or read: pages are read at that rate, but not dirtied
 *   busy=100                  percent of the time in which it works at that rate; it
 *                             sleeps for the rest, like an idle system
 *   cpus=2                    processors that work, at most 8; default: all
 *   fill=pattern              stamp the rest of memory, too (else it stays zero)
 *   content=text              what a page holds between its stamps, written or not: zero, text,
 *                             random or mix (see content, which makes the file that the guest
 *                             needs as its initrd). All but zero mean fill=pattern unless the
 *                             guest has another word for fill
 *   report-hz=10              reports per second, at most 1000
 *
 * K, M, G are powers of 1000; Ki, Mi, Gi of 1024.
 *
 * Each processor has its own working set and works by itself. A word applies to all of
 * them. Words listed above cpus= can be given for one processor, which overrides the
 * general word: "working-set=100M rate=250M cpu1.working-set=20M cpu1.rate=5M".
 *
 * A write changes the stamps of a page and leaves its content alone, so that xbzrle has less to send
 * than of most real guests.
 *
 * "At full speed" means with a host processor of its own: dirtying costs CPU time. If two
 * busy processors share one of the host's, each dirties half of its rate.
 *
 * Lines on the serial port, key=value words after the first:
 *
 *   boot     memory and workload before calibration; with several processors, their
 *            number and the workload of the first
 *   ready    result of calibration; with several processors, a line for each
 *   report   t_ms: uptime by TSC; work_ns: work done, in CPU time at full speed;
 *            dirtied: pages; rate: requested in this phase, bytes/s; these are sums
 *            over all processors; with several also work0, work1, …: ns of each
 *   verify   ok pages=N, or BAD pages=K first=PAGE checked=N: the answer to a 'v'
 */

#include "text.h"
#include "workload.h"

#define MULTIBOOT_MAGIC 0x2badb002u
#define MULTIBOOT_HAS_CMDLINE 4
#define MULTIBOOT_HAS_MODULES 8

typedef struct {
    const u8 *begin, *end;
} Module;

typedef struct {
    u32 flags, lowKib, highKib, bootDevice;
    const char *cmdline;
    u32 nModules;
    const Module *modules;
} Multiboot;

static char cmdline[1024];
static Memory memory;
static Workload load[CPUS_MAX];
static u32 cpus;

static volatile u32 calibrated;     /* number of calibrated processors, in their order */
static volatile u32 hold;           /* 0: work; else the number of a verification */
static volatile u32 held[CPUS_MAX]; /* last verification for which each one has stopped */


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
    static u32 number;
    MemoryVerdict verdict;
    u32 cpu;

    hold = ++number;
    for (cpu = 1; cpu < cpus; cpu++)
        while (held[cpu] != number)
            smpWait();
    verdict = memoryVerify(&memory);
    hold = 0;

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
report(u64 milliseconds)
{
    char key[] = "work0";
    u64 work[CPUS_MAX], allWork = 0, dirtied = 0, rate = 0;
    u32 cpu;

    for (cpu = 0; cpu < cpus; cpu++) {
        work[cpu] = workloadWork(&load[cpu]);
        allWork += work[cpu];
        dirtied += workloadDirtied(&load[cpu]);
        rate += load[cpu].phase[load[cpu].current].rate;
    }
    lineBegin("report");
    lineNumber("t_ms", milliseconds);
    lineNumber("work_ns", allWork);
    lineNumber("dirtied", dirtied);
    lineNumber("rate", rate);
    for (cpu = 0; cpus > 1 && cpu < cpus; cpu++) {
        key[4] = '0' + cpu;
        lineNumber(key, work[cpu]);
    }
    lineSend();
}


/* The pages' content is the first module. The loader has put it where other things will be, so only
 * its place in the kernel's data is of use. Returns 0 if it is missing. */
static u32
contentFind(const Multiboot *info, Content *content)
{
    u32 length;
    const char *word = wordFind(cmdline, "content", &length);

    if (!word || wordIs(word, length, "zero"))
        return 1;
    if (!(info->flags & MULTIBOOT_HAS_MODULES) || !info->nModules)
        return 0;
    content->offset = info->modules->begin - image_start;
    content->bytes = (info->modules->end - info->modules->begin) / PAGE * PAGE;
    return content->bytes;
}


/* Whether the memory outside of working sets is stamped. */
static u32
isFilled(const Content *content)
{
    u32 length;
    const char *word = wordFind(cmdline, "fill", &length);

    return word ? wordIs(word, length, "pattern") : content->bytes != 0;
}


static u32
setUp(const Multiboot *info)
{
    Content content = { 0, 0 };
    u32 tscKhz, sleepy, i;

    /* The loader has put the command line where the table will be. */
    if (info->flags & MULTIBOOT_HAS_CMDLINE) {
        for (i = 0; i < sizeof(cmdline) - 1 && info->cmdline[i]; i++)
            cmdline[i] = info->cmdline[i];
    }
    serialOpen();
    if (!contentFind(info, &content))
        return 0;
    cpus = option("cpus", 0) ?: smpCount();
    if (cpus > CPUS_MAX)
        cpus = CPUS_MAX;
    tscKhz = machineTscKhz();
    sleepy = cpus > 1;
    for (i = 0; i < cpus; i++) {
        load[i].memory = &memory;
        load[i].share = &memory.share[i];
        load[i].tscKhz = tscKhz;
        workloadParse(&load[i], cmdline, i);
        memory.share[i].pages = load[i].from > load[i].to ? load[i].from : load[i].to;
        sleepy |= load[i].busy < 100;
    }
    if (sleepy)
        smpSetUp(tscKhz);
    if (!memorySetUp(&memory, info->lowKib << 10, info->highKib << 10, cpus, isFilled(&content),
                     &content))
        return 0;

    lineBegin("boot");
    lineNumber("working_set_pages", memory.pages);
    lineNumber("rest_pages", memory.restPages);
    lineNumber("phases", load[0].phases);
    lineNumber("tsc_khz", tscKhz);
    lineText("pattern", load[0].sequential ? "sequential" : "random",
             load[0].sequential ? 10 : 6);
    if (cpus > 1)
        lineNumber("cpus", cpus);
    lineSend();
    return tscKhz;
}


/* Calibrates the processors one after the other, while the others sleep. */
static void
calibrate(u32 cpu)
{
    workloadCalibrate(&load[cpu]);
    lineBegin("ready");
    lineNumber("ns_per_page", load[cpu].phase[0].nanoseconds);
    lineNumber("spin_per_page_256th", load[cpu].phase[0].pause);
    lineNumber("batch", load[cpu].phase[0].batch);
    if (cpus > 1)
        lineNumber("cpu", cpu);
    lineSend();
    calibrated = cpu + 1;
}


/* Entry point of all processors but the first. */
void
guestProcessor(void)
{
    u32 cpu = smpAnswer();

    calibrate(cpu);
    while (calibrated < cpus)
        smpWait();
    workloadBegin(&load[cpu]);
    for (;;) {
        workloadTurn(&load[cpu]);
        while (hold) {
            held[cpu] = hold;
            smpWait();
        }
    }
}


static u32
startOthers(void)
{
    u32 cpu;

    for (cpu = 1; cpu < cpus; cpu++) {
        if (!smpStart(cpu)) {
            lineBegin("boot FAILED: a processor does not start");
            lineNumber("cpu", cpu);
            lineSend();
            return 0;
        }
        while (calibrated <= cpu)
            smpWait();
    }
    return 1;
}


void guestMain(u32 magic, const Multiboot *info);

void
guestMain(u32 magic, const Multiboot *info)
{
    u64 now, reportAt;
    u32 tscKhz, every;

    if (magic != MULTIBOOT_MAGIC)
        return;
    if (!(tscKhz = setUp(info))) {
        lineBegin("boot FAILED: there is no initrd with the content of memory");
        lineSend();
        return;
    }
    calibrate(0);
    if (!startOthers())
        return;

    every = tscKhz * (1000 / (option("report-hz", 10) ?: 1));
    workloadBegin(&load[0]);
    reportAt = load[0].begin;
    for (;;) {
        now = workloadTurn(&load[0]);
        if (now >= reportAt) {
            report(divide(now - load[0].begin, tscKhz, 0));
            reportAt = now + every;
            if (serialRead() == 'v')
                verify();
        }
    }
}
