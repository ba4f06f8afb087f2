/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * world.h: a random but realistic migration, made from a seed
 *
 * A world has a guest, a link and an operator's downtime limit; a kind, which says what the
 * guest writes; and any number of traits, which say what else is special.
 */
#pragma once

#include "adversary/dice.h"
#include "plant/plant.h"

/* Sending the used memory once takes at most this long, s, so that many passes fit into the
 * longest time after which a migration is given up. */
#define ADVERSARY_BULK_MOST_S 7200.0

typedef struct _adversaryWorld adversaryWorld;
typedef struct _adversaryKind adversaryKind;
typedef struct _adversaryTrait adversaryTrait;

struct _adversaryWorld {
    guint64 seed;
    const adversaryKind *kind;
    unsigned int traits; /* bit i: has adversaryTraits[i] */
    convergePlantConfig config;
    gint64 downtimeMs; /* the most that the operator allows, for all methods alike */
    gint64 giveUpMs;   /* in virtual time */
    double linkBps;    /* what the link and encryption carry at the start, bytes/s */
};

/* One row of the table of kinds. */
struct _adversaryKind {
    const char *name;
    double weight; /* share among the sum of all weights */
    void (*make)(adversaryWorld *world, adversaryDice *dice);
};

/* One row of the table of traits. */
struct _adversaryTrait {
    const char *name;
    double chance;                                                /* probability, 0..1 */
    gboolean (*make)(adversaryWorld *world, adversaryDice *dice); /* FALSE: does not fit */
    gboolean early;                                               /* belongs to link or host: made before the guest's writers, whose rates
                     * depend on the link */
};

extern const adversaryKind adversaryKinds[];
extern const gsize adversaryKindCount;
extern const adversaryTrait adversaryTraits[];
extern const gsize adversaryTraitCount;

/* The world of @seed; always the same. */
void adversaryWorldMake(guint64 seed, adversaryWorld *world);

/* Time in which all used memory is sent once, ms. */
double adversaryWorldBulkMs(const adversaryWorld *world);

/* Names of the traits of @world, joined by "+"; "-" if it has none.  Free with g_free(). */
char *adversaryWorldTraits(const adversaryWorld *world);
