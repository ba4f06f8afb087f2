/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: the options of converge-adversary
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "adversary/report.h"
#include "adversary/show.h"

#define SEEDS 1000
#define WORST 10

typedef struct _mainOptions mainOptions;
struct _mainOptions {
    const char *policy;
    gboolean throttles[ADVERSARY_THROTTLE_LAST];
    char **kinds;
    char **traits;
};

/* The work for one seed. */
typedef struct _mainJob mainJob;
struct _mainJob {
    guint64 seed;
    gboolean wanted;
    adversaryRow rows[ADVERSARY_THROTTLE_LAST];
};

static gboolean
isWanted(const mainOptions *options,
         const adversaryWorld *world)
{
    gsize i;

    if (options->kinds && !g_strv_contains((const char *const *)options->kinds, world->kind->name))
        return FALSE;
    if (!options->traits)
        return TRUE;
    for (i = 0; i < adversaryTraitCount; i++) {
        if (world->traits & 1U << i &&
            g_strv_contains((const char *const *)options->traits, adversaryTraits[i].name))
            return TRUE;
    }
    return FALSE;
}

static void
runSeed(gpointer data,
        gpointer opaque)
{
    mainJob *job = data;
    const mainOptions *options = opaque;
    adversaryWorld world;
    adversaryOutcome stock;
    unsigned int i;

    adversaryWorldMake(job->seed, &world);
    if (!(job->wanted = isWanted(options, &world)))
        return;
    adversaryRunStock(&world, &stock);
    for (i = 0; i < ADVERSARY_THROTTLE_LAST; i++) {
        adversaryRow *row = &job->rows[i];

        if (!options->throttles[i])
            continue;
        *row = (adversaryRow) {
            .seed = job->seed,
            .kind = world.kind->name,
            .traits = adversaryWorldTraits(&world),
            .throttle = i,
            .downtimeMs = world.downtimeMs,
            .giveUpMs = world.giveUpMs,
            .bulkMs = adversaryWorldBulkMs(&world),
            .stock = stock,
        };
        adversaryRunOurs(&world, options->policy, i, NULL, &row->ours);
    }
}

/* Runs the seeds on @jobs threads; returns their rows in the order of the seeds. */
static GArray *
runAll(const mainOptions *options,
       guint64 first,
       guint64 last,
       int jobs)
{
    gsize n = last - first + 1;
    g_autofree mainJob *all = g_new0(mainJob, n);
    GThreadPool *pool = g_thread_pool_new(runSeed, (gpointer)options, jobs, TRUE, NULL);
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(adversaryRow));
    unsigned int i;
    gsize seed;

    /* Creates the presets' methods before any thread starts. */
    convergeMethodFind("");

    g_array_set_clear_func(rows, (GDestroyNotify)adversaryRowClear);
    for (seed = 0; seed < n; seed++) {
        all[seed].seed = first + seed;
        g_thread_pool_push(pool, &all[seed], NULL);
    }
    g_thread_pool_free(pool, FALSE, TRUE);
    for (seed = 0; seed < n; seed++) {
        for (i = 0; i < ADVERSARY_THROTTLE_LAST; i++) {
            if (all[seed].wanted && options->throttles[i])
                g_array_append_val(rows, all[seed].rows[i]);
        }
    }
    return rows;
}

static void
showOutcome(const char *name,
            const adversaryOutcome *outcome)
{
    printf("# %-10s %-10s total %10.1f s, lost %10.1f s, pause %5" G_GINT64_FORMAT " ms, peak %2u %%, held %8.1f s\n",
           name, outcome->completed ? "completed" : "running", (double)outcome->totalMs / 1000,
           outcome->lostMs / 1000, outcome->pauseMs, outcome->peak, (double)outcome->heldMs / 1000);
}

/* Prints the world and the outcomes.
 *
 * @journal: folder in which each throttle's journal gets a folder; NULL: no journals */
static void
show(const mainOptions *options,
     guint64 seed,
     const char *journal)
{
    adversaryWorld world;
    adversaryOutcome outcome;
    unsigned int i;

    adversaryWorldMake(seed, &world);
    adversaryShowWorld(stdout, &world);
    adversaryRunStock(&world, &outcome);
    showOutcome(adversaryStock(&world)->name, &outcome);
    for (i = 0; i < ADVERSARY_THROTTLE_LAST; i++) {
        g_autofree char *name = g_strdup_printf("%" G_GUINT64_FORMAT "-%s", seed, adversaryThrottleName(i));
        g_autofree char *dir = journal ? g_build_filename(journal, name, NULL) : NULL;

        if (!options->throttles[i])
            continue;
        adversaryRunOurs(&world, options->policy, i, dir, &outcome);
        showOutcome(adversaryThrottleName(i), &outcome);
    }
}

/* "N": 1 to N; "FIRST-LAST". */
static gboolean
parseSeeds(const char *text,
           guint64 *first,
           guint64 *last)
{
    char *end;

    *first = 1;
    *last = g_ascii_strtoull(text, &end, 10);
    if (end != text && *end == '-') {
        *first = *last;
        text = end + 1;
        *last = g_ascii_strtoull(text, &end, 10);
    }
    return end != text && *end == '\0' && *last >= *first && *last - *first < 10000000;
}

static gboolean
parseThrottle(const char *text,
              mainOptions *options)
{
    gboolean both = g_str_equal(text, "both");

    options->throttles[ADVERSARY_QEMU] = both || g_str_equal(text, "qemu");
    options->throttles[ADVERSARY_QUOTA] = both || g_str_equal(text, "quota");
    return options->throttles[ADVERSARY_QEMU] || options->throttles[ADVERSARY_QUOTA];
}

static gboolean
areNames(char **names,
         gboolean kinds)
{
    gsize i, j;

    for (i = 0; names && names[i]; i++) {
        gboolean found = FALSE;

        for (j = 0; j < (kinds ? adversaryKindCount : adversaryTraitCount); j++)
            found |= g_str_equal(names[i], kinds ? adversaryKinds[j].name : adversaryTraits[j].name);
        if (!found)
            return FALSE;
    }
    return TRUE;
}

int
main(int argc,
     char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("[SEED...]");
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) rows = NULL;
    g_autofree char *seeds = NULL;
    g_autofree char *throttle = NULL;
    g_autofree char *csv = NULL;
    g_autofree char *journal = NULL;
    g_autofree char *policyText = g_strdup("adaptive");
    g_auto(GStrv) kinds = NULL;
    g_auto(GStrv) traits = NULL;
    g_auto(GStrv) shown = NULL;
    int jobs = (int)g_get_num_processors();
    int worst = WORST;
    gboolean showing = FALSE;
    guint64 first, last;
    mainOptions options = { .throttles = { TRUE, TRUE } };
    const GOptionEntry entries[] = {
        { "seeds", 's', 0, G_OPTION_ARG_STRING, &seeds, "the worlds 1 to N, or FIRST to LAST", "N|FIRST-LAST" },
        { "jobs", 'j', 0, G_OPTION_ARG_INT, &jobs, "number of threads", "N" },
        { "throttle", 0, 0, G_OPTION_ARG_STRING, &throttle, "throttle method of ours", "qemu|quota|both" },
        { "policy", 'p', 0, G_OPTION_ARG_STRING, &policyText, "our policy, without throttle method and limit", "POLICY" },
        { "kind", 'k', 0, G_OPTION_ARG_STRING_ARRAY, &kinds, "only worlds of this kind; may be repeated", "NAME" },
        { "trait", 0, 0, G_OPTION_ARG_STRING_ARRAY, &traits, "only worlds with this trait; may be repeated", "NAME" },
        { "csv", 'c', 0, G_OPTION_ARG_FILENAME, &csv, "write the results to FILE", "FILE" },
        { "worst", 'w', 0, G_OPTION_ARG_INT, &worst, "name the N worst seeds of each fault", "N" },
        { "show", 0, 0, G_OPTION_ARG_NONE, &showing, "print the worlds SEED... as scenarios, and their outcomes", NULL },
        { "journal", 0, 0, G_OPTION_ARG_FILENAME, &journal, "the same, and write our journals to DIR", "DIR" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &shown, NULL, NULL },
        { 0 }
    };
    gsize i;

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, "Sets this program beside stock QEMU in random worlds.");
    if (!g_option_context_parse(context, &argc, &argv, &error) ||
        !(policy = convergePolicyParse(policyText, &error))) {
        fprintf(stderr, "error: %s\n", error->message);
        return EXIT_FAILURE;
    }
    if (!parseSeeds(seeds ? seeds : G_STRINGIFY(SEEDS), &first, &last) ||
        !parseThrottle(throttle ? throttle : "both", &options) || !areNames(kinds, TRUE) ||
        !areNames(traits, FALSE) || (!showing && !journal) != !shown) {
        fprintf(stderr, "error: wrong arguments; see converge-adversary --help\n");
        return EXIT_FAILURE;
    }
    options.policy = policyText;
    options.kinds = kinds;
    options.traits = traits;

    for (i = 0; shown && shown[i]; i++) {
        if (!parseSeeds(shown[i], &first, &last) || strchr(shown[i], '-')) {
            fprintf(stderr, "error: '%s' is no seed\n", shown[i]);
            return EXIT_FAILURE;
        }
        show(&options, last, journal);
    }
    if (shown)
        return EXIT_SUCCESS;

    rows = runAll(&options, first, last, CLAMP(jobs, 1, 64));
    if (csv) {
        FILE *file = g_fopen(csv, "w");

        if (!file) {
            fprintf(stderr, "error: cannot write '%s': %s\n", csv, g_strerror(errno));
            return EXIT_FAILURE;
        }
        adversaryReportCsv(file, rows);
        fclose(file);
    }
    adversaryReportPrint(stdout, rows, (guint)MAX(worst, 0));
    return EXIT_SUCCESS;
}
