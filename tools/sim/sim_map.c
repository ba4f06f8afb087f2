/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_map.c: maps which guests converge under which method, and at what cost
 *
 * A guest of the map is a write rate and a working set.  Only their ratios to the link matter:
 * rate / bandwidth, and set / (bandwidth x downtime limit).
 */
#include <math.h>

#include "sim.h"

/* All guests have the same link and downtime limit, since only ratios matter. */
#define BANDWIDTH 125e6
#define PAUSE_MS 300
#define MEMORY 17179869184.0
#define IDLE 1e9 /* bytes of used memory that the guest does not write to */

/* A migration is given up after this many times the time to send all memory once, and at
 * most after a quarter of an hour. */
#define GIVE_UP_FACTOR 20
#define GIVE_UP_MS (15 * 60 * 1000)

/* Ranges of the logarithmic axes. */
#define RATE_LEAST 0.1
#define RATE_MOST 1000.0
#define SET_LEAST 0.3
#define SET_MOST 300.0

typedef struct _mapCell mapCell;
struct _mapCell {
    double rate; /* as a multiple of BANDWIDTH */
    double set;  /* as a multiple of BANDWIDTH x PAUSE_MS */
    convergeMethodFloor floor;
    gboolean alone; /* converges without any throttle */
    convergeMethodOutcome *outcomes;
};

static double
between(double least,
        double most,
        unsigned int i,
        unsigned int n)
{
    return least * pow(most / least, (double)i / (n - 1));
}

static void
runCell(gpointer data,
        gpointer opaque)
{
    mapCell *cell = data;
    const simOptions *options = opaque;
    convergeScenario scenario = {
        .downtimeMs = PAUSE_MS,
        .giveUpMs = GIVE_UP_MS,
        .config = { .memory = MEMORY, .bandwidth = BANDWIDTH },
    };
    convergeMethodOutcome plain;
    convergeMethodOptions none = { .giveUpMs = GIVE_UP_MS, .downtimeMs = PAUSE_MS };
    guint i;

    scenario.config.workingSet = cell->set * BANDWIDTH * PAUSE_MS / 1000;
    scenario.config.writeRate = cell->rate * BANDWIDTH;
    scenario.config.used = scenario.config.workingSet + IDLE;

    cell->floor = convergeMethodFindFloor(&scenario.config, PAUSE_MS, GIVE_UP_MS);
    none.giveUpMs = scenario.giveUpMs = MIN(GIVE_UP_FACTOR * cell->floor.totalMs, GIVE_UP_MS);
    convergeMethodRunOne(convergeMethodFind("qemu-plain"), &scenario.config, &none, &plain);
    cell->alone = plain.result.completed;
    for (i = 0; i < options->contenders->len; i++)
        simRun(g_ptr_array_index(options->contenders, i), &scenario, &none, &cell->outcomes[i]);
}

static const char *
className(const mapCell *cell)
{
    if (cell->alone)
        return "converges";
    return cell->floor.converges ? "middle" : "beyond";
}

static void
printCell(const mapCell *cell,
          const simContender *contender,
          const convergeMethodOutcome *outcome)
{
    const convergePlantResult *result = &outcome->result;
    JsonObject *line = json_object_new();

    json_object_set_double_member(line, "rate", cell->rate);
    json_object_set_double_member(line, "set", cell->set);
    json_object_set_string_member(line, "class", className(cell));
    json_object_set_string_member(line, "method", contender->name);
    json_object_set_string_member(line, "outcome", simOutcomeName(result));
    json_object_set_int_member(line, "total_ms", result->totalMs);
    json_object_set_int_member(line, "pause_ms", result->pauseMs);
    json_object_set_int_member(line, "lost_ms", llrint(result->lostMs));
    json_object_set_int_member(line, "peak_throttle", result->peakThrottle);
    if (outcome->engine)
        json_object_set_string_member(line, "said", convergeClassName(outcome->status.class_));
    json_object_set_int_member(line, "pause_allowed_ms", PAUSE_MS);
    json_object_set_int_member(line, "floor_ms", cell->floor.totalMs);
    if (cell->floor.converges)
        json_object_set_int_member(line, "best_constant_lost_ms", llrint(cell->floor.lostMs));
    simPrintLine(stdout, line);
}

void
simMap(const simOptions *options,
       unsigned int size,
       unsigned int jobs)
{
    g_autofree mapCell *cells = g_new0(mapCell, size * size);
    GThreadPool *pool = g_thread_pool_new(runCell, (gpointer)options, (int)jobs, TRUE, NULL);
    unsigned int i;
    guint j;

    /* Creates the presets' methods before any thread starts. */
    convergeMethodFind("");

    for (i = 0; i < size * size; i++) {
        cells[i].rate = between(RATE_LEAST, RATE_MOST, i % size, size);
        cells[i].set = between(SET_LEAST, SET_MOST, i / size, size);
        cells[i].outcomes = g_new0(convergeMethodOutcome, options->contenders->len);
        g_thread_pool_push(pool, &cells[i], NULL);
    }
    g_thread_pool_free(pool, FALSE, TRUE);

    for (i = 0; i < size * size; i++) {
        for (j = 0; j < options->contenders->len; j++)
            printCell(&cells[i], g_ptr_array_index(options->contenders, j), &cells[i].outcomes[j]);
        g_free(cells[i].outcomes);
    }
}
