/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.h: stock QEMU and this program in the same world
 */
#pragma once

#include "adversary/world.h"
#include "plant/methods.h"

/* From this throttle on a guest counts as held, %. */
#define ADVERSARY_HELD 90

typedef enum {
    ADVERSARY_QEMU,  /* by QEMU's own throttle */
    ADVERSARY_QUOTA, /* by the CPU quota of the vCPUs */
    ADVERSARY_THROTTLE_LAST
} adversaryThrottle;

/* Its word in policies. */
const char *adversaryThrottleName(adversaryThrottle throttle);

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

/* A row of the table of results. */
typedef struct _adversaryRow adversaryRow;
struct _adversaryRow {
    guint64 seed;
    const char *kind;
    char *traits; /* owned */
    adversaryThrottle throttle;
    gint64 downtimeMs; /* the limit */
    gint64 giveUpMs;
    double bulkMs;
    adversaryOutcome stock;
    adversaryOutcome ours;
};

/* Auto-converge of the QEMU that this world has. */
const convergeMethod *adversaryStock(const adversaryWorld *world);

/* Runs stock's method; fills in @outcome. */
void adversaryRunStock(const adversaryWorld *world, adversaryOutcome *outcome);

/* Runs ours.
 *
 * @policy: the policy to which throttle method and downtime limit are added
 * @journalDir: where the engine writes its journal; NULL: nowhere */
void adversaryRunOurs(const adversaryWorld *world, const char *policy, adversaryThrottle throttle,
                      const char *journalDir, adversaryOutcome *outcome);

void adversaryRowClear(adversaryRow *row);
