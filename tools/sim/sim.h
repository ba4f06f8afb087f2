/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim.h: the parts of converge-sim
 */
#pragma once

#include <stdio.h>

#include "plant/methods.h"
#include "plant/scenario.h"

/* What is to be run: a row of the table of methods, or a policy. */
typedef struct _simContender simContender;
struct _simContender {
    const char *name;               /* as it was asked for */
    const convergeMethod *method;   /* NULL: .policy */
    convergePolicy *policy;
};

typedef struct _simOptions simOptions;
struct _simOptions {
    GPtrArray *contenders;          /* simContender * */
    gboolean json;
    const char *trace;              /* file for JSON Lines over time; NULL: none */
    const char *journalDir;         /* the engine's journals; NULL: none */
    gint64 seed;                    /* overrides that of the scenarios; -1: does not */
    int times;                      /* runs whose time is measured; 0: none */
};

/* Runs @scenario under all contenders and prints what came of it. FALSE with @error set
 * when the trace cannot be written. */
gboolean simCompare(const convergeScenario *scenario, const simOptions *options, GError **error);

/* One contender on one scenario. */
void simRun(const simContender *contender, const convergeScenario *scenario,
            const convergeMethodOptions *extra, convergeMethodOutcome *outcome);

/* "completed", "post-copy", "aborted" or "running" at the end of virtual time. */
const char *simOutcomeName(const convergePlantResult *result);

/* Prints the map as JSON Lines: @size x @size guests under all contenders, on @jobs threads. */
void simMap(const simOptions *options, unsigned int size, unsigned int jobs);

/* Feeds the samples of the journal @path to the engine, and prints where its decisions part
 * from those of the journal.  @policyText: another policy than the journal's, or NULL.
 * Returns FALSE with @error set when the file cannot be replayed; @parted says whether they
 * part. */
gboolean simReplay(const char *path, const char *policyText, gboolean json, gboolean *parted,
                   GError **error);
