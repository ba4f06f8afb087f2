/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * preloadtest.c: what is left of LD_PRELOAD when one library is taken out
 */
#include <glib.h>

#include "module/preload.h"

/* This program stands for the library. */
static int symbol;

/* @with: %s stands for the program's file name */
static void
assertLeft(const char *program,
           const char *with,
           const char *left)
{
    g_auto(GStrv) parts = g_strsplit(with, "%s", -1);
    g_autofree char *text = g_strjoinv(program, parts);

    g_test_message("%s", text);
    g_setenv("LD_PRELOAD", text, TRUE);
    convergePreloadForget(&symbol);
    g_assert_cmpstr(g_getenv("LD_PRELOAD"), ==, left);
}

static void
testForget(gconstpointer opaque)
{
    static const struct {
        const char *with;
        const char *left; /* NULL: the variable is gone */
    } rows[] = {
        { "/usr/lib/%s", NULL },
        { "%s", NULL },
        { "%s:%s", NULL },
        { "", NULL },
        { ":", NULL },
        { "libother.so", "libother.so" },
        { "/lib/libone.so:/elsewhere/%s:/lib/libtwo.so", "/lib/libone.so:/lib/libtwo.so" },
        { "libone.so %s libtwo.so", "libone.so:libtwo.so" },
        { "libone.so::libtwo.so", "libone.so:libtwo.so" },
        /* Only its own name. */
        { "x%s:%s.so:/%s/libone.so", "x%s:%s.so:/%s/libone.so" },
    };
    const char *program = opaque;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) parts = rows[i].left ? g_strsplit(rows[i].left, "%s", -1) : NULL;
        g_autofree char *left = parts ? g_strjoinv(program, parts) : NULL;

        assertLeft(program, rows[i].with, left);
    }

    g_unsetenv("LD_PRELOAD");
    convergePreloadForget(&symbol);
    g_assert_null(g_getenv("LD_PRELOAD"));
}

/* An address that belongs to no library leaves everything as it is. */
static void
testNoLibrary(void)
{
    int local = 0;

    g_setenv("LD_PRELOAD", "libother.so", TRUE);
    convergePreloadForget(&local);
    g_assert_cmpstr(g_getenv("LD_PRELOAD"), ==, "libother.so");
}

int
main(int argc,
     char **argv)
{
    g_autofree char *program = g_path_get_basename(argv[0]);

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/preload/forget", program, testForget);
    g_test_add_func("/preload/no-library", testNoLibrary);
    return g_test_run();
}
