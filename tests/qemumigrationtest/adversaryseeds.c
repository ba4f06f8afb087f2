/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adversaryseeds.c: worlds in which this program was worse than stock once; each line of
 * adversarydata/seeds.txt is a test
 *
 * A line that ends in "open" still is: its test reports that and does not fail.
 */
#include <stdio.h>

#include "adversary/report.h"

/* One line: the world, the throttle method, and what it was worse in. */
typedef struct _failedSeed failedSeed;
struct _failedSeed {
    guint64 seed;
    const char *actuator;
    adversaryFault fault;
    gboolean open;
};

/* Lines that are open although this program is no longer worse. */
static guint promotable;

static void
testSeed(gconstpointer data)
{
    const failedSeed *failed = data;
    g_autofree char *policy = g_strdup_printf("adaptive,actuator=%s", failed->actuator);
    adversaryContender contender = { .name = failed->actuator, .policy = policy };
    adversaryWorld world;
    adversaryRow row;

    adversaryWorldMake(failed->seed, &world);
    adversaryRunStock(&world, &row);
    adversaryRunContender(&world, &contender, NULL, &row);
    g_test_message("%s %s: stock total %.1f s, lost %.1f s; ours total %.1f s, lost %.1f s, pause %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " ms",
                   row.kind, row.traits, (double)row.stock.totalMs / 1000, row.stock.lostMs / 1000,
                   (double)row.ours.totalMs / 1000, row.ours.lostMs / 1000, row.ours.pauseMs, row.downtimeMs);
    if (!failed->open) {
        g_assert_false(adversaryRowHas(&row, failed->fault));
    } else if (adversaryRowHas(&row, failed->fault)) {
        g_test_incomplete("still worse than stock");
    } else {
        g_test_message("no longer worse than stock: remove \"open\" from this line of seeds.txt");
        promotable++;
    }
}

static void
addLine(const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_autofree char *name = NULL;
    failedSeed *failed = g_new0(failedSeed, 1);

    failed->open = g_strv_length(words) == 4 && g_str_equal(words[3], "open");
    g_assert_cmpuint(g_strv_length(words), ==, failed->open ? 4 : 3);
    failed->seed = g_ascii_strtoull(words[0], NULL, 10);
    failed->actuator = g_intern_string(words[1]);
    failed->fault = adversaryFaultFind(words[2]);
    g_assert_cmpuint(failed->seed, >, 0);
    g_assert_cmpint(failed->fault, <, ADVERSARY_FAULT_LAST);
    name = g_strdup_printf("/adversary-seeds/%s/%s/%s", words[2], words[1], words[0]);
    g_test_add_data_func_full(name, failed, testSeed, g_free);
}

int
main(int argc, char **argv)
{
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    int status;
    gsize i;

    g_test_init(&argc, &argv, NULL);
    /* The other worlds are of interest, too. */
    g_test_set_nonfatal_assertions();
    path = g_test_build_filename(G_TEST_DIST, "adversarydata", "seeds.txt", NULL);
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        if (*lines[i] && *lines[i] != '#')
            addLine(lines[i]);
    }
    status = g_test_run();
    if (promotable > 0)
        printf("# %u open lines are no longer worse than stock\n", promotable);
    return status;
}
