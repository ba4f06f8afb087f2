/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quicktest.c: measurements within fractions of a second, by a QEMU that may not know them
 */
#include <stdlib.h>
#include <string.h>

#include "qemu/dirty_quick.h"

#define DONE(members) "{\"return\":{\"status\":\"measured\"," members "}}"
#define GOOD DONE("\"mode\":\"dirty-bitmap\",\"calc-time\":52,\"dirty-rate\":94")

/* What QEMU answers, the last one again and again. */
static const char *const *replies;
static GString *asked;
static gint shiftMs; /* what the clock is ahead after each answer */

gint64
g_get_monotonic_time(void)
{
    static gint64 now;

    now += (gint64)shiftMs * 1000;
    return now;
}

static int
answer(virDomainPtr dom G_GNUC_UNUSED,
       const char *cmd,
       char **result,
       unsigned int flags G_GNUC_UNUSED)
{
    g_string_append(asked, cmd);
    if (!*replies)
        return -1;
    *result = strdup(*replies);
    if (replies[1])
        replies++;
    return 0;
}

static const convergeLibvirt calls = { .qemuMonitorCommand = answer };
static const convergeMonitor monitor = { &calls, NULL };

static gboolean
run(const char *const *says,
    convergeDirtyQuick *quick,
    GError **error)
{
    replies = says;
    g_string_set_size(asked, 0);
    return convergeDirtyQuickRun(&monitor, 1, quick, error);
}

static void
testMeasured(void)
{
    static const char *const says[] = { "{\"return\":{}}", "{\"return\":{\"status\":\"unstarted\"}}",
                                        "{\"return\":{\"status\":\"measuring\"}}", GOOD, NULL };
    convergeDirtyQuick quick = { 0 };

    shiftMs = 0;
    g_assert_true(run(says, &quick, NULL));
    g_assert_cmpint(quick.ms, ==, 52);
    g_assert_cmpuint(quick.mibps, ==, 94);
    g_assert_nonnull(strstr(asked->str, "\"calc-time\":1"));
    g_assert_nonnull(strstr(asked->str, "\"mode\":\"dirty-bitmap\""));
    /* Both the question and the answer are in ms. */
    g_assert_cmpint(strstr(asked->str, "millisecond") < strstr(asked->str, "query-dirty-rate"), ==, TRUE);
    g_assert_nonnull(strstr(strstr(asked->str, "query-dirty-rate"), "millisecond"));
}

/* QEMU, or libvirt, refuses either command; or QEMU never has a result that can be believed. */
static void
testFails(void)
{
    static const char *const refused = "{\"error\":{\"class\":\"GenericError\",\"desc\":\"unexpected\"}}";
    static const char *const wrong[] = {
        "{\"return\":{\"status\":\"measuring\"}}",
        DONE("\"mode\":\"page-sampling\",\"calc-time\":52,\"dirty-rate\":94"),
        DONE("\"mode\":\"dirty-bitmap\",\"calc-time\":0,\"dirty-rate\":94"),
        DONE("\"mode\":\"dirty-bitmap\",\"calc-time\":60001,\"dirty-rate\":94"),
        DONE("\"mode\":\"dirty-bitmap\",\"calc-time\":52,\"dirty-rate\":-1"),
        DONE("\"mode\":\"dirty-bitmap\",\"calc-time\":52,\"dirty-rate\":1048577"),
        DONE("\"mode\":\"dirty-bitmap\",\"calc-time\":52"),
        "{\"return\":{}}",
    };
    const char *const dead[] = { NULL };
    const char *const first[] = { refused, NULL };
    const char *const second[] = { "{\"return\":{}}", refused, NULL };
    const struct {
        const char *const *says;
        int code;
    } rows[] = {
        { dead, CONVERGE_ERROR_LIBVIRT },
        { first, CONVERGE_ERROR_QEMU },
        { second, CONVERGE_ERROR_QEMU },
    };
    convergeDirtyQuick quick;
    gsize i;

    shiftMs = 0;
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(run(rows[i].says, &quick, &error));
        g_assert_true(g_error_matches(error, CONVERGE_ERROR, rows[i].code));
    }

    shiftMs = 60000;
    for (i = 0; i < G_N_ELEMENTS(wrong); i++) {
        const char *const says[] = { "{\"return\":{}}", wrong[i], NULL };
        g_autoptr(GError) error = NULL;

        g_assert_false(run(says, &quick, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    }
}

int
main(int argc,
     char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    asked = g_string_new(NULL);
    g_test_add_func("/quick/measured", testMeasured);
    g_test_add_func("/quick/fails", testFails);
    status = g_test_run();
    g_string_free(asked, TRUE);
    return status;
}
