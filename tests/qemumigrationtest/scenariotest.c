/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenariotest.c: what a scenario file may say, and what is said of a wrong one
 */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "plant/scenario.h"

#define GOOD "[guest]\nmemory=1 GB\n[link]\nbandwidth=1 Gbit/s\n"

/* Each with a part of the message: what was wrong, and what is allowed. */
static void
testErrors(void)
{
    const struct {
        const char *text;
        const char *said;
    } rows[] = {
        { "[guest]\nmemory=1 GB\n", "lacks 'memory' in group 'guest' or 'bandwidth' in group 'link'" },
        { "", "lacks" },
        { "[guest]\nmemory=2 parsecs\n", "'2 parsecs'; allowed: 1 B to 1000 TB" },
        { "[guest]\nmemory=99999999999999 TiB\n", "'99999999999999 TiB'; allowed: 1 B to 1000 TB" },
        { "[guest]\nmemory=1e400 B\n", "allowed: 1 B to 1000 TB" },
        { "[guest]\nmemory=nan B\n", "allowed: 1 B to 1000 TB" },
        { "[guest]\nmemory=inf B\n", "allowed: 1 B to 1000 TB" },
        { "[guest]\nmemory=0 B\n", "allowed: 1 B to 1000 TB" },
        { "[guest]\nmemory=\n", "allowed: 1 B to 1000 TB" },
        { "[guest]\nmemroy=2 GB\n", "unknown key 'memroy' in group 'guest'; did you mean 'memory'?" },
        { "[gust]\nmemory=2 GB\n", "unknown key 'memory' in group 'gust'" },
        { GOOD "[qemu]\nsetup=-1 s\n", "allowed: 0 ms to 1 h" },
        { "[guest]\nmemory=1 GB\nmemory=1 GB\n", "key 'memory' is stated twice in group 'guest'" },
        { "[guest]\nphases=1s:50%\nphases=1s:50%\n", "key 'phases' is stated twice in group 'guest'" },
        { GOOD "[guest]\nused=1 MB\n", "the group '[guest]' is stated twice" },
        { GOOD "[writer a]\nset=1 MB\n[writer a]\nrate=1 MB/s\n", "the group '[writer a]' is stated twice" },
        { "[guest]\nmemory=1 GB\nused=2 GB\n[link]\nbandwidth=1 B/s\n", "up to 1 GB" },
        { GOOD "[writer a]\nset=3 GB\n", "up to 1 GB" },
        { GOOD "[writer a]\nset=2 MB\ngrow-to=1 MB\n", "'grow-to' is less than 'set'" },
        { "[guest]\nvcpus=1.5\n", "allowed: whole numbers from 0 to 4096" },
        { "[guest]\nvcpus=-1\n", "allowed: whole numbers from 0 to 4096" },
        { "[guest]\nvcpus=99999999999\n", "allowed: whole numbers from 0 to 4096" },
        { "[guest]\nphases=10s\n", "allowed: up to 8 pairs TIME:SHARE" },
        { "[guest]\nphases=0s:50%\n", "each time at least 1 ms" },
        { "[guest]\nphases=1s:1001%\n", "each share up to 1000 %" },
        { "[guest]\nphases=1e300 s:50%\n", "allowed: up to 8 pairs" },
        { "[guest]\nmemory=1 GB\npaused-from=2 s\npaused-until=1 s\n[link]\nbandwidth=1 B/s\n", "'paused-until' is before 'paused-from'" },
        { "[link]\nchanges=9s:1 MB/s,8s:2 MB/s\n", "later than the one before" },
        { "[link]\nchanges=9s:-1 MB/s\n", "allowed: up to 16 pairs TIME:RATE" },
        { "[link]\nbandwidth=-1 MB/s\n", "allowed: 1 B/s to 10000 GB/s" },
        { "[link]\nbandwidth=0 MB/s\n", "allowed: 1 B/s to 10000 GB/s" },
        { "[writer a]\nsweep=perhaps\n", "'perhaps'; allowed: yes, no" },
        { "[writer a]\nfixed-share=150 %\n", "allowed: 0 % to 100 %" },
        { "[scenario]\nnoise=-1 %\n", "allowed: 0 % to 100 %" },
        { "[scenario]\ndowntime=3000 s\n", "'3000 s'; allowed: 1 ms to 2000 s" },
        { "[scenario]\ndowntime=0 s\n", "allowed: 1 ms to 2000 s" },
        { "[scenario]\ngive-up=1e9 h\n", "allowed: 1 ms to 168 h" },
        { "[scenario]\nseed=-1\n", "whole numbers that are not negative" },
        { "[scenario]\nseed=99999999999999999999\n", "whole numbers that are not negative" },
        { GOOD "[qemu]\nprobe=20 ms\n", "allowed: 50 ms to 1 min" },
        { "[link]\nrecovery=-1 %\n", "allowed: 0 % to 1000 %" },
        { "[qemu]\nsync-in-bulk=1\n", "allowed: yes, no" },
        { "[qemu]\nscan-rate=1e-300 B/s\n", "allowed: 1 B/s to 10000 GB/s" },
        { "[link]\ntls=0 B/s\n", "allowed: 1 B/s to 10000 GB/s" },
        { "[scenario]\ntitle=\xff\n", "any text in UTF-8" },
        { "not a key file\n", "" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(convergeScenario) scenario = convergeScenarioParse("s", rows[i].text, &error);

        g_assert_null(scenario);
        g_assert_nonnull(error);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, rows[i].said));
    }
}

/* Of a file, the message names it, too. */
static void
testFiles(void)
{
    const struct {
        const char *text;
        gssize length;
        gboolean good;
    } rows[] = {
        { GOOD, -1, TRUE },
        { GOOD "[gust]\na=1\n", -1, FALSE },
        { GOOD "\0[gust]\n", sizeof(GOOD "\0[gust]\n") - 1, FALSE },
    };
    g_autofree char *dir = g_dir_make_tmp("scenario-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "name.ini", NULL);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeScenario) scenario = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(g_file_set_contents(path, rows[i].text, rows[i].length, NULL));
        scenario = convergeScenarioLoad(path, &error);
        g_assert_cmpint(scenario != NULL, ==, rows[i].good);
        if (scenario) {
            g_assert_cmpstr(scenario->name, ==, "name");
            g_assert_cmpstr(scenario->title, ==, "name");
        } else {
            g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
            g_assert_nonnull(strstr(error->message, path));
        }
    }
    g_unlink(path);
    g_assert_null(convergeScenarioLoad(path, NULL));
    g_assert_null(convergeScenarioLoad(dir, NULL));
    g_rmdir(dir);
}

/* Values arrive in the unit of their member. */
static void
testValues(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(convergeScenario) scenario = convergeScenarioParse("s",
                                                                 "[scenario]\nseed=18446744073709551615\ndowntime=1.5 s\n"
                                                                 "[guest]\nmemory=1 GiB\nphases=1s:50%, 2s : 1000 %\n"
                                                                 "[writer a]\nset=1 MB\nvcpus= 4096 \n"
                                                                 "[link]\nbandwidth=1 Gbit/s\nchanges=1s:0 MB/s,2s:8 Mbit/s\nrecovery=50 %\n"
                                                                 "[qemu]\nprobe=50 ms\nsync-in-bulk=yes\n",
                                                                 &error);
    const convergePlantConfig *config;

    g_assert_no_error(error);
    config = &scenario->config;
    g_assert_cmpuint(config->seed, ==, G_MAXUINT64);
    g_assert_cmpint(scenario->downtimeMs, ==, 1500);
    g_assert_cmpfloat(config->memory, ==, 1073741824.0);
    g_assert_cmpuint(config->nphases, ==, 2);
    g_assert_cmpint(config->phases[1].ms, ==, 2000);
    g_assert_cmpfloat(config->phases[1].rate, ==, 10);
    g_assert_cmpuint(config->writers[0].vcpus, ==, 4096);
    g_assert_cmpfloat(config->bandwidth, ==, 125e6);
    g_assert_cmpuint(config->nlinkChanges, ==, 2);
    g_assert_cmpfloat(config->linkChanges[0].bandwidth, ==, 0);
    g_assert_cmpfloat(config->linkChanges[1].bandwidth, ==, 1e6);
    g_assert_cmpfloat(config->recovery, ==, 0.5);
    g_assert_cmpint(config->probeMs, ==, 50);
    g_assert_true(config->syncInBulk);
}

/* As many as the plant has room for. */
static void
testBounds(void)
{
    const struct {
        const char *start;
        const char *repeated;
        gsize most; /* times */
    } rows[] = {
        { GOOD, "[writer %zu]\nset=1 MB\nrate=1 MB/s\n", CONVERGE_PLANT_WRITERS },
        { "[link]\nbandwidth=1 B/s\n[guest]\nmemory=1 B\nphases=1s:50%", ",%zus:50%%", CONVERGE_PLANT_PHASES - 1 },
        { "[guest]\nmemory=1 B\n[link]\nbandwidth=1 B/s\nchanges=1ms:1 MB/s", ",%zus:1 MB/s", CONVERGE_PLANT_LINK_CHANGES - 1 },
    };
    gsize i, more, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (more = 0; more < 2; more++) {
            g_autoptr(GString) text = g_string_new(rows[i].start);
            g_autoptr(convergeScenario) scenario = NULL;
            g_autoptr(GError) error = NULL;

            for (j = 0; j < rows[i].most + more; j++)
                g_string_append_printf(text, rows[i].repeated, j + 1);
            scenario = convergeScenarioParse("s", text->str, &error);
            g_assert_cmpint(scenario != NULL, ==, more == 0);
            g_assert_cmpint(error == NULL, ==, more == 0);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scenario/errors", testErrors);
    g_test_add_func("/scenario/files", testFiles);
    g_test_add_func("/scenario/values", testValues);
    g_test_add_func("/scenario/bounds", testBounds);
    return g_test_run();
}
