/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_compare.c: compares methods on one scenario; prints a table, JSON and the trace
 */
#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>

#include "sim.h"

/* QEMU's default downtime limit, if the scenario has none. */
#define DOWNTIME_MS 300

typedef struct _simTrace simTrace;
struct _simTrace {
    FILE *file;
    const char *scenario;
    const char *method;
};

const char *
simOutcomeName(const convergePlantResult *result)
{
    if (result->postcopy)
        return "post-copy";
    if (result->completed)
        return "completed";
    return result->aborted ? "aborted" : "running";
}

static void
addInt(JsonBuilder *builder,
       const char *name,
       gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

static void
addString(JsonBuilder *builder,
          const char *name,
          const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void
printLine(FILE *file,
          JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *text = json_to_string(root, FALSE);

    fprintf(file, "%s\n", text);
}

static void
traceLine(void *opaque,
          const convergePlant *plant,
          const convergeSample *sample,
          const char *said)
{
    const simTrace *trace = opaque;
    const convergePlantResult *result = convergePlantGetResult(plant);
    g_autoptr(JsonBuilder) line = json_builder_new();

    json_builder_begin_object(line);
    addString(line, "scenario", trace->scenario);
    addString(line, "method", trace->method);
    addInt(line, "t", sample->timeMs);
    if (sample->active) {
        addInt(line, "iteration", (gint64)sample->iteration);
        addInt(line, "total", (gint64)sample->totalBytes);
        addInt(line, "remaining", (gint64)sample->remainingBytes);
        addInt(line, "sent", (gint64)sample->processedBytes);
        addInt(line, "throttle", sample->throttle);
        addInt(line, "speed_percent", lrint(convergePlantSpeed(plant) * 100));
        addInt(line, "bandwidth", llrint(convergePlantBandwidth(plant)));
    } else {
        addString(line, "outcome", simOutcomeName(result));
        addInt(line, "total_ms", result->totalMs);
        addInt(line, "pause_ms", result->pauseMs);
    }
    addInt(line, "lost_ms", llrint(result->lostMs));
    if (said)
        addString(line, "said", said);
    json_builder_end_object(line);
    printLine(trace->file, line);
}

void
simRun(const simContender *contender,
       const convergeScenario *scenario,
       const convergeMethodOptions *extra,
       convergeMethodOutcome *outcome)
{
    convergeMethodOptions options = *extra;

    options.giveUpMs = scenario->giveUpMs;
    options.downtimeMs = scenario->downtimeMs;
    if (contender->policy)
        convergeMethodRunPolicy(contender->policy, &scenario->config, &options, outcome);
    else
        convergeMethodRunOne(contender->method, &scenario->config, &options, outcome);
}

static void
printJson(const convergeScenario *scenario,
          const convergeMethodFloor *floor,
          const simContender *contender,
          const convergeMethodOutcome *outcome)
{
    const convergePlantResult *result = &outcome->result;
    g_autoptr(JsonBuilder) line = json_builder_new();

    json_builder_begin_object(line);
    addString(line, "scenario", scenario->name);
    addString(line, "method", contender->name);
    addString(line, "outcome", simOutcomeName(result));
    addInt(line, "total_ms", result->totalMs);
    addInt(line, "all_ms", result->allMs);
    addInt(line, "pause_ms", result->pauseMs);
    addInt(line, "lost_ms", llrint(result->lostMs));
    addInt(line, "sent", llrint(result->sentBytes));
    addInt(line, "passes", (gint64)result->passes);
    addInt(line, "peak_throttle", result->peakThrottle);
    addInt(line, "commands", result->commands);
    if (outcome->engine) {
        addString(line, "class", convergeClassName(outcome->status.class_));
        addString(line, "reason", outcome->status.reason);
    }
    addInt(line, "floor_ms", floor->totalMs);
    if (floor->converges)
        addInt(line, "floor_lost_ms", llrint(floor->lostMs));
    json_builder_end_object(line);
    printLine(stdout, line);
}

static void
printTable(const simContender *contender,
           const convergeMethodFloor *floor,
           const convergeMethodOutcome *outcome)
{
    const convergePlantResult *result = &outcome->result;
    g_autofree char *total = NULL;
    g_autofree char *over = NULL;

    if (result->completed || result->aborted)
        total = g_strdup_printf("%.1f", result->totalMs / 1000.0);
    if (result->completed && floor->totalMs > 0)
        over = g_strdup_printf("%.2f", (double)result->totalMs / floor->totalMs);
    printf("%-26s %-10s %9s %7s %8" G_GINT64_FORMAT " %8.1f %5u %6" G_GUINT64_FORMAT
           " %8.1f\n", contender->name, simOutcomeName(result), total ? total : "-",
           over ? over : "-", result->pauseMs, result->lostMs / 1000, result->peakThrottle,
           result->passes, result->sentBytes / 1e9);
}

/* Prints the time that a simulation takes, on stderr, so that stdout depends on the seed only. */
static void
printTime(const convergeScenario *scenario,
          const simContender *contender,
          int times)
{
    const convergeMethodOptions extra = { 0 };
    convergeMethodOutcome outcome;
    gint64 begin = g_get_monotonic_time();
    int i;

    for (i = 0; i < times; i++)
        simRun(contender, scenario, &extra, &outcome);
    fprintf(stderr, _("%1$s under %2$s: a simulation takes %3$.2f ms, mean of %4$d\n"), scenario->name,
            contender->name, (double)(g_get_monotonic_time() - begin) / times / 1000.0, times);
}

gboolean
simCompare(const convergeScenario *scenario,
           const simOptions *options,
           GError **error)
{
    convergeMethodFloor floor = convergeMethodFindFloor(
        &scenario->config, scenario->downtimeMs ? scenario->downtimeMs : DOWNTIME_MS,
        scenario->giveUpMs);
    FILE *file = NULL;
    guint i;

    if (options->trace && !(file = g_fopen(options->trace, "a"))) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO, _("cannot write '%1$s': %2$s"),
                    options->trace, g_strerror(errno));
        return FALSE;
    }

    if (!options->json) {
        printf("%s: %s\n", scenario->name, scenario->title);
        printf(_("floor: sending all memory once takes %1$.1f s\n"), floor.totalMs / 1000.0);
        if (floor.converges)
            printf(_("floor: the best constant throttle after that is %1$u %%, and costs %2$.1f guest seconds\n"),
                   floor.throttle, floor.lostMs / 1000);
        else
            printf(_("floor: no constant throttle after that converges\n"));
        printf("%-26s %-10s %9s %7s %8s %8s %5s %6s %8s\n", _("method"), _("outcome"),
               _("total s"), _("x floor"), _("down ms"), _("lost s"), _("max %"), _("passes"),
               _("sent GB"));
    }

    for (i = 0; i < options->contenders->len; i++) {
        const simContender *contender = g_ptr_array_index(options->contenders, i);
        simTrace trace = { file, scenario->name, contender->name };
        convergeMethodOptions extra = { 0 };
        convergeMethodOutcome outcome;

        extra.trace = file ? traceLine : NULL;
        extra.opaque = &trace;
        extra.journalDir = options->journalDir;
        simRun(contender, scenario, &extra, &outcome);
        if (options->json)
            printJson(scenario, &floor, contender, &outcome);
        else
            printTable(contender, &floor, &outcome);
        if (options->times > 0)
            printTime(scenario, contender, options->times);
    }

    if (!options->json)
        printf("\n");
    if (file)
        fclose(file);
    return TRUE;
}
