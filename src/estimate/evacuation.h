/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evacuation.h: plans how many guests leave a host over one link
 *
 * One guest after the other has the whole link: then each migration is what the forecast of that guest
 * alone says, and none has its dirty pages logged while it waits for a neighbour.  The sum of the times
 * is then the same in any order, so the order serves what else matters: guests with a higher priority
 * first, and of the same priority the shortest first, by which most guests are gone at any time before
 * the end.  Guests that share the link are planned, too, for sources without the module.
 *
 * This code is pure.
 */
#pragma once

#include <glib.h>

/* Why a guest does not leave. */
typedef enum {
    CONVERGE_STAY_NOT,      /* it leaves */
    CONVERGE_STAY_EXCLUDED, /* the caller does not want it to */
    CONVERGE_STAY_BUSY,     /* it has another job, or does not run */
    CONVERGE_STAY_DEVICE,   /* it has something that cannot be migrated */
    CONVERGE_STAY_POLICY,   /* its policy is wrong */
    CONVERGE_STAY_HOPELESS, /* under its policy, the migration does not end */
    CONVERGE_STAY_MEMORY,   /* no destination has the memory; set by convergeEvacuationPlan() */
    CONVERGE_STAY_LAST
} convergeStay;

typedef struct _convergeEvacuee convergeEvacuee;
struct _convergeEvacuee {
    const char *name;
    double memory; /* that it takes at the destination, bytes */
    double bytes;  /* that must be sent at least once */
    int priority;  /* the greater, the earlier */
    convergeStay stay;

    /* The forecast of this guest alone. */
    gint64 totalMs;
    gint64 pauseMs;
    gint64 lostMs;
    gint64 lostLeastMs; /* in the best case that the forecast holds possible */

    /* Set by convergeEvacuationPlan(); of guests that leave. */
    gsize destination;
    gint64 beginMs; /* when its migration is called */
    gint64 endMs;   /* when it runs at the destination */
};

typedef struct _convergeEvacuationOrder convergeEvacuationOrder;
struct _convergeEvacuationOrder {
    double bandwidth;      /* of the link, bytes/s */
    unsigned int parallel; /* migrations that have been called at the same time; at least 1 */
    gboolean turns;        /* of those only one sends; otherwise they share the link */
    gint64 setupMs;        /* from the call to the first byte, if the link is free */
    gint64 deadlineMs;     /* 0: none */
    const double *rooms;   /* free memory of each destination, bytes; negative: not known */
    gsize nDestinations;   /* at least 1 */
};

typedef struct _convergeEvacuation convergeEvacuation;
struct _convergeEvacuation {
    GArray *order;         /* of gsize: the indices of the guests that leave, in their order */
    gint64 totalMs;        /* when the last one has left */
    gint64 lostMs;         /* guest milliseconds lost, all together */
    gint64 boundMs;        /* no schedule is shorter: what must be sent over the link */
    gint64 lostBoundMs;    /* no schedule loses less: each alone with the whole link, in the best case */
    gint64 lateMs;         /* behind the deadline; 0: in time */
    gsize nInTime;         /* guests that have left by the deadline, or all */
    double bandwidthLeast; /* no narrower link can keep the deadline, bytes/s; 0: there is none */
};

/* Plans the @n @guests, whose results are set.  Takes less than a second for hundreds of guests. */
convergeEvacuation *convergeEvacuationPlan(convergeEvacuee *guests, gsize n, const convergeEvacuationOrder *order);
void convergeEvacuationFree(convergeEvacuation *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeEvacuation, convergeEvacuationFree)

/* The word for @stay in JSON. */
const char *convergeStayName(convergeStay stay);
