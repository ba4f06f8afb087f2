/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant_link.c: the bandwidth of the link, and noise
 */
#include "plant/plant_priv.h"

#define NOISE_LINK 1
#define NOISE_MS 1000

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
convergePlantBandwidth(const convergePlant *plant)
{
    const convergePlantConfig *config = &plant->config;
    double bandwidth = config->bandwidth;
    unsigned int i;

    for (i = 0; i < config->nlinkChanges && plant->timeMs >= config->linkChanges[i].ms; i++)
        bandwidth = config->linkChanges[i].bandwidth;

    if (config->noise > 0)
        bandwidth *= 1 + config->noise * plantNoise(plant, NOISE_LINK, plant->timeMs / NOISE_MS);
    if (config->tlsBandwidth > 0)
        bandwidth = MIN(bandwidth, config->tlsBandwidth);

    /* Callers divide by the bandwidth. */
    return MAX(bandwidth, 1);
}

gint64
plantLinkNextChange(const convergePlant *plant)
{
    const convergePlantConfig *config = &plant->config;
    gint64 next = G_MAXINT64;
    unsigned int i;

    if (config->noise > 0)
        next = (plant->timeMs / NOISE_MS + 1) * NOISE_MS;
    for (i = 0; i < config->nlinkChanges; i++) {
        if (config->linkChanges[i].ms > plant->timeMs)
            next = MIN(next, config->linkChanges[i].ms);
    }
    return next;
}
