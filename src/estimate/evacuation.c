/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evacuation.c: plans how many guests leave a host over one link
 */
#include "estimate/evacuation.h"

#include <string.h>

static const char *const stayNames[] = { "no", "excluded", "busy", "device", "policy", "hopeless", "memory" };
G_STATIC_ASSERT(G_N_ELEMENTS(stayNames) == CONVERGE_STAY_LAST);

const char *
convergeStayName(convergeStay stay)
{
    return stayNames[stay];
}

/* Of the same priority, that with the lesser value is first; of the same value, by name. */
static int
compare(const convergeEvacuee *one,
        const convergeEvacuee *other,
        double oneValue,
        double otherValue)
{
    if (one->priority != other->priority)
        return one->priority > other->priority ? -1 : 1;
    if (oneValue < otherValue || oneValue > otherValue)
        return oneValue < otherValue ? -1 : 1;
    return strcmp(one->name, other->name);
}

static const convergeEvacuee *
guestAt(const convergeEvacuee *guests,
        gconstpointer index)
{
    return &guests[*(const gsize *)index];
}

/* --- Where each goes --- */

/* The largest first. */
static int
compareSizes(gconstpointer a,
             gconstpointer b,
             gpointer opaque)
{
    const convergeEvacuee *one = guestAt(opaque, a);
    const convergeEvacuee *other = guestAt(opaque, b);

    return compare(one, other, -one->memory, -other->memory);
}

/* The destination for a guest of @memory bytes: the one with the most room or, with @tight, with the
 * least that suffices.  nRooms: none has the room. */
static gsize
findRoom(const double *rooms,
         gsize nRooms,
         double memory,
         gboolean tight)
{
    gsize best = nRooms;
    gsize i;

    for (i = 0; i < nRooms; i++) {
        if (rooms[i] < memory)
            continue;
        if (best == nRooms || (tight ? rooms[i] < rooms[best] : rooms[i] > rooms[best]))
            best = i;
    }
    return best;
}

/* Gives each guest of @sorted its destination, the number of these if none has room.  Returns how many
 * have found room. */
static gsize
place(convergeEvacuee *guests,
      const GArray *sorted,
      const convergeEvacuationOrder *order,
      gboolean tight)
{
    g_autofree double *rooms = g_new(double, order->nDestinations);
    gsize found = 0;
    gsize i;

    for (i = 0; i < order->nDestinations; i++)
        rooms[i] = order->rooms[i] < 0 ? G_MAXDOUBLE : order->rooms[i];

    for (i = 0; i < sorted->len; i++) {
        convergeEvacuee *guest = &guests[g_array_index(sorted, gsize, i)];

        guest->destination = findRoom(rooms, order->nDestinations, guest->memory, tight);
        if (guest->destination == order->nDestinations)
            continue;
        rooms[guest->destination] -= guest->memory;
        found++;
    }
    return found;
}

/* Where all have room, they are spread.  Otherwise they are packed, so that more of them have. */
static void
placeAll(convergeEvacuee *guests,
         GArray *leaving,
         const convergeEvacuationOrder *order)
{
    gsize spread;
    guint i;

    g_array_sort_with_data(leaving, compareSizes, guests);
    spread = place(guests, leaving, order, FALSE);
    if (spread < leaving->len && place(guests, leaving, order, TRUE) < spread)
        place(guests, leaving, order, FALSE);

    for (i = leaving->len; i-- > 0;) {
        convergeEvacuee *guest = &guests[g_array_index(leaving, gsize, i)];

        if (guest->destination < order->nDestinations)
            continue;
        guest->stay = CONVERGE_STAY_MEMORY;
        g_array_remove_index(leaving, i);
    }
}

/* --- When each goes --- */

/* The shortest first. */
static int
compareTimes(gconstpointer a,
             gconstpointer b,
             gpointer opaque)
{
    const convergeEvacuee *one = guestAt(opaque, a);
    const convergeEvacuee *other = guestAt(opaque, b);

    return compare(one, other, (double)one->totalMs, (double)other->totalMs);
}

/* A migration under way. */
typedef struct {
    convergeEvacuee *guest;
    double setupMs; /* left of it */
    double leftMs;  /* of sending, with the whole link */
    double share;   /* of the link, now */
} runningMigration;

/* The link's shares.  In turns, the first of those that are set up has all of it. */
static void
shareLink(GArray *running,
          gboolean turns)
{
    unsigned int senders = 0;
    guint i;

    for (i = 0; i < running->len; i++)
        senders += g_array_index(running, runningMigration, i).setupMs <= 0;
    for (i = 0; i < running->len; i++) {
        runningMigration *one = &g_array_index(running, runningMigration, i);

        one->share = 0;
        if (one->setupMs > 0)
            continue;
        one->share = turns ? 1 : 1.0 / senders;
        if (turns)
            break;
    }
    for (i++; i < running->len; i++)
        g_array_index(running, runningMigration, i).share = 0;
}

/* Time until the next of them is set up or has ended, ms. */
static double
untilNext(GArray *running)
{
    double least = G_MAXDOUBLE;
    guint i;

    for (i = 0; i < running->len; i++) {
        const runningMigration *one = &g_array_index(running, runningMigration, i);

        if (one->setupMs > 0)
            least = MIN(least, one->setupMs);
        else if (one->share > 0)
            least = MIN(least, one->leftMs / one->share);
    }
    return least;
}

static void
advance(GArray *running,
        double ms,
        double now)
{
    guint i;

    for (i = running->len; i-- > 0;) {
        runningMigration *one = &g_array_index(running, runningMigration, i);

        if (one->setupMs > 0)
            one->setupMs -= ms;
        else
            one->leftMs -= ms * one->share;
        /* What is left below a microsecond is an error of arithmetic. */
        if (one->setupMs <= 1e-3)
            one->setupMs = 0;
        if (one->setupMs <= 0 && one->leftMs <= 1e-3) {
            one->guest->endMs = (gint64)(now + 0.5);
            g_array_remove_index(running, i);
        }
    }
}

static gint64
schedule(convergeEvacuee *guests,
         const GArray *leaving,
         const convergeEvacuationOrder *order)
{
    g_autoptr(GArray) running = g_array_new(FALSE, TRUE, sizeof(runningMigration));
    double now = 0;
    guint next = 0;

    while (next < leaving->len || running->len > 0) {
        double ms;

        for (; next < leaving->len && running->len < MAX(order->parallel, 1); next++) {
            runningMigration one = { .guest = &guests[g_array_index(leaving, gsize, next)] };

            one.guest->beginMs = (gint64)(now + 0.5);
            one.setupMs = (double)order->setupMs;
            one.leftMs = (double)MAX(one.guest->totalMs, 1);
            g_array_append_val(running, one);
        }
        shareLink(running, order->turns);
        ms = untilNext(running);
        now += ms;
        advance(running, ms, now);
    }
    return (gint64)(now + 0.5);
}

static void
compareWithDeadline(convergeEvacuation *plan,
                    const convergeEvacuee *guests,
                    const convergeEvacuationOrder *order,
                    double bytes)
{
    guint i;

    plan->nInTime = plan->order->len;
    if (order->deadlineMs <= 0)
        return;

    plan->bandwidthLeast = bytes / (double)order->deadlineMs * 1000;
    plan->lateMs = MAX(plan->totalMs - order->deadlineMs, 0);
    for (i = 0; i < plan->order->len; i++)
        plan->nInTime -= guests[g_array_index(plan->order, gsize, i)].endMs > order->deadlineMs;
}

convergeEvacuation *
convergeEvacuationPlan(convergeEvacuee *guests,
                       gsize n,
                       const convergeEvacuationOrder *order)
{
    convergeEvacuation *plan = g_new0(convergeEvacuation, 1);
    double bytes = 0;
    gsize i;

    plan->order = g_array_new(FALSE, FALSE, sizeof(gsize));
    for (i = 0; i < n; i++) {
        if (guests[i].stay == CONVERGE_STAY_NOT)
            g_array_append_val(plan->order, i);
    }
    placeAll(guests, plan->order, order);
    g_array_sort_with_data(plan->order, compareTimes, guests);
    plan->totalMs = schedule(guests, plan->order, order);

    for (i = 0; i < plan->order->len; i++) {
        const convergeEvacuee *guest = &guests[g_array_index(plan->order, gsize, i)];

        bytes += guest->bytes;
        plan->lostMs += guest->lostMs;
        plan->lostBoundMs += guest->lostLeastMs;
    }
    plan->boundMs = bytes > 0 ? (gint64)(bytes / order->bandwidth * 1000) : 0;
    compareWithDeadline(plan, guests, order, bytes);
    return plan;
}

void
convergeEvacuationFree(convergeEvacuation *plan)
{
    if (!plan)
        return;

    g_array_unref(plan->order);
    g_free(plan);
}
