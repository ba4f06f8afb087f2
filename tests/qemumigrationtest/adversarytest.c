/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adversarytest.c: random worlds are the same everywhere and realistic, and what is counted of
 * them is right
 */
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "adversary/figures.h"
#include "adversary/show.h"
#include "adversary/table.h"
#include "files.h"
#include "plant/scenario.h"

#define GIB 1073741824.0
#define GBIT (1e9 / 8)
#define WORLDS 1000

static guint64
mixInto(guint64 hash,
        double value)
{
    return (hash ^ (guint64)llrint(value * 1000)) * G_GUINT64_CONSTANT(1099511628211);
}

/* A number for all that a world consists of. */
static guint64
hashOf(guint64 seed)
{
    guint64 hash = G_GUINT64_CONSTANT(14695981039346656037);
    const convergePlantConfig *config;
    adversaryWorld world;
    unsigned int i;

    adversaryWorldMake(seed, &world);
    config = &world.config;
    hash = mixInto(mixInto(hash, (double)world.downtimeMs), (double)world.giveUpMs);
    hash = mixInto(mixInto(hash, config->noise), (double)config->syncEveryMs);
    hash = mixInto(mixInto(mixInto(hash, config->memory), config->used), config->vcpus);
    for (i = 0; i < config->nwriters; i++) {
        const convergePlantWriter *writer = &config->writers[i];

        hash = mixInto(mixInto(mixInto(hash, writer->set), writer->rate), writer->vcpus);
        hash = mixInto(mixInto(mixInto(hash, writer->growth), writer->growTo), writer->background);
        hash = mixInto(mixInto(hash, writer->fixedShare), writer->sweep);
    }
    for (i = 0; i < config->nphases; i++)
        hash = mixInto(mixInto(hash, (double)config->phases[i].ms), config->phases[i].rate);
    for (i = 0; i < config->nlinkChanges; i++)
        hash = mixInto(mixInto(hash, (double)config->linkChanges[i].ms), config->linkChanges[i].bandwidth);
    hash = mixInto(mixInto(hash, config->bandwidth), config->tlsBandwidth);
    hash = mixInto(mixInto(hash, config->scanRate), config->syncMsPerGB);
    hash = mixInto(mixInto(mixInto(hash, config->recovery), config->syncInBulk), (double)config->probeMs);
    return mixInto(mixInto(hash, (double)config->switchoverMs), (double)config->setupMs);
}

/* Seeds that have failed are named in files: they have to stay the worlds that they were. */
static void
testWorldsStayTheSame(void)
{
    static const struct {
        guint64 seed;
        guint64 hash;
    } pinned[] = {
        { 1, G_GUINT64_CONSTANT(4919317820154888593) },
        { 2, G_GUINT64_CONSTANT(441479932405738013) },
        { 47, G_GUINT64_CONSTANT(1577559667047283777) },
        { 1000, G_GUINT64_CONSTANT(11824016433199649265) },
        { G_GUINT64_CONSTANT(12345678901234567890), G_GUINT64_CONSTANT(37291202162608077) },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(pinned); i++) {
        g_test_message("%" G_GUINT64_FORMAT ": %" G_GUINT64_FORMAT, pinned[i].seed, hashOf(pinned[i].seed));
        g_assert_cmpuint(hashOf(pinned[i].seed), ==, pinned[i].hash);
    }
    g_assert_cmpuint(hashOf(3), !=, hashOf(4));
}

static void
checkWriter(const adversaryWorld *world,
            const convergePlantWriter *writer)
{
    g_assert_cmpuint(writer->vcpus, >=, 1);
    g_assert_cmpuint(writer->vcpus, <=, 128);
    g_assert_cmpfloat(writer->set, >=, 1e6);
    g_assert_cmpfloat(writer->set, <=, world->config.used * 0.8);
    g_assert_cmpfloat(writer->growTo, <=, world->config.used * 0.8);
    g_assert_cmpfloat(writer->rate, >, 0);
    g_assert_cmpfloat(writer->rate, <=, writer->vcpus * 4.01e9);
    g_assert_cmpfloat(writer->fixedShare, >=, 0);
    g_assert_cmpfloat(writer->fixedShare, <=, 1);
}

static void
checkWorld(const adversaryWorld *world)
{
    const convergePlantConfig *config = &world->config;
    double sets = 0;
    unsigned int i;

    g_assert_cmpfloat(config->memory, >=, GIB);
    g_assert_cmpfloat(config->memory, <=, 1024 * GIB);
    g_assert_cmpfloat(config->used, >=, config->memory * 0.099);
    g_assert_cmpfloat(config->used, <=, config->memory);
    g_assert_cmpfloat(config->bandwidth, >=, 0.0999 * GBIT);
    g_assert_cmpfloat(config->bandwidth, <=, 100 * GBIT);
    g_assert_cmpuint(config->vcpus, >=, 1);
    g_assert_cmpuint(config->vcpus, <=, 128 + 3);
    g_assert_cmpint(world->downtimeMs, >=, 50);
    g_assert_cmpint(world->downtimeMs, <=, 2000);
    g_assert_cmpfloat(config->noise, <=, 0.2);
    g_assert_cmpint(world->giveUpMs, >=, 30 * 60 * 1000);
    g_assert_cmpint(world->giveUpMs, <=, 24 * 3600 * 1000);
    g_assert_cmpfloat(adversaryWorldBulkMs(world), <, (double)world->giveUpMs / 6);

    /* A limit that memory alone does not exceed can be kept. */
    g_assert_cmpfloat((double)MAX(config->switchoverMs, 15) + config->syncMsPerGB * config->memory / 1e9, <,
                      (double)world->downtimeMs * 0.8);

    g_assert_cmpuint(config->nwriters, >=, 1);
    for (i = 0; i < config->nwriters; i++) {
        checkWriter(world, &config->writers[i]);
        sets += MAX(config->writers[i].set, config->writers[i].growTo);
    }
    g_assert_cmpfloat(sets, <=, config->used);
    for (i = 1; i < config->nlinkChanges; i++)
        g_assert_cmpint(config->linkChanges[i].ms, >, config->linkChanges[i - 1].ms);
}

static void
testWorldsAreRealistic(void)
{
    guint kinds[16] = { 0 };
    guint traits[32] = { 0 };
    gsize i;
    guint64 seed;

    g_assert_cmpuint(adversaryKindCount, <=, G_N_ELEMENTS(kinds));
    g_assert_cmpuint(adversaryTraitCount, <=, G_N_ELEMENTS(traits));
    for (seed = 1; seed <= WORLDS; seed++) {
        adversaryWorld world;

        adversaryWorldMake(seed, &world);
        g_test_message("%" G_GUINT64_FORMAT, seed);
        checkWorld(&world);
        kinds[world.kind - adversaryKinds]++;
        for (i = 0; i < adversaryTraitCount; i++)
            traits[i] += world.traits & 1U << i ? 1 : 0;
    }
    for (i = 0; i < adversaryKindCount; i++)
        g_assert_cmpuint(kinds[i], >=, WORLDS / 50);
    for (i = 0; i < adversaryTraitCount; i++)
        g_assert_cmpuint(traits[i], >=, WORLDS / 50);
}

/* The QEMU that syncs as the world says. */
static void
testStockIsOfTheSameAge(void)
{
    guint met[3] = { 0 };
    guint64 seed;

    for (seed = 1; seed <= 300; seed++) {
        adversaryWorld world;
        const char *name;

        adversaryWorldMake(seed, &world);
        name = adversaryStock(&world)->name;
        if (world.config.syncInBulk) {
            met[0]++;
            g_assert_cmpstr(name, ==, "qemu-11.1-post-copy");
        } else if (world.config.syncEveryMs > 0) {
            met[1]++;
            g_assert_cmpstr(name, ==, "qemu-9.2");
        } else {
            met[2]++;
            g_assert_cmpstr(name, ==, "qemu-7.2");
        }
    }
    g_assert_true(met[0] > 0 && met[1] > 0 && met[2] > 0);
}

static void
writeWorld(const char *path,
           const adversaryWorld *world)
{
    FILE *file = g_fopen(path, "w");

    g_assert_nonnull(file);
    adversaryShowWorld(file, world);
    fclose(file);
}

/* A shown world is the same world in converge-sim. */
static void
testShownWorldIsTheSame(void)
{
    g_autofree char *dir = filesNewDir();
    g_autofree char *path = g_build_filename(dir, "world.ini", NULL);
    guint64 seed;

    for (seed = 1; seed <= 300; seed++) {
        g_autoptr(convergeScenario) scenario = NULL;
        g_autoptr(GError) error = NULL;
        adversaryWorld world;

        adversaryWorldMake(seed, &world);
        writeWorld(path, &world);
        scenario = convergeScenarioLoad(path, &error);
        g_assert_no_error(error);
        g_assert_cmpint(scenario->downtimeMs, ==, world.downtimeMs);
        g_assert_cmpint(scenario->giveUpMs, ==, world.giveUpMs);

        /* What such files cannot say. */
        scenario->config.probesMost = world.config.probesMost;
        g_assert_cmpmem(&scenario->config, sizeof(scenario->config), &world.config, sizeof(world.config));
    }
    filesRemove(dir);
}

static GArray *
readRows(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "adversarydata", "rows.csv", NULL);
    g_autoptr(GError) error = NULL;
    GArray *rows = adversaryTableRead(path, &error);

    g_assert_no_error(error);
    return rows;
}

/* Which of the rows have which fault; a letter for each seed. */
static void
testFaultsAreFound(void)
{
    static const char *const expected[] = {
        [ADVERSARY_NEVER_ENDS] = "..x....",
        [ADVERSARY_LOST_WORSE] = ".xx..x.",
        [ADVERSARY_TOTAL_WORSE] = ".x.....",
        [ADVERSARY_PAUSE_OVER] = ".x.....",
    };
    g_autoptr(GArray) rows = readRows();
    unsigned int fault;
    guint i;

    g_assert_cmpuint(rows->len, ==, 7);
    for (fault = 0; fault < ADVERSARY_FAULT_LAST; fault++) {
        for (i = 0; i < 6; i++) {
            g_test_message("%s, row %u", adversaryFaultName(fault), i);
            g_assert_cmpint(adversaryRowHas(&g_array_index(rows, adversaryRow, i), fault), ==,
                            expected[fault][i] == 'x');
        }
        g_assert_cmpint(adversaryFaultFind(adversaryFaultName(fault)), ==, fault);
    }
    /* The last row is another contender's. */
    g_assert_true(adversaryRowHas(&g_array_index(rows, adversaryRow, 6), ADVERSARY_NEVER_ENDS));
    g_assert_cmpuint(adversaryReportCount(rows, "qemu", NULL, ADVERSARY_NEVER_ENDS), ==, 1);
    g_assert_cmpuint(adversaryReportCount(rows, "qemu", "fixed", ADVERSARY_FAULT_LAST), ==, 3);
    g_assert_cmpint(adversaryFaultFind("nonesuch"), ==, ADVERSARY_FAULT_LAST);
}

#define assertAbout(value, expected) g_assert_cmpfloat_with_epsilon(value, expected, 1e-6)

static void
testNumbersAreRight(void)
{
    g_autoptr(GArray) rows = readRows();
    double above;
    guint n;

    /* 0.2, 1.2, 4.1666 */
    assertAbout(adversaryReportQuantile(rows, "qemu", NULL, ADVERSARY_LOST_RATIO, 0.5, &n), 1.2);
    g_assert_cmpuint(n, ==, 3);
    assertAbout(adversaryReportQuantile(rows, "qemu", NULL, ADVERSARY_LOST_RATIO, 0.25, NULL), 0.7);
    assertAbout(adversaryReportQuantile(rows, "qemu", NULL, ADVERSARY_LOST_RATIO, 1, NULL), 1250.0 / 300);
    assertAbout(adversaryReportQuantile(rows, "qemu", NULL, ADVERSARY_LOST_RATIO_THROTTLED, 1, NULL), 1.2);
    assertAbout(adversaryReportQuantile(rows, "qemu", "hot", ADVERSARY_TOTAL_RATIO, 0.5, NULL), 0.81);
    assertAbout(adversaryReportQuantile(rows, "qemu", NULL, ADVERSARY_HELD_SECONDS, 1, &n), 90);
    g_assert_cmpuint(n, ==, 2);
    assertAbout(adversaryReportQuantile(rows, "qemu", NULL, ADVERSARY_PAUSE_SHARE, 0, NULL), 0.8);
    assertAbout(adversaryReportQuantile(rows, "qemu", "hot", ADVERSARY_BEST_LOST, 0.5, NULL), 2.5);
    assertAbout(adversaryReportQuantile(rows, "qemu", NULL, ADVERSARY_BEST_TOTAL, 1, NULL), 1.18);
    g_assert_true(isnan(adversaryReportQuantile(rows, "none", NULL, ADVERSARY_LOST_RATIO, 0.5, &n)));
    g_assert_cmpuint(n, ==, 0);

    /* Of seeds 1, 2, 3 and 5: 3/5, 0, 0, 1; above 1/5, 0, 1, 0. */
    assertAbout(adversaryReportInside(rows, "qemu", ADVERSARY_LOST, &above), 1.6 / 4);
    assertAbout(above, 1.2 / 4);
    g_assert_true(isnan(adversaryReportInside(rows, "qemu", ADVERSARY_PAUSE, &above)));
}

/* What is written can be read again; what is no table is refused. */
static void
testTableIsReadAgain(void)
{
    static const char *const wrong[] = { "seed,nonesuch\n1,2\n", "seed,kind\n1\n", "seed\n1x\n",
                                         "limit_ms\n-1\n", "limit_ms\nnan\n", "limit_ms\n1e300\n" };
    g_autofree char *dir = filesNewDir();
    g_autofree char *path = g_build_filename(dir, "rows.csv", NULL);
    g_autoptr(GArray) rows = readRows();
    g_autoptr(GArray) again = NULL;
    g_autoptr(GError) error = NULL;
    FILE *file = g_fopen(path, "w");
    gsize i;

    g_assert_cmpuint(g_array_index(rows, adversaryRow, 0).best.throttle, ==, 80);
    g_assert_cmpuint(g_array_index(rows, adversaryRow, 0).best.passes, ==, 4);
    adversaryTableWrite(file, rows);
    fclose(file);
    again = adversaryTableRead(path, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(rows->data, rows->len * sizeof(adversaryRow), again->data, again->len * sizeof(adversaryRow));

    for (i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) refused = NULL;

        filesPut(path, wrong[i]);
        g_assert_null(adversaryTableRead(path, &refused));
        g_assert_nonnull(refused);
    }
    filesRemove(dir);
}

/* Prints the figures of @rows; returns the text.
 *
 * @worse: set to how many are worse than what is held */
static char *
printFigures(const GArray *rows,
             unsigned int *worse)
{
    g_autofree char *dir = filesNewDir();
    g_autofree char *path = g_build_filename(dir, "figures", NULL);
    FILE *file = g_fopen(path, "w");
    char *text;

    g_assert_nonnull(file);
    *worse = adversaryFiguresPrint(file, rows);
    fclose(file);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    filesRemove(dir);
    return text;
}

/* Ours is held to the figures, other software is not. */
static void
testFiguresAreHeld(void)
{
    g_autoptr(GArray) rows = readRows();
    g_autofree char *text = NULL;
    unsigned int worse;

    text = printFigures(rows, &worse);
    /* In a third of these worlds each. */
    g_assert_cmpuint(worse, >=, 4);
    g_assert_nonnull(strstr(text, "WORSE  qemu        never ends"));
    g_assert_nonnull(strstr(text, "WORSE  qemu        pause over"));
    g_assert_null(strstr(text, "nova"));
}

/* A figure may miss its goal, as long as it is held.  Once what is held is the goal, none may. */
static void
testMissedGoalsAreNamed(void)
{
    adversaryRow row = { .kind = "hot", .traits = "-", .contender = "qemu", .downtimeMs = 300 };
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(adversaryRow));
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    unsigned int worse;
    guint i;

    row.stock = row.ours = (adversaryOutcome) { .completed = TRUE, .totalMs = 100000, .lostMs = 10000 };
    row.ours.lostMs = 4000;
    for (i = 0; i < 199; i++)
        g_array_append_val(rows, row);
    before = printFigures(rows, &worse);
    g_assert_cmpuint(worse, ==, 0);
    g_assert_nonnull(strstr(before, "kept   qemu        never ends"));
    g_assert_nonnull(strstr(before, "0 goals are missed; 0 figures are worse"));

    row.ours.completed = FALSE;
    g_array_append_val(rows, row);
    after = printFigures(rows, &worse);
    g_assert_cmpuint(worse, ==, 0);
    g_assert_nonnull(strstr(after, "missed qemu        never ends"));
    g_assert_nonnull(strstr(after, "1 goals are missed; 0 figures are worse"));
}

static void
testForecastsAreJudged(void)
{
    g_autoptr(adversaryForecasts) forecasts = adversaryForecastsNew();
    adversaryCoverage coverage[ADVERSARY_QUANTITY_LAST] = { 0 };
    convergePlantResult result = { .completed = TRUE, .totalMs = 10000, .pauseMs = 200, .lostMs = 3000 };
    convergeStatus status = { .reason = "first" };
    const adversaryCoverage *remaining = &coverage[ADVERSARY_REMAINING];
    const adversaryCoverage *lost = &coverage[ADVERSARY_LOST];

    /* No prediction. */
    adversaryForecastsNote(forecasts, &status, 1000, 0);

    /* Ends at 10 s: inside; the same decision does not count again. */
    status.prediction = (convergePrediction) { .converges = TRUE, .remaining = { 6900, 8100 } };
    status.prediction.lost = (convergeInterval) { 1900, 2100 };
    g_strlcpy(status.reason, "second", sizeof(status.reason));
    adversaryForecastsNote(forecasts, &status, 2000, 1000);
    adversaryForecastsNote(forecasts, &status, 3000, 1000);

    /* Too early, too late, and nothing stated. */
    g_strlcpy(status.reason, "third", sizeof(status.reason));
    adversaryForecastsNote(forecasts, &status, 1000, 0);
    g_strlcpy(status.reason, "fourth", sizeof(status.reason));
    adversaryForecastsNote(forecasts, &status, 9000, 0);
    status.prediction.remaining = (convergeInterval) { 0, 0 };
    g_strlcpy(status.reason, "fifth", sizeof(status.reason));
    adversaryForecastsNote(forecasts, &status, 9500, 0);

    adversaryForecastsJudge(forecasts, &result, 10000, coverage);
    g_assert_cmpuint(remaining->predictions, ==, 4);
    g_assert_cmpuint(remaining->stated, ==, 3);
    g_assert_cmpuint(remaining->inside, ==, 1);
    g_assert_cmpuint(remaining->above, ==, 1);
    g_assert_cmpuint(lost->inside, ==, 1);
    g_assert_cmpuint(lost->above, ==, 3);

    /* Without an end, nothing that was promised has come true. */
    result.completed = FALSE;
    adversaryForecastsJudge(forecasts, &result, 10000, coverage);
    g_assert_cmpuint(remaining->inside, ==, 1);
    g_assert_cmpuint(remaining->above, ==, 4);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/adversary/worlds-stay-the-same", testWorldsStayTheSame);
    g_test_add_func("/adversary/worlds-are-realistic", testWorldsAreRealistic);
    g_test_add_func("/adversary/stock-is-of-the-same-age", testStockIsOfTheSameAge);
    g_test_add_func("/adversary/shown-world-is-the-same", testShownWorldIsTheSame);
    g_test_add_func("/adversary/faults-are-found", testFaultsAreFound);
    g_test_add_func("/adversary/numbers-are-right", testNumbersAreRight);
    g_test_add_func("/adversary/table-is-read-again", testTableIsReadAgain);
    g_test_add_func("/adversary/figures-are-held", testFiguresAreHeld);
    g_test_add_func("/adversary/missed-goals-are-named", testMissedGoalsAreNamed);
    g_test_add_func("/adversary/forecasts-are-judged", testForecastsAreJudged);
    return g_test_run();
}
