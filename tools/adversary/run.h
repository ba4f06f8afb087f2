/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.h: stock QEMU and others in the same world
 */
#pragma once

#include "adversary/forecast.h"
#include "adversary/world.h"
#include "plant/best.h"
#include "plant/methods.h"

/* From this throttle on a guest counts as held, %. */
#define ADVERSARY_HELD 90

/* What is set beside stock: a policy of this program, or a row of the table of methods. */
typedef struct _adversaryContender adversaryContender;
struct _adversaryContender {
    const char *name;             /* in results */
    const char *policy;           /* to which the downtime limit is added; NULL: see .method */
    const convergeMethod *method; /* of other software */
    gboolean first;               /* no earlier migration has taught what a switchover costs */
};

/* What a method did. */
typedef struct _adversaryOutcome adversaryOutcome;
struct _adversaryOutcome {
    gboolean completed;
    gint64 totalMs; /* without an end: the time after which it was given up */
    double lostMs;
    gint64 pauseMs;
    unsigned int peak; /* the strongest throttle, % */
    gint64 heldMs;     /* time under ADVERSARY_HELD % or more */
};

/* A row of the table of results: one contender in one world. */
typedef struct _adversaryRow adversaryRow;
struct _adversaryRow {
    guint64 seed;
    const char *kind; /* this and the next two are interned */
    const char *traits;
    const char *contender;
    gint64 downtimeMs; /* the limit */
    gint64 giveUpMs;
    double bulkMs;
    adversaryOutcome stock;
    adversaryOutcome ours; /* the contender's */
    convergeBest best;     /* .converges is FALSE if none was searched for, too */
    adversaryCoverage coverage[ADVERSARY_QUANTITY_LAST];
};

/* Auto-converge of the QEMU that this world has. */
const convergeMethod *adversaryStock(const adversaryWorld *world);

/* All of a row but the contender and what it did. */
void adversaryRunStock(const adversaryWorld *world, adversaryRow *row);

/* Searches for the best constant throttle that keeps the downtime limit, and is not slower
 * than stock.  After adversaryRunStock(). */
void adversaryRunBest(const adversaryWorld *world, adversaryRow *row);

/* Runs @contender.
 *
 * @journalDir: where the engine writes its journal; NULL: nowhere */
void adversaryRunContender(const adversaryWorld *world, const adversaryContender *contender,
                           const char *journalDir, adversaryRow *row);
