/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watchrowtest.c: the line of one migration
 */
#include <string.h>

#include "watch_row.h"

static void
take(virshWatchRow *row,
     int progress)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;

    virTypedParamsAddInt(&params, &nparams, &maxparams, "auto_converge.progress", progress);
    virTypedParamsAddString(&params, &nparams, &maxparams, "auto_converge.next", "切换 switch over");
    virTypedParamsAddULLong(&params, &nparams, &maxparams, "auto_converge.predicted_remaining", 3700000);
    virTypedParamsAddULLong(&params, &nparams, &maxparams, "auto_converge.predicted_error", 120000);
    virTypedParamsAddULLong(&params, &nparams, &maxparams, "memory_iteration", 123456);
    virTypedParamsAddULLong(&params, &nparams, &maxparams, "memory_remaining", G_GUINT64_CONSTANT(1) << 62);
    virshWatchRowTake(row, params, nparams);
}

static void
testProgress(void)
{
    g_autoptr(virshWatchRow) row = virshWatchRowNew("a");
    static const struct {
        int told;
        unsigned int shown;
    } turns[] = { { 10, 10 }, { 40, 40 }, { 20, 40 }, { -5, 40 }, { 2000, 99 }, { 50, 99 } };
    gsize i;

    g_assert_cmpint(virshWatchRowState(row), ==, VIRSH_WATCH_WAITING);
    for (i = 0; i < G_N_ELEMENTS(turns); i++) {
        take(row, turns[i].told);
        g_assert_cmpuint(virshWatchRowProgress(row), ==, turns[i].shown);
    }
    virshWatchRowEnd(row, FALSE, NULL, 0);
    g_assert_cmpuint(virshWatchRowProgress(row), ==, 99);

    /* The next migration begins anew. */
    take(row, 10);
    g_assert_cmpint(virshWatchRowState(row), ==, VIRSH_WATCH_RUNNING);
    g_assert_cmpuint(virshWatchRowProgress(row), ==, 10);
    virshWatchRowEnd(row, TRUE, NULL, 0);
    g_assert_cmpuint(virshWatchRowProgress(row), ==, 100);
}

/* Lines fit every width, whatever the name, and the columns of all lines begin below their titles. */
static void
testWidth(void)
{
    static const char *const names[] = { "a", "a-guest-with-a-rather-long-name", "虚拟机虚拟机虚拟机", "e\u0301\u0301", "\x1b[2J\xff", "" };
    gsize i;
    glong columns;
    int ascii;

    for (i = 0; i < 2 * G_N_ELEMENTS(names); i++) {
        g_autoptr(virshWatchRow) row = virshWatchRowNew(names[i / 2]);

        ascii = i % 2;
        take(row, 42);
        for (columns = 1; columns < 200; columns++) {
            virshWatchLook look = { columns, ascii };
            g_autofree char *line = virshWatchRowLine(row, look);
            g_autofree char *header = virshWatchHeader(look);

            g_assert_cmpint(virshWatchWidth(line), <=, columns);
            g_assert_cmpint(virshWatchWidth(header), <=, columns);
            g_assert_true(g_utf8_validate(line, -1, NULL));
            g_assert_null(strchr(line, '\x1b'));
            if (ascii)
                g_assert_true(g_str_is_ascii(line));
        }
    }
}

static void
testColumns(void)
{
    virshWatchLook look = { 100, FALSE };
    g_autoptr(virshWatchRow) wide = virshWatchRowNew("虚拟机");
    g_autoptr(virshWatchRow) narrow = virshWatchRowNew("abcdef");
    g_autofree char *one = NULL;
    g_autofree char *other = NULL;

    take(wide, 42);
    take(narrow, 42);
    one = virshWatchRowLine(wide, look);
    other = virshWatchRowLine(narrow, look);
    g_assert_cmpint(strstr(one, "█") - one - (glong)strlen("虚拟机"), ==, strstr(other, "█") - other - (glong)strlen("abcdef"));
}

/* Nothing is cut off where nobody has stated a width. */
static void
testUnlimited(void)
{
    g_autoptr(virshWatchRow) row = virshWatchRowNew("a");
    g_autofree char *line = NULL;

    take(row, 42);
    line = virshWatchRowLine(row, (virshWatchLook) { 0, FALSE });
    g_assert_true(g_str_has_suffix(line, "切换 switch over"));
    g_assert_nonnull(strstr(line, "62 ± 2 min"));
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    virInitialize();
    g_test_add_func("/watchrow/progress", testProgress);
    g_test_add_func("/watchrow/width", testWidth);
    g_test_add_func("/watchrow/columns", testColumns);
    g_test_add_func("/watchrow/unlimited", testUnlimited);
    return g_test_run();
}
