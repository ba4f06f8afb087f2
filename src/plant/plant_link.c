/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant_link.c: the bandwidth of the link, its outages, and noise
 */
#include <math.h>

#include "plant/plant_priv.h"

#define NOISE_LINK 1
#define NOISE_MS 1000

/* TCP waits twice as long before each further attempt, but no longer than this (TCP_RTO_MAX of
 * Linux). */
#define RECOVERY_MOST_MS 120000

/* What takes longer than the first ends after the second, which stands for never. */
#define PATIENCE_MS (7 * 24 * 3600 * 1000LL)
#define FOREVER_MS 1e12

/* One round of SplitMix64 (Steele, Lea, Flood 2014): different inputs give unrelated
 * outputs, so noise needs no state. */
static guint64
scramble(guint64 x)
{
    x += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

double
plantNoise(const convergePlant *plant,
           guint64 stream,
           gint64 second)
{
    guint64 bits = scramble(scramble(scramble(plant->config.seed) ^ stream) ^ (guint64)second);

    return (double)(bits >> 11) / (double)(G_GUINT64_CONSTANT(1) << 52) - 1;
}

double
plantLinkWire(const convergePlant *plant,
              double bytes)
{
    return bytes / MAX(plant->config.compression, 1);
}

/* The link at one moment, as it carries memory. */
typedef struct _linkState linkState;
struct _linkState {
    double bandwidth; /* bytes/s; 0: dead */
    gint64 nextMs;    /* when that changes; G_MAXINT64: never */
};

static linkState
linkAt(const convergePlant *plant,
       gint64 ms)
{
    const convergePlantConfig *config = &plant->config;
    linkState state = { config->bandwidth, G_MAXINT64 };
    gboolean dead = state.bandwidth <= 0;
    gint64 deadFromMs = 0;
    gint64 deadUntilMs = 0;
    unsigned int i;

    for (i = 0; i < config->nlinkChanges; i++) {
        const convergePlantLinkChange *change = &config->linkChanges[i];

        if (change->ms > ms) {
            state.nextMs = change->ms;
            break;
        }
        state.bandwidth = change->bandwidth;
        if (state.bandwidth <= 0) {
            /* A link that dies again before TCP has noticed that it was back was never back. */
            if (!dead && change->ms >= deadUntilMs)
                deadFromMs = change->ms;
            dead = TRUE;
        } else if (dead) {
            double wait = config->recovery * (double)(change->ms - deadFromMs);

            deadUntilMs = change->ms + llrint(MIN(wait, RECOVERY_MOST_MS));
            dead = FALSE;
        }
    }

    if (!dead && ms < deadUntilMs) {
        dead = TRUE;
        state.nextMs = MIN(state.nextMs, deadUntilMs);
    }
    if (dead) {
        state.bandwidth = 0;
        return state;
    }
    if (config->noise > 0) {
        state.bandwidth *= MAX(1 + config->noise * plantNoise(plant, NOISE_LINK, ms / NOISE_MS), 0);
        state.nextMs = MIN(state.nextMs, (ms / NOISE_MS + 1) * NOISE_MS);
    }
    if (config->tlsBandwidth > 0)
        state.bandwidth = MIN(state.bandwidth, config->tlsBandwidth);
    if (plant->path > 0)
        state.bandwidth = MIN(state.bandwidth, plant->path);
    if (config->compression > 1)
        state.bandwidth *= config->compression;
    if (config->compressRate > 0)
        state.bandwidth = MIN(state.bandwidth, config->compressRate);
    return state;
}

double
convergePlantBandwidth(const convergePlant *plant)
{
    return linkAt(plant, plant->timeMs).bandwidth;
}

gint64
plantLinkNextChange(const convergePlant *plant)
{
    return linkAt(plant, plant->timeMs).nextMs;
}

static double
msFor(double bytes,
      double bandwidth)
{
    if (bytes <= 0)
        return 0;
    return bandwidth > 0 ? bytes / bandwidth * 1000 : INFINITY;
}

double
plantLinkMs(const convergePlant *plant,
            double bytes)
{
    return msFor(bytes, convergePlantBandwidth(plant));
}

double
plantLinkCarryMs(const convergePlant *plant,
                 double bytes)
{
    gint64 ms = plant->timeMs;

    while (ms - plant->timeMs < PATIENCE_MS) {
        linkState state = linkAt(plant, ms);
        double need = msFor(bytes, state.bandwidth);

        if (need <= (double)(state.nextMs - ms))
            return (double)(ms - plant->timeMs) + need;
        if (state.nextMs == G_MAXINT64)
            break;
        bytes -= state.bandwidth * (double)(state.nextMs - ms) / 1000;
        ms = state.nextMs;
    }
    return FOREVER_MS;
}
