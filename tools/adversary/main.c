/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: the options of converge-adversary
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "adversary/figures.h"
#include "adversary/show.h"
#include "adversary/table.h"

#define SEEDS 1000
#define WORST 10

/* Throttle methods of this program, and their words for --throttle. */
static const struct {
    const char *word;
    const char *actuator;
} throttles[] = {
    { "qemu", "qemu" },
    { "quota", "vcpu-quota" },
};

/* What --peers stands for: what operators run, and what else throttles. */
static const char *const peers[] = {
    "nova-force-complete", "kubevirt-stall", "ovirt-suspend", "proxmox", "incus", "responsive-throttle",
    "qemu-8.1-dirty-limit"
};

typedef struct _mainOptions mainOptions;
struct _mainOptions {
    GArray *contenders; /* adversaryContender */
    char **kinds;
    char **traits;
    gboolean best;
};

/* The work for one seed. */
typedef struct _mainJob mainJob;
struct _mainJob {
    guint64 seed;
    adversaryRow *rows; /* one for each contender; NULL: the world is not wanted */
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
    adversaryRow stock;
    guint i;

    adversaryWorldMake(job->seed, &world);
    if (!isWanted(options, &world))
        return;
    adversaryRunStock(&world, &stock);
    if (options->best)
        adversaryRunBest(&world, &stock);
    job->rows = g_new0(adversaryRow, options->contenders->len);
    for (i = 0; i < options->contenders->len; i++) {
        job->rows[i] = stock;
        adversaryRunContender(&world, &g_array_index(options->contenders, adversaryContender, i), NULL,
                              &job->rows[i]);
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
    gsize seed;

    /* Creates the presets' methods before any thread starts. */
    convergeMethodFind("");

    for (seed = 0; seed < n; seed++) {
        all[seed].seed = first + seed;
        g_thread_pool_push(pool, &all[seed], NULL);
    }
    g_thread_pool_free(pool, FALSE, TRUE);
    for (seed = 0; seed < n; seed++) {
        if (all[seed].rows)
            g_array_append_vals(rows, all[seed].rows, options->contenders->len);
        g_free(all[seed].rows);
    }
    return rows;
}

static void
showOutcome(const char *name,
            const adversaryOutcome *outcome)
{
    printf("# %-20s %-9s total %10.1f s, lost %10.1f s, pause %5" G_GINT64_FORMAT " ms, peak %2u %%, held %8.1f s\n",
           name, outcome->completed ? "completed" : "no end", (double)outcome->totalMs / 1000,
           outcome->lostMs / 1000, outcome->pauseMs, outcome->peak, (double)outcome->heldMs / 1000);
}

/* Prints the world and the outcomes.
 *
 * @journal: directory in which each contender's journal gets a directory; NULL: no journals */
static void
show(const mainOptions *options,
     guint64 seed,
     const char *journal)
{
    adversaryWorld world;
    adversaryRow row;
    guint i;

    adversaryWorldMake(seed, &world);
    adversaryShowWorld(stdout, &world);
    adversaryRunStock(&world, &row);
    showOutcome(adversaryStock(&world)->name, &row.stock);
    if (options->best) {
        adversaryRunBest(&world, &row);
        if (row.best.converges)
            printf("# best constant: %u %% from pass %u after the bulk pass on: total %.1f s, lost %.1f s, pause %" G_GINT64_FORMAT " ms\n",
                   row.best.throttle, row.best.passes, (double)row.best.totalMs / 1000, row.best.lostMs / 1000, row.best.pauseMs);
        else
            printf("# best constant: none\n");
    }
    for (i = 0; i < options->contenders->len; i++) {
        const adversaryContender *contender = &g_array_index(options->contenders, adversaryContender, i);
        g_autofree char *name = g_strdup_printf("%" G_GUINT64_FORMAT "-%s", seed, contender->name);
        g_autofree char *dir = journal ? g_build_filename(journal, name, NULL) : NULL;

        adversaryRunContender(&world, contender, dir, &row);
        showOutcome(contender->name, &row.ours);
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

/* Adds this program with the throttle methods of @word: one of the table, "both" or "none". */
static gboolean
addOurs(GArray *contenders,
        const char *word,
        const char *policy,
        gboolean first,
        GPtrArray *texts)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(throttles); i++) {
        adversaryContender contender = { .name = throttles[i].actuator, .first = first };

        if (!g_str_equal(word, "both") && !g_str_equal(word, throttles[i].word))
            continue;
        contender.policy = g_strdup_printf("%s,actuator=%s", policy, throttles[i].actuator);
        g_ptr_array_add(texts, (gpointer)contender.policy);
        g_array_append_val(contenders, contender);
    }
    return contenders->len > 0 || g_str_equal(word, "none");
}

static gboolean
addPeers(GArray *contenders,
         const char *const *names,
         gsize n)
{
    gsize i;

    for (i = 0; i < n; i++) {
        adversaryContender contender = { .name = names[i], .method = convergeMethodFind(names[i]) };

        if (!contender.method)
            return FALSE;
        g_array_append_val(contenders, contender);
    }
    return TRUE;
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

static gboolean
writeTable(const char *path,
           const GArray *rows)
{
    FILE *file = g_fopen(path, "w");
    gboolean written;

    if (!file)
        return FALSE;
    adversaryTableWrite(file, rows);
    written = !ferror(file);
    return fclose(file) == 0 && written;
}

/* Prints what the user wants to know of @rows; returns the exit status. */
static int
finish(const GArray *rows,
       const char *csv,
       int worst,
       gboolean limits)
{
    if (csv && !writeTable(csv, rows)) {
        fprintf(stderr, "error: cannot write '%s': %s\n", csv, g_strerror(errno));
        return EXIT_FAILURE;
    }
    if (limits)
        return adversaryFiguresPrint(stdout, rows) > 0 ? 2 : EXIT_SUCCESS;
    adversaryReportPrint(stdout, rows, (guint)MAX(worst, 0));
    adversaryFiguresPrint(stdout, rows);
    return EXIT_SUCCESS;
}

int
main(int argc,
     char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("[SEED...]");
    g_autoptr(GArray) contenders = g_array_new(FALSE, FALSE, sizeof(adversaryContender));
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) rows = NULL;
    g_autofree char *seeds = NULL;
    g_autofree char *throttle = NULL;
    g_autofree char *csv = NULL;
    g_autofree char *report = NULL;
    g_autofree char *journal = NULL;
    g_autofree char *policyText = g_strdup("adaptive");
    g_auto(GStrv) named = NULL;
    g_auto(GStrv) kinds = NULL;
    g_auto(GStrv) traits = NULL;
    g_auto(GStrv) shown = NULL;
    int jobs = (int)g_get_num_processors();
    int worst = WORST;
    gboolean showing = FALSE;
    gboolean limits = FALSE;
    gboolean allPeers = FALSE;
    gboolean firstEver = FALSE;
    guint64 first, last;
    mainOptions options = { .contenders = contenders };
    const GOptionEntry entries[] = {
        { "seeds", 's', 0, G_OPTION_ARG_STRING, &seeds, "the worlds 1 to N, or FIRST to LAST", "N|FIRST-LAST" },
        { "jobs", 'j', 0, G_OPTION_ARG_INT, &jobs, "number of threads", "N" },
        { "throttle", 0, 0, G_OPTION_ARG_STRING, &throttle, "throttle method of ours", "qemu|quota|both|none" },
        { "policy", 'p', 0, G_OPTION_ARG_STRING, &policyText, "our policy, without throttle method and limit", "POLICY" },
        { "first", 0, 0, G_OPTION_ARG_NONE, &firstEver, "no earlier migration has taught us what a switchover costs", NULL },
        { "peer", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &named, "a method of converge-sim's table, too; may be repeated", "NAME" },
        { "peers", 0, 0, G_OPTION_ARG_NONE, &allPeers, "some of these methods, for the picture", NULL },
        { "best", 'b', 0, G_OPTION_ARG_NONE, &options.best, "search for the best constant throttle, too", NULL },
        { "kind", 'k', 0, G_OPTION_ARG_STRING_ARRAY, &kinds, "only worlds of this kind; may be repeated", "NAME" },
        { "trait", 0, 0, G_OPTION_ARG_STRING_ARRAY, &traits, "only worlds with this trait; may be repeated", "NAME" },
        { "csv", 'c', 0, G_OPTION_ARG_FILENAME, &csv, "write the results to FILE", "FILE" },
        { "report", 'r', 0, G_OPTION_ARG_FILENAME, &report, "run nothing; report the results of FILE", "FILE" },
        { "worst", 'w', 0, G_OPTION_ARG_INT, &worst, "name the N worst seeds of each fault", "N" },
        { "limits", 'l', 0, G_OPTION_ARG_NONE, &limits, "print the figures only, with goals and what is held; exit status 2: some are worse than that", NULL },
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
        !addOurs(contenders, throttle ? throttle : "both", policyText, firstEver, texts) ||
        !addPeers(contenders, peers, allPeers ? G_N_ELEMENTS(peers) : 0) ||
        !addPeers(contenders, (const char *const *)named, named ? g_strv_length(named) : 0) ||
        contenders->len == 0 || !areNames(kinds, TRUE) || !areNames(traits, FALSE) || (!showing && !journal) != !shown) {
        fprintf(stderr, "error: wrong arguments; see converge-adversary --help\n");
        return EXIT_FAILURE;
    }
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

    if (report && !(rows = adversaryTableRead(report, &error))) {
        fprintf(stderr, "error: cannot read '%s': %s\n", report, error->message);
        return EXIT_FAILURE;
    }
    if (!report)
        rows = runAll(&options, first, last, CLAMP(jobs, 1, 64));
    return finish(rows, csv, worst, limits);
}
