/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dice.c: random numbers, by SplitMix64 (Steele, Lea, Flood 2014)
 */
#include <math.h>

#include "adversary/dice.h"

static guint64
mix(guint64 x)
{
    x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static guint64
next(adversaryDice *dice)
{
    dice->state += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    return mix(dice->state);
}

adversaryDice
adversaryDiceNew(guint64 seed,
                 const char *name)
{
    adversaryDice dice = { mix(seed + G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) };

    for (; *name; name++)
        dice.state = mix(dice.state ^ (guchar)*name) + 1;
    return dice;
}

double
adversaryDiceBetween(adversaryDice *dice,
                     double least,
                     double most)
{
    double share = (double)(next(dice) >> 11) / (double)(G_GUINT64_CONSTANT(1) << 53);

    return least + (most - least) * share;
}

double
adversaryRound(double value)
{
    double unit = 1;

    if (value <= 0)
        return 0;
    while (value / unit >= 1000)
        unit *= 10;
    return rint(value / unit) * unit;
}

double
adversaryDiceLog(adversaryDice *dice,
                 double least,
                 double most)
{
    double value = exp(adversaryDiceBetween(dice, log(least), log(MAX(least, most))));

    return CLAMP(value, least, MAX(least, most));
}

unsigned int
adversaryDiceCount(adversaryDice *dice,
                   unsigned int least,
                   unsigned int most)
{
    return (unsigned int)fmin(adversaryDiceBetween(dice, least, most + 1.0), most);
}

gboolean
adversaryDiceChance(adversaryDice *dice,
                    double probability)
{
    return adversaryDiceBetween(dice, 0, 1) < probability;
}
