/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "workload.h"
#include "text.h"

#define RATE_MIN 2000000u        /* one page per batch */
#define RATE_UNBOUND 0xffffffffu /* rate=max: no spinning at all */
#define ROUNDS 25
#define ROUND_MS 4


/* The words "rate" or "phases"; the processor's own come first. */
static const char *
phasesFind(const char *cmdline, u32 cpu, u32 *ret_len)
{
    const char *word = wordFindFor(cmdline, cpu, "phases", ret_len);

    if (!word)
        word = wordFindFor(cmdline, cpu, "rate", ret_len);
    if (!word)
        word = wordFind(cmdline, "phases", ret_len);
    return word ? word : wordFind(cmdline, "rate", ret_len);
}


static u32
rateRead(const char **word)
{
    u32 rate;

    if (wordIs(*word, 3, "max")) {
        *word += 3;
        return RATE_UNBOUND;
    }
    rate = numberRead(word);
    return rate && rate < RATE_MIN ? RATE_MIN : rate;
}


static void
phasesParse(Workload *load, const char *word, u32 length)
{
    const char *end = word + length, *c;

    for (; word && load->phases < PHASES_MAX; word++) {
        Phase *phase = &load->phase[load->phases++];

        for (c = word; c < end && *c != ':' && *c != ','; c++)
            ;
        if (c < end && *c == ':') { /* TIME:RATE */
            phase->milliseconds = timeRead(&word);
            word = c + 1;
        }
        phase->rate = rateRead(&word);
        if (*word != ',')
            break;
    }
    if (!load->phases)
        load->phases = 1;
}


void
workloadParse(Workload *load, const char *cmdline, u32 cpu)
{
    u32 length = 0;
    const char *word;

    word = wordFindOf(cmdline, cpu, "pattern", &length);
    load->sequential = word && wordIs(word, length, "sequential");
    word = wordFindOf(cmdline, cpu, "access", &length);
    load->reading = word && wordIs(word, length, "read");
    word = wordFindOf(cmdline, cpu, "busy", &length);
    load->busy = word ? numberRead(&word) : 100;
    if (load->busy < 1 || load->busy > 100)
        load->busy = load->busy ? 100 : 1;

    word = wordFindOf(cmdline, cpu, "working-set", &length);
    load->from = load->to = (word ? numberRead(&word) : 64u << 20) / PAGE;
    if (word && *word == ':') { /* FROM:TO:TIME */
        word++;
        load->to = numberRead(&word) / PAGE;
        if (*word == ':') {
            word++;
            load->growing = timeRead(&word);
        }
    }

    word = phasesFind(cmdline, cpu, &length);
    phasesParse(load, word, length);
}


/* One loop for each kind of access, with as little as possible between two pages. */
static inline __attribute__((always_inline)) void
visit(Workload *load, u32 count, u32 turns, u32 sequential, u32 reading)
{
    u32 *generation = load->memory->generation, pages = load->pages;
    u32 first = load->share->first, place = load->place, sum = 0, i;

    do {
        if (sequential) {
            if (++place >= pages)
                place = 0;
            i = place;
        } else {
            place = place * 1664525u + 1013904223u;
            i = (u64)place * pages >> 32;
        }
        sum += reading ? memoryLook(first + i) : memoryTouch(generation, first + i);
        spin(turns);
    } while (--count);
    load->place = place;
    load->share->tableSum += sum;
}


static void
visitAny(Workload *load, u32 count, u32 turns)
{
    if (load->sequential && load->reading)
        visit(load, count, turns, 1, 1);
    else if (load->sequential)
        visit(load, count, turns, 1, 0);
    else if (load->reading)
        visit(load, count, turns, 0, 1);
    else
        visit(load, count, turns, 0, 0);
}


/* Adjusts the pause until one batch in four is shorter than it should be. As this is the
 * first quartile, batches that short stops of the vCPU have prolonged (by a throttle or
 * another thread) do not count as a slow processor. Long stops are ignored. So no guest
 * makes up for its throttle. */
static void
adjust(Phase *phase, u32 ticks)
{
    if (ticks < phase->ticks)
        phase->pause += 3 * phase->step;
    else if (ticks < 4 * phase->ticks && phase->pause > phase->least + phase->step)
        phase->pause -= phase->step;
}


static void
batchRun(Workload *load, Phase *phase)
{
    u32 begin = rdtsc(), turns = phase->pause >> 8, i;

    if (phase->rate) {
        visitAny(load, phase->batch, turns);
    } else {
        for (i = phase->batch; i; i--)
            spin(turns);
    }
    spin((phase->pause & 255) * phase->batch >> 8);
    phase->done++;
    if (phase->ticks)
        adjust(phase, (u32)rdtsc() - begin);
}


/* TSC ticks that a batch takes without interruption: the first quartile of many short tries,
 * most of which nothing interrupts. */
static u32
ticksTaken(Workload *load, Phase *phase)
{
    u32 taken[ROUNDS], i, j;

    for (i = 0; i < ROUNDS; i++) {
        u64 begin = rdtsc();
        u32 ticks;

        batchRun(load, phase);
        ticks = rdtsc() - begin;
        for (j = i; j && taken[j - 1] > ticks; j--)
            taken[j] = taken[j - 1];
        taken[j] = ticks;
    }
    return taken[ROUNDS / 4];
}


/* Grows the batch of @phase until it takes ROUND_MS; returns its ticks. */
static u32
ticksOfRound(Workload *load, Phase *phase)
{
    u32 ticks;

    while ((ticks = ticksTaken(load, phase)) < ROUND_MS * load->tscKhz &&
           phase->batch < 1u << 30)
        phase->batch *= 2;
    return ticks;
}


static u32
clampToOne(u64 value)
{
    return value ? value : 1;
}


/* @pages, limited to at least one and at most all pages. */
static u32
clampToShare(const Workload *load, u32 pages)
{
    return pages < load->share->pages ? clampToOne(pages) : load->share->pages;
}


void
workloadCalibrate(Workload *load)
{
    Phase touch = { .rate = RATE_UNBOUND, .batch = 64 };
    Phase idle = { .pause = 4096 << 8, .batch = 1 };
    u32 touchTicks, spinTicks, turns, perPage, i, j;

    load->from = clampToShare(load, load->from);
    load->to = clampToShare(load, load->to);
    load->pages = load->from;
    touchTicks = ticksOfRound(load, &touch);
    spinTicks = ticksOfRound(load, &idle);
    turns = idle.batch * 4096;

    for (i = 0; i < load->phases; i++) {
        Phase *phase = &load->phase[i];

        /* ticks × 256 × 3906 / kHz is about the time in ns */
        perPage = divide((u64)touchTicks << 8, touch.batch, 0);
        if (phase->rate == RATE_UNBOUND)
            phase->nanoseconds = clampToOne(divide((u64)perPage * 3906, load->tscKhz, 0));
        else if (phase->rate)
            phase->nanoseconds = divide(PAGE * 1000000000ull, phase->rate, 0);
        else
            phase->nanoseconds = BATCH_NS / 16;
        phase->batch = clampToOne(BATCH_NS / phase->nanoseconds);
        if (phase->rate == RATE_UNBOUND)
            continue;

        perPage = divide((u64)phase->nanoseconds * load->tscKhz, 1000000, 0);
        /* Leave a share for the reports and for prolonged batches. */
        phase->ticks = perPage * phase->batch / 32 * 31;
        phase->pause = divide((u64)perPage * turns << 8, spinTicks, 0);
        phase->step = clampToOne(phase->pause >> 8);
        phase->least = phase->pause / 6;
        for (j = 0; j < 250; j++) /* half a second to settle */
            batchRun(load, phase);
        phase->done = 0;
    }
}


static void
grow(Workload *load, u64 now)
{
    u64 elapsed = divide(now - load->begin, load->tscKhz, 0);
    u32 part;

    if (elapsed >= load->growing) {
        load->pages = load->to;
        return;
    }
    part = divide(elapsed << 16, load->growing, 0);
    if (load->to > load->from)
        load->pages = load->from + ((u64)(load->to - load->from) * part >> 16);
    else
        load->pages = load->from - ((u64)(load->from - load->to) * part >> 16);
}


void
workloadBegin(Workload *load)
{
    load->begin = load->wakeAt = rdtsc();
    load->phaseAt = load->begin + (u64)load->phase[0].milliseconds * load->tscKhz;
    load->pages = load->from;
}


/* Sleeps so that a batch takes its share of the time. Late turns are not made up for. */
static void
sleepTurn(Workload *load, u64 now)
{
    load->wakeAt += BATCH_NS / 10000 * load->tscKhz / load->busy;
    if (load->wakeAt < now)
        load->wakeAt = now;
    else
        smpSleep(load->wakeAt);
}


u64
workloadTurn(Workload *load)
{
    u64 now;

    batchRun(load, &load->phase[load->current]);
    now = rdtsc();
    if (load->phases > 1 && now >= load->phaseAt) {
        load->current = load->current + 1 < load->phases ? load->current + 1 : 0;
        load->phaseAt = now + (u64)load->phase[load->current].milliseconds * load->tscKhz;
    }
    if (load->pages != load->to)
        grow(load, now);
    if (load->busy < 100) {
        sleepTurn(load, now);
        now = rdtsc();
    }
    return now;
}


u64
workloadWork(const Workload *load)
{
    u64 work = 0;
    u32 i;

    for (i = 0; i < load->phases; i++) {
        const Phase *phase = &load->phase[i];

        work += (u64)phase->done * (phase->batch * phase->nanoseconds);
    }
    return work;
}


u64
workloadDirtied(const Workload *load)
{
    u64 dirtied = 0;
    u32 i;

    for (i = 0; i < load->phases; i++)
        if (load->phase[i].rate && !load->reading)
            dirtied += (u64)load->phase[i].done * load->phase[i].batch;
    return dirtied;
}
