/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "workload.h"
#include "text.h"

#define RATE_MIN 2000000u               /* a page per batch */
#define RATE_UNBOUND 0xffffffffu        /* rate=max: not a turn of spin */
#define ROUNDS 25
#define ROUND_MS 4


void
workloadParse(Workload *load, const char *cmdline)
{
    u32 length;
    const char *word = wordFind(cmdline, "pattern", &length);

    load->sequential = word && wordIs(word, length, "sequential");

    word = wordFind(cmdline, "phases", &length);
    if (!word)
        word = wordFind(cmdline, "rate", &length);
    for (; word && load->phases < PHASES_MAX; word++) {
        Phase *phase = &load->phase[load->phases++];
        u32 number = wordIs(word, 3, "max") ? RATE_UNBOUND : numberRead(&word);

        if (number == RATE_UNBOUND) {
            word += 3;
        } else if (*word == 'm' || *word == 's') {      /* TIME:RATE */
            phase->milliseconds = *word == 's' ? number * 1000 : number;
            while (*word && *word++ != ':')
                ;
            number = wordIs(word, 3, "max") ? RATE_UNBOUND : numberRead(&word);
            if (number == RATE_UNBOUND)
                word += 3;
        }
        phase->rate = number && number < RATE_MIN ? RATE_MIN : number;
        if (*word != ',')
            break;
    }
    if (!load->phases)
        load->phases = 1;
}


static void
touchRandom(Workload *load, u32 count, u32 turns)
{
    u32 *generation = load->memory->generation, pages = load->memory->pages;
    u32 place = load->place, sum = 0;

    do {
        place = place * 1664525u + 1013904223u;
        sum += memoryTouch(generation, (u64)place * pages >> 32);
        spin(turns);
    } while (--count);
    load->place = place;
    load->memory->tableSum += sum;
}


static void
touchInOrder(Workload *load, u32 count, u32 turns)
{
    u32 *generation = load->memory->generation, pages = load->memory->pages;
    u32 place = load->place, sum = 0;

    do {
        sum += memoryTouch(generation, place);
        if (++place >= pages)
            place = 0;
        spin(turns);
    } while (--count);
    load->place = place;
    load->memory->tableSum += sum;
}


/* Drives the pause to where a batch in four is shorter than it should be: the
 * first quartile, so that batches stretched by short stops of the vCPU (a
 * throttle, another thread's turn) do not count as a slow processor. Long stops
 * are not looked at. No guest outruns its throttle this way. */
static void
adjust(Phase *phase, u32 ticks)
{
    if (ticks < phase->ticks)
        phase->pause += 3 * phase->step;
    else if (ticks < 4 * phase->ticks && phase->pause > phase->least + phase->step)
        phase->pause -= phase->step;
}


void
workloadRun(Workload *load, Phase *phase)
{
    u32 begin = rdtsc(), turns = phase->pause >> 8, i;

    if (!phase->rate) {
        for (i = phase->batch; i; i--)
            spin(turns);
    } else {
        if (load->sequential)
            touchInOrder(load, phase->batch, turns);
        else
            touchRandom(load, phase->batch, turns);
        load->dirtied += phase->batch;
    }
    spin((phase->pause & 255) * phase->batch >> 8);
    load->work += (u64)phase->batch * phase->nanoseconds;
    if (phase->ticks)
        adjust(phase, (u32)rdtsc() - begin);
}


/* TSC ticks that a batch takes when nothing else wants our CPU: the first
 * quartile of many short tries, most of which nobody interrupts. */
static u32
ticksTaken(Workload *load, Phase *phase)
{
    u32 taken[ROUNDS], i, j;

    for (i = 0; i < ROUNDS; i++) {
        u64 begin = rdtsc();
        u32 ticks;

        workloadRun(load, phase);
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


void
workloadCalibrate(Workload *load)
{
    Phase touch = { .rate = RATE_UNBOUND, .batch = 64 };
    Phase idle = { .pause = 4096 << 8, .batch = 1 };
    u32 touchTicks = ticksOfRound(load, &touch);
    u32 spinTicks = ticksOfRound(load, &idle);
    u32 turns = idle.batch * 4096, perPage, i, j;

    for (i = 0; i < load->phases; i++) {
        Phase *phase = &load->phase[i];

        /* ticks × 256 × 3906 / kHz = ns, near enough */
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
        /* The reports and the stretched batches take their share too. */
        phase->ticks = perPage * phase->batch / 32 * 31;
        phase->pause = divide((u64)perPage * turns << 8, spinTicks, 0);
        phase->step = clampToOne(phase->pause >> 8);
        phase->least = phase->pause / 6;
        for (j = 0; j < 250; j++)       /* half a second to settle */
            workloadRun(load, phase);
    }
    load->work = 0;
    load->dirtied = 0;
}
