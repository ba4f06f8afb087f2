/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim.h: the parts of converge-sim
 */
#pragma once

#include <stdio.h>

#include "plant/methods.h"
#include "plant/scenario.h"
#include "util/json.h"

/* A row of the table of methods, or a policy. */
typedef struct _simContender simContender;
struct _simContender {
    const char *name; /* as the user gave it */
    convergeMethod method;
};

typedef struct _simOptions simOptions;
struct _simOptions {
    GPtrArray *contenders; /* simContender * */
    gboolean json;
    const char *trace;      /* file for the trace; NULL: none */
    const char *journalDir; /* directory for the engine's journals; NULL: none */
    gint64 seed;            /* replaces that of the scenarios; -1: keeps it */
    int times;              /* number of repetitions to time; 0: none */
};

/* Runs @scenario under all contenders and prints the results.  FALSE with @error set if the
 * trace cannot be written. */
gboolean simCompare(const convergeScenario *scenario, const simOptions *options, GError **error);

/* Runs one contender on one scenario. */
void simRun(const simContender *contender, const convergeScenario *scenario,
            const convergeMethodOptions *extra, convergeMethodOutcome *outcome);

/* "completed", "post-copy", "aborted", or "running" if virtual time has run out. */
const char *simOutcomeName(const convergePlantResult *result);

/* Prints @line, which is taken, as a line of JSON. */
void simPrintLine(FILE *file, JsonObject *line);

/* Prints the map as JSON Lines: @size x @size guests under all contenders, on @jobs threads. */
void simMap(const simOptions *options, unsigned int size, unsigned int jobs);

/* Migrates the guests of all @scenarios (convergeScenario *) over the link of the first, by several
 * schedules, and prints how they compare. */
void simTogether(GPtrArray *scenarios, gboolean json);

/* Feeds the samples of the journal @path to the engine, and prints the first decision that
 * differs from the journal's.
 *
 * @policyText: a policy to use instead of the journal's, or NULL
 * @parted: set to TRUE if a decision differs
 *
 * Returns FALSE with @error set if the file cannot be replayed. */
gboolean simReplay(const char *path, const char *policyText, gboolean json, gboolean *parted,
                   GError **error);
