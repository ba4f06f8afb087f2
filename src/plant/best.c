/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * best.c: searches for the best constant throttle
 */
#include "plant/best.h"
#include "plant/plant_priv.h"

/* Throttles that are tried first, strongest first, since those show soonest what can be had;
 * then the neighbours of the best one. */
#define STRONGEST 99
#define COARSE 5

/* How often a run is checked for whether it can still be the best. */
#define CHECK_MS 1000

/* After the bulk pass, starts are looked for whenever this share of the time since has passed. */
#define COARSE_TIME 0.005

/* A state of the free running guest.  A plant owns no memory, so that copies are independent. */
typedef struct _bestStart bestStart;
struct _bestStart {
    unsigned int passes; /* since the bulk pass */
    convergePlant plant;
};

typedef struct _bestSearch bestSearch;
struct _bestSearch {
    const convergeBestOrder *order;
    gint64 setupMs;
    convergeBest best;
};

static gboolean
isOver(const convergePlant *plant)
{
    return plant->result.completed || plant->result.aborted;
}

/* Takes a migration that has completed, if it loses less than all before. */
static void
consider(bestSearch *search,
         const convergePlantResult *result,
         unsigned int throttle,
         unsigned int passes)
{
    gint64 most = search->order->totalMostMs;

    if (!result->completed || (most > 0 && result->totalMs > most) ||
        (search->best.converges && result->lostMs >= search->best.lostMs))
        return;
    search->best = (convergeBest) {
        .converges = TRUE,
        .throttle = throttle,
        .passes = passes,
        .lostMs = result->lostMs,
        .totalMs = result->totalMs,
        .pauseMs = result->pauseMs,
    };
}

/* Goes on from the state of @start under @throttle. */
static void
tryThrottle(bestSearch *search,
            const bestStart *start,
            unsigned int throttle)
{
    convergePlant plant = start->plant;
    gint64 end = search->order->giveUpMs;
    gint64 now;

    if (search->order->totalMostMs > 0)
        end = MIN(end, search->order->totalMostMs + search->setupMs);
    convergePlantSetThrottle(&plant, throttle);
    for (now = plant.timeMs; !isOver(&plant) && now < end;) {
        if (search->best.converges && plant.result.lostMs >= search->best.lostMs)
            return;
        now = MIN(now + CHECK_MS, end);
        convergePlantAdvance(&plant, now);
    }
    consider(search, &plant.result, throttle, start->passes);
}

/* Tries all throttles from the state of @start on. */
static void
tryAll(bestSearch *search,
       const bestStart *start)
{
    convergeBest before = search->best;
    unsigned int throttle;
    unsigned int best;

    tryThrottle(search, start, STRONGEST);
    for (throttle = 100 - COARSE; throttle > 0; throttle -= COARSE)
        tryThrottle(search, start, throttle);
    if (search->best.lostMs == before.lostMs)
        return;

    best = search->best.throttle;
    for (throttle = best > COARSE ? best - COARSE + 1 : 1; throttle < MIN(best + COARSE, STRONGEST); throttle++) {
        if (throttle % COARSE != 0)
            tryThrottle(search, start, throttle);
    }
}

/* Lets the guest run free; collects the states (bestStart) from which throttles are tried. */
static GArray *
collectStarts(bestSearch *search,
              const convergePlantConfig *config)
{
    const convergeBestOrder *order = search->order;
    g_autoptr(convergePlant) plant = convergePlantNew(config);
    GArray *starts = g_array_new(FALSE, FALSE, sizeof(bestStart));
    gint64 bulkMs = 0;
    gint64 now = 0;

    while (!isOver(plant) && now < order->giveUpMs) {
        bestStart *last = starts->len > 0 ? &g_array_index(starts, bestStart, starts->len - 1) : NULL;
        unsigned int passes;

        now += MAX(PLANT_TICK_MS, bulkMs > 0 ? (gint64)((double)(now - bulkMs) * COARSE_TIME) : 0);
        convergePlantAdvance(plant, MIN(now, order->giveUpMs));
        if (isOver(plant) || plant->iteration < 2)
            continue;
        passes = (unsigned int)plant->iteration - 2;
        if (!last) {
            bulkMs = now;
        } else if (last->passes >= order->passesMost) {
            now = order->giveUpMs;
            convergePlantAdvance(plant, now);
            continue;
        } else if (passes < MAX(last->passes * 2, 1)) {
            continue;
        }
        g_array_set_size(starts, starts->len + 1);
        last = &g_array_index(starts, bestStart, starts->len - 1);
        *last = (bestStart) { passes, *plant };
    }
    consider(search, &plant->result, 0, 0);
    return starts;
}

convergeBest
convergeBestFind(const convergePlantConfig *original,
                 const convergeBestOrder *order)
{
    convergePlantLaw law = { .hits = 2, .downtimeMs = order->downtimeMs };
    convergePlantConfig config = *original;
    bestSearch search = { .order = order, .setupMs = original->setupMs };
    g_autoptr(GArray) starts = NULL;
    guint i;

    config.law = &law;
    starts = collectStarts(&search, &config);
    for (i = 0; i < starts->len; i++)
        tryAll(&search, &g_array_index(starts, bestStart, i));
    return search.best;
}
