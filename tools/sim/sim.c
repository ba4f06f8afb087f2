/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim.c: the options of converge-sim
 */
#include <glib/gi18n-lib.h>
#include <locale.h>
#include <stdlib.h>

#include "sim.h"
#include "util/nearest.h"
#include "util/text.h"

#define MAP_SIZE 24
#define MAP_SIZE_MAX 200

static void
addContender(GPtrArray *contenders,
             const char *name,
             const convergeMethod *method)
{
    simContender *contender = g_new0(simContender, 1);

    *contender = (simContender) { name, *method };
    g_ptr_array_add(contenders, contender);
}

static void
suggestMethod(const char *method,
              GError **error)
{
    g_autofree const char **names = g_new0(const char *, convergeMethodCount + 1);
    gsize i;

    for (i = 0; i < convergeMethodCount; i++)
        names[i] = convergeMethods[i].name;
    convergeSuggest(error, method, names);
}

/* Adds the methods and policies that the user names, or all rows of the table. */
static gboolean
addContenders(GPtrArray *contenders,
              char **methods,
              char **policies,
              GError **error)
{
    gsize i;

    for (i = 0; methods && methods[i]; i++) {
        const convergeMethod *method = convergeMethodFind(methods[i]);

        if (!method) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("unknown method '%1$s'; converge-sim --list shows all methods"), methods[i]);
            suggestMethod(methods[i], error);
            return FALSE;
        }
        addContender(contenders, methods[i], method);
    }
    for (i = 0; policies && policies[i]; i++) {
        g_autoptr(convergePolicy) policy = convergePolicyParse(policies[i], error);
        const convergeMethod method = { .name = policies[i], .policy = policies[i] };

        if (!policy)
            return FALSE;
        addContender(contenders, policies[i], &method);
    }
    if (contenders->len > 0)
        return TRUE;
    for (i = 0; i < convergeMethodCount; i++)
        addContender(contenders, convergeMethods[i].name, &convergeMethods[i]);
    return TRUE;
}

static void
list(void)
{
    gsize i;

    for (i = 0; i < convergeMethodCount; i++)
        printf("%-26s %s\n", convergeMethods[i].name, _(convergeMethods[i].summary));
}

/* Prints @error on stderr; returns the exit status. */
static int
fail(const GError *error)
{
    g_autofree char *message = convergeTextEscape(error->message);

    fprintf(stderr, _("error: %1$s"), message);
    fputc('\n', stderr);
    return EXIT_FAILURE;
}

static int
replayAll(char **journals,
          char **policies,
          gboolean json)
{
    int status = EXIT_SUCCESS;
    gsize i;

    for (i = 0; journals[i]; i++) {
        g_autoptr(GError) error = NULL;
        gboolean parted = FALSE;

        if (!simReplay(journals[i], policies ? policies[0] : NULL, json, &parted, &error))
            return fail(error);
        if (parted)
            status = 2;
    }
    return status;
}

int
main(int argc,
     char **argv)
{
    g_autoptr(GPtrArray) contenders = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) scenarios = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new(N_("SCENARIO.ini..."));
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) methods = NULL;
    g_auto(GStrv) policies = NULL;
    g_auto(GStrv) journals = NULL;
    g_auto(GStrv) files = NULL;
    g_autofree char *trace = NULL;
    g_autofree char *journalDir = NULL;
    gboolean listing = FALSE;
    gboolean map = FALSE;
    gboolean together = FALSE;
    int size = MAP_SIZE;
    int jobs = (int)g_get_num_processors();
    simOptions options = { .contenders = contenders, .seed = -1 };
    const GOptionEntry entries[] = {
        { "method", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &methods,
          N_("a method of the table, or a preset; may be repeated"), N_("NAME") },
        { "policy", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &policies,
          N_("a policy, which the engine runs; may be repeated"), N_("POLICY") },
        { "list", 'l', 0, G_OPTION_ARG_NONE, &listing, N_("list the methods"), NULL },
        { "json", 'j', 0, G_OPTION_ARG_NONE, &options.json, N_("print JSON Lines"), NULL },
        { "trace", 't', 0, G_OPTION_ARG_FILENAME, &trace,
          N_("append the course of each migration to FILE as JSON Lines"), N_("FILE") },
        { "journal-dir", 0, 0, G_OPTION_ARG_FILENAME, &journalDir,
          N_("write the engine's journals to DIR"), N_("DIR") },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &options.seed, N_("use this seed instead of the scenarios'"), "N" },
        { "time", 0, 0, G_OPTION_ARG_INT, &options.times,
          N_("repeat each simulation N times and print the mean time it takes"), "N" },
        { "map", 0, 0, G_OPTION_ARG_NONE, &map,
          N_("simulate a grid of guests and print the map as JSON Lines"), NULL },
        { "together", 0, 0, G_OPTION_ARG_NONE, &together,
          N_("migrate the guests of all scenarios over one link, by several schedules"), NULL },
        { "map-size", 0, 0, G_OPTION_ARG_INT, &size, N_("number of guests on each side of the map"), "N" },
        { "jobs", 0, 0, G_OPTION_ARG_INT, &jobs, N_("number of threads for the map"), "N" },
        { "replay", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &journals,
          N_("replay the journal of a migration; may be repeated"), N_("JOURNAL") },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, NULL },
        { 0 }
    };
    gsize i;

    setlocale(LC_ALL, "");
    convergeTextBind();

    g_option_context_set_translation_domain(context, GETTEXT_PACKAGE);
    g_option_context_add_main_entries(context, entries, GETTEXT_PACKAGE);
    g_option_context_set_summary(context,
                                 N_("Simulates live migrations under the engine and under other methods."));
    if (!g_option_context_parse(context, &argc, &argv, &error) ||
        !addContenders(contenders, methods, policies, &error))
        return fail(error);

    options.trace = trace;
    options.journalDir = journalDir;

    if (listing) {
        list();
        return EXIT_SUCCESS;
    }
    if (journals)
        return replayAll(journals, policies, options.json);
    if (map) {
        simMap(&options, (unsigned int)CLAMP(size, 2, MAP_SIZE_MAX),
               (unsigned int)CLAMP(jobs, 1, 64));
        return EXIT_SUCCESS;
    }
    if (!files) {
        g_set_error(&error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("no scenario given; see converge-sim --help"));
        return fail(error);
    }

    scenarios = g_ptr_array_new_with_free_func((GDestroyNotify)convergeScenarioFree);
    for (i = 0; files[i]; i++) {
        convergeScenario *scenario = convergeScenarioLoad(files[i], &error);

        if (!scenario)
            return fail(error);
        if (options.seed >= 0)
            scenario->config.seed = (guint64)options.seed;
        g_ptr_array_add(scenarios, scenario);
        if (!together && !simCompare(scenario, &options, &error))
            return fail(error);
    }
    if (together)
        simTogether(scenarios, options.json);
    return EXIT_SUCCESS;
}
