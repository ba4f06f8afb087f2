/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim_compare.c: compares methods on one scenario; prints a table, JSON and the trace
 */
#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <math.h>

#include "sim.h"
#include "util/text.h"

/* QEMU's default downtime limit, if the scenario has none. */
#define DOWNTIME_MS 300

typedef struct _simTrace simTrace;
struct _simTrace {
    FILE *file;
    const char *scenario;
    const char *method;
};

static const char *const outcomes[] = { N_("post-copy"), N_("completed"), N_("aborted"), N_("running") };

const char *
simOutcomeName(const convergePlantResult *result)
{
    if (result->postcopy)
        return outcomes[0];
    if (result->completed)
        return outcomes[1];
    return outcomes[result->aborted ? 2 : 3];
}

void
simPrintLine(FILE *file,
             JsonObject *line)
{
    g_autofree char *text = convergeJSONWrite(line, FALSE);

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
    JsonObject *line = json_object_new();

    json_object_set_string_member(line, "scenario", trace->scenario);
    json_object_set_string_member(line, "method", trace->method);
    json_object_set_int_member(line, "t", sample->timeMs);
    if (sample->active) {
        json_object_set_int_member(line, "iteration", (gint64)sample->iteration);
        json_object_set_int_member(line, "total", (gint64)sample->totalBytes);
        json_object_set_int_member(line, "remaining", (gint64)sample->remainingBytes);
        json_object_set_int_member(line, "sent", (gint64)sample->processedBytes);
        json_object_set_int_member(line, "throttle", sample->throttle);
        json_object_set_int_member(line, "speed_percent", lrint(convergePlantSpeed(plant) * 100));
        json_object_set_int_member(line, "bandwidth", llrint(convergePlantBandwidth(plant)));
    } else {
        json_object_set_string_member(line, "outcome", simOutcomeName(result));
        json_object_set_int_member(line, "total_ms", result->totalMs);
        json_object_set_int_member(line, "pause_ms", result->pauseMs);
    }
    json_object_set_int_member(line, "lost_ms", llrint(result->lostMs));
    if (said)
        json_object_set_string_member(line, "said", said);
    simPrintLine(trace->file, line);
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
    convergeMethodRunOne(&contender->method, &scenario->config, &options, outcome);
}

static void
printJson(const convergeScenario *scenario,
          const convergeMethodFloor *floor,
          const simContender *contender,
          const convergeMethodOutcome *outcome)
{
    const convergePlantResult *result = &outcome->result;
    JsonObject *line = json_object_new();

    json_object_set_string_member(line, "scenario", scenario->name);
    json_object_set_string_member(line, "method", contender->name);
    json_object_set_string_member(line, "outcome", simOutcomeName(result));
    json_object_set_int_member(line, "total_ms", result->totalMs);
    json_object_set_int_member(line, "all_ms", result->allMs);
    json_object_set_int_member(line, "pause_ms", result->pauseMs);
    json_object_set_int_member(line, "lost_ms", llrint(result->lostMs));
    json_object_set_int_member(line, "sent", llrint(result->sentBytes));
    json_object_set_int_member(line, "passes", (gint64)result->passes);
    json_object_set_int_member(line, "peak_throttle", result->peakThrottle);
    json_object_set_int_member(line, "commands", result->commands);
    json_object_set_boolean_member(line, "own_downtime", outcome->ownDowntime);
    if (outcome->engine) {
        json_object_set_string_member(line, "class", convergeClassName(outcome->status.class_));
        json_object_set_string_member(line, "reason", outcome->status.reason);
    }
    json_object_set_int_member(line, "floor_ms", floor->totalMs);
    if (floor->converges)
        json_object_set_int_member(line, "best_constant_lost_ms", llrint(floor->lostMs));
    simPrintLine(stdout, line);
}

/* The columns of the table, and how wide they are at least: the rows are printed one by one.  The
 * first ones hold words, the others numbers. */
static const struct {
    const char *title;
    glong width;
} columns[] = {
    { N_("method"), 26 },
    { N_("outcome"), 10 },
    { N_("total s"), 9 },
    { N_("x floor"), 7 },
    { N_("down ms"), 8 },
    { N_("lost s"), 8 },
    { N_("max %"), 5 },
    { N_("passes"), 6 },
    { N_("sent GB"), 8 },
};

#define OUTCOME_COLUMN 1

static glong
columnWidth(gsize column)
{
    glong width = MAX(columns[column].width, convergeTextWidth(_(columns[column].title)));
    gsize i;

    for (i = 0; column == OUTCOME_COLUMN && i < G_N_ELEMENTS(outcomes); i++)
        width = MAX(width, convergeTextWidth(_(outcomes[i])));
    return width;
}

/* Prints the cells, and @mark behind the last one.  Takes the cells. */
static void
printRow(char *cells[G_N_ELEMENTS(columns)],
         const char *mark)
{
    g_autoptr(GString) text = g_string_new(NULL);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(columns); i++) {
        if (i <= OUTCOME_COLUMN)
            convergeTextAppendCell(text, cells[i], columnWidth(i));
        else
            convergeTextAppendNumber(text, cells[i], columnWidth(i));
        g_free(cells[i]);
    }
    g_string_append(text, mark);
    printf("%s\n", g_strchomp(text->str));
}

static void
printTitles(void)
{
    char *cells[G_N_ELEMENTS(columns)];
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(columns); i++)
        cells[i] = g_strdup(_(columns[i].title));
    printRow(cells, "");
}

static void
printTable(const simContender *contender,
           const convergeMethodFloor *floor,
           const convergeMethodOutcome *outcome)
{
    const convergePlantResult *result = &outcome->result;
    gboolean ended = result->completed || result->aborted;
    char *cells[G_N_ELEMENTS(columns)] = {
        g_strdup(contender->name),
        g_strdup(_(simOutcomeName(result))),
        ended ? g_strdup_printf("%.1f", result->totalMs / 1000.0) : g_strdup("-"),
        result->completed && floor->totalMs > 0 ?
            g_strdup_printf("%.2f", (double)result->totalMs / floor->totalMs) :
            g_strdup("-"),
        g_strdup_printf("%" G_GINT64_FORMAT, result->pauseMs),
        g_strdup_printf("%.1f", result->lostMs / 1000),
        g_strdup_printf("%u", result->peakThrottle),
        g_strdup_printf("%" G_GUINT64_FORMAT, result->passes),
        g_strdup_printf("%.1f", result->sentBytes / 1e9),
    };

    printRow(cells, outcome->ownDowntime ? "*" : "");
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
    gboolean own = FALSE;
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
            printf(_("best constant throttle after that: %1$u %%, costs %2$.1f guest seconds\n"),
                   floor.throttle, floor.lostMs / 1000);
        else
            printf(_("best constant throttle after that: none converges\n"));
        printTitles();
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
        own = own || outcome.ownDowntime;
        if (options->json)
            printJson(scenario, &floor, contender, &outcome);
        else
            printTable(contender, &floor, &outcome);
        if (options->times > 0)
            printTime(scenario, contender, options->times);
    }

    if (!options->json && own)
        printf(_("* has a downtime limit of its own in place of the scenario's"));
    if (!options->json)
        printf(own ? "\n\n" : "\n");
    if (file)
        fclose(file);
    return TRUE;
}
