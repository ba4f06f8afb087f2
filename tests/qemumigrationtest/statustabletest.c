/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * statustabletest.c: the table of job statistics against the manual and against itself
 */
#include <libvirt/libvirt.h>
#include <string.h>

#include "engine/status_table.h"
#include "qemu_migration_converge.h"

#define MANUAL "../../docs/manpages/virt-converge-policy.rst"

static const char *const typeWords[] = {
    [CONVERGE_STAT_STRING] = "string",
    [CONVERGE_STAT_INT] = "int",
    [CONVERGE_STAT_ULLONG] = "unsigned long long",
};
G_STATIC_ASSERT(G_N_ELEMENTS(typeWords) == CONVERGE_STAT_LAST);

static const char *const unitWords[] = {
    [CONVERGE_UNIT_NONE] = "",
    [CONVERGE_UNIT_PERCENT] = "%",
    [CONVERGE_UNIT_MS] = "ms",
    [CONVERGE_UNIT_BYTES] = "bytes",
    [CONVERGE_UNIT_BYTES_PER_S] = "bytes/s",
};
G_STATIC_ASSERT(G_N_ELEMENTS(unitWords) == CONVERGE_UNIT_LAST);

static const convergeStat *
findStat(const char *name)
{
    gsize i;

    for (i = 0; i < convergeStatCount; i++) {
        if (g_str_equal(convergeStats[i].name, name))
            return &convergeStats[i];
    }
    return NULL;
}

static char *
readManual(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, MANUAL, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

/* The matches of @pattern in @text. */
static GMatchInfo *
match(const char *pattern,
      const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, &error);
    GMatchInfo *info = NULL;

    g_assert_no_error(error);
    g_regex_match(regex, text, 0, &info);
    return info;
}

static void
testManualHasEveryRow(void)
{
    g_autofree char *manual = readManual();
    g_autoptr(GMatchInfo) entry = match("^``auto_converge\\.(\\w+)`` \\(([a-z ]+)(?:, (\\S+))?\\)\n"
                                        "((?:  .*\n)+)",
                                        manual);
    gsize i;

    for (i = 0; i < convergeStatCount; i++) {
        const convergeStat *stat = &convergeStats[i];
        g_autofree char *name = g_match_info_fetch(entry, 1);
        g_autofree char *type = g_match_info_fetch(entry, 2);
        g_autofree char *unit = g_match_info_fetch(entry, 3);
        g_autofree char *text = g_match_info_fetch(entry, 4);
        g_autofree char *help = g_strconcat("  ", stat->help, NULL);

        g_assert_cmpstr(name, ==, stat->name);
        g_assert_cmpstr(type, ==, typeWords[stat->type]);
        g_assert_cmpstr(unit ? unit : "", ==, unitWords[stat->unit]);
        if (!g_str_has_prefix(text, help) || !strchr(".,: ", text[strlen(help)]))
            g_error("the manual describes '%s' as: %s", stat->name, text);
        g_match_info_next(entry, NULL);
    }
    g_assert_false(g_match_info_matches(entry));
}

static void
testManualHasNoOther(void)
{
    g_autofree char *manual = readManual();
    g_autoptr(GMatchInfo) mention = match("auto_converge\\.(\\w+)", manual);
    gsize n = 0;

    while (g_match_info_matches(mention)) {
        g_autofree char *name = g_match_info_fetch(mention, 1);

        if (!findStat(name))
            g_error("the manual names '%s', which does not exist", name);
        g_match_info_next(mention, NULL);
        n++;
    }
    g_assert_cmpuint(n, >=, convergeStatCount);
}

/* The manual lists the words that a statistic may have. */
static void
testManualHasEveryWord(void)
{
    g_autofree char *manual = readManual();
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    guint i;

    for (i = 0; i < CONVERGE_STATE_LAST; i++)
        g_ptr_array_add(words, (char *)convergeStateName(i));
    for (i = 0; i < CONVERGE_CLASS_LAST; i++)
        g_ptr_array_add(words, (char *)convergeClassName(i));
    for (i = CONVERGE_METHOD_AUTO + 1; i < CONVERGE_METHOD_LAST; i++)
        g_ptr_array_add(words, (char *)convergeThrottleMethodName(i));

    for (i = 0; i < words->len; i++) {
        g_autofree char *word = g_strdup_printf("``%s``", (const char *)g_ptr_array_index(words, i));

        if (!strstr(strstr(manual, "\nJOB STATISTICS\n"), word))
            g_error("the manual does not name the value %s", word);
    }
}

static void
testRows(void)
{
    gsize i;

    for (i = 0; i < convergeStatCount; i++) {
        const convergeStat *stat = &convergeStats[i];

        g_assert_true(findStat(stat->name) == stat);
        g_assert_true((stat->type == CONVERGE_STAT_STRING) == (stat->text != NULL));
        g_assert_true((stat->type == CONVERGE_STAT_STRING) == (stat->number == NULL));
        /* libvirt truncates longer field names. */
        g_assert_cmpuint(strlen(QEMU_MIGRATION_CONVERGE_PREFIX) + strlen(stat->name), <,
                         VIR_TYPED_PARAM_FIELD_LENGTH);
    }
}

/* The table has the statistics that clients ask for by name. */
static void
testNames(void)
{
    static const char *const names[] = {
        QEMU_MIGRATION_CONVERGE_STAT_MODULE,
        QEMU_MIGRATION_CONVERGE_STAT_POLICY,
        QEMU_MIGRATION_CONVERGE_STAT_STATE,
        QEMU_MIGRATION_CONVERGE_STAT_ACTUATOR,
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_assert_true(g_str_has_prefix(names[i], QEMU_MIGRATION_CONVERGE_PREFIX));
        g_assert_nonnull(findStat(names[i] + strlen(QEMU_MIGRATION_CONVERGE_PREFIX)));
    }
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/status-table/manual/every-row", testManualHasEveryRow);
    g_test_add_func("/status-table/manual/no-other", testManualHasNoOther);
    g_test_add_func("/status-table/manual/every-word", testManualHasEveryWord);
    g_test_add_func("/status-table/rows", testRows);
    g_test_add_func("/status-table/names", testNames);

    return g_test_run();
}
