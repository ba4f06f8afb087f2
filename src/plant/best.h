/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * best.h: the best constant throttle, found by trying all with full knowledge of the guest
 *
 * A constant throttle is no lower bound: one that changes may lose less.
 *
 * Threads: searches share nothing.
 */
#pragma once

#include "plant/plant.h"

/* What is searched for. */
typedef struct _convergeBestOrder convergeBestOrder;
struct _convergeBestOrder {
    gint64 downtimeMs;       /* QEMU's downtime limit */
    gint64 giveUpMs;         /* in virtual time */
    gint64 totalMostMs;      /* a migration that takes longer does not count; 0: no such limit */
    unsigned int passesMost; /* the throttle starts at most so many passes after the bulk pass:
                              * after 0, 1, 2, 4 and so on */
};

typedef struct _convergeBest convergeBest;
struct _convergeBest {
    gboolean converges;    /* with some constant throttle; FALSE: the rest is 0 */
    unsigned int throttle; /* %; 0: none is needed */
    unsigned int passes;   /* from the end of the bulk pass to the throttle */
    double lostMs;         /* guest milliseconds lost, the least of all that were tried */
    gint64 totalMs;
    gint64 pauseMs;
};

/* The throttle that loses least of those that @order allows. */
convergeBest convergeBestFind(const convergePlantConfig *config, const convergeBestOrder *order);
