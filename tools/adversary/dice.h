/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dice.h: random numbers that depend on a seed and a name only
 *
 * The numbers are the same on every machine.  Each part of a world has dice of its own, so
 * that a new part does not change the others.
 */
#pragma once

#include <glib.h>

/* Each call throws the dice once more: none belongs into a macro's argument, and of two in one
 * expression it is not said which comes first. */

typedef struct _adversaryDice adversaryDice;
struct _adversaryDice {
    guint64 state;
};

/* Dice for the part @name of the world @seed. */
adversaryDice adversaryDiceNew(guint64 seed, const char *name);

/* A number from @least up to, but without, @most. */
double adversaryDiceBetween(adversaryDice *dice, double least, double most);

/* The same, evenly distributed on a logarithmic scale.  @least is above 0; it is returned if
 * @most is below it. */
double adversaryDiceLog(adversaryDice *dice, double least, double most);

/* A whole number from @least to @most, both included. */
unsigned int adversaryDiceCount(adversaryDice *dice, unsigned int least, unsigned int most);

/* TRUE with the given probability, 0..1. */
gboolean adversaryDiceChance(adversaryDice *dice, double probability);

/* @value as a whole number of three digits and zeros, so that scenario files can state it, and
 * so that the last bit of a machine's logarithm does not matter. */
double adversaryRound(double value);
