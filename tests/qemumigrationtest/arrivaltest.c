/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arrivaltest.c: what the destination is told in libvirt's cookie
 */
#include <string.h>

#include "module/arrival.h"

#define UUID "b5b5e1e2-0000-4000-8000-000000000001"
#define COOKIE "<qemu-migration>\n  <name>a</name>\n</qemu-migration>\n"
#define TOLD "<qemu-migration><converge xmlns='https://virt-converge.org/xmlns/arrival/1.0'>%s" \
             "</converge></qemu-migration>"

typedef struct {
    virTypedParameterPtr params;
    int n;
} statistics;

static void
statisticsClear(statistics *stats)
{
    virTypedParamsFree(stats->params, stats->n);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(statistics, statisticsClear)

static const char *
getText(const statistics *stats,
        const char *name)
{
    const char *text = NULL;

    virTypedParamsGetString(stats->params, stats->n, name, &text);
    return text;
}

static int
getNumber(const statistics *stats,
          const char *name)
{
    int number = -1;

    virTypedParamsGetInt(stats->params, stats->n, name, &number);
    return number;
}

static void
note(const char *uuid,
     const char *cookie)
{
    convergeArrivalNote(uuid, cookie, (int)strlen(cookie) + 1);
}

static void
noteStats(const char *json)
{
    g_autofree char *cookie = g_markup_printf_escaped(TOLD, json);

    note(UUID, cookie);
}

static void
testTold(void)
{
    convergeStatus status = { .state = CONVERGE_STATE_DONE, .throttleTarget = 97, .downtimeMs = 243 };
    g_autofree char *cookie = g_strdup(COOKIE);
    int cookielen = (int)sizeof(COOKIE);
    g_auto(statistics) stats = { 0 };
    unsigned long long limit = 0;

    g_strlcpy(status.reason, "a <b> & 'c' \"\033\377\"", sizeof(status.reason));
    convergeArrivalTell(&cookie, &cookielen, &status, "adaptive");
    g_assert_cmpint(cookielen, ==, strlen(cookie) + 1);
    g_assert_true(g_str_has_prefix(cookie, "<qemu-migration>\n  <name>a</name>\n"));
    g_assert_true(g_str_has_suffix(cookie, "</qemu-migration>\n"));

    convergeArrivalNote(UUID, cookie, cookielen);
    convergeArrivalAppend(UUID, &stats.params, &stats.n);
    g_assert_cmpstr(getText(&stats, "auto_converge.policy"), ==, "adaptive");
    g_assert_cmpstr(getText(&stats, "auto_converge.state"), ==, "done");
    g_assert_cmpstr(getText(&stats, "auto_converge.reason"), ==, "a <b> & 'c' \"\\x1b\357\277\275\"");
    g_assert_null(getText(&stats, "auto_converge.module"));
    g_assert_cmpint(getNumber(&stats, "auto_converge.throttle_target"), ==, 97);
    g_assert_cmpint(virTypedParamsGetULLong(stats.params, stats.n, "auto_converge.downtime_limit", &limit), ==, 1);
    g_assert_cmpint(limit, ==, 243);
    g_assert_null(virTypedParamsGet(stats.params, stats.n, "auto_converge.bandwidth"));
}

/* A migration without a policy has nothing of the one before it. */
static void
testForgotten(void)
{
    g_auto(statistics) stats = { 0 };

    noteStats("{\"policy\":\"adaptive\"}");
    note(UUID, COOKIE);
    convergeArrivalAppend(UUID, &stats.params, &stats.n);
    g_assert_cmpint(stats.n, ==, 0);
}

static void
testBounded(void)
{
    g_auto(statistics) oldest = { 0 };
    g_auto(statistics) newest = { 0 };
    guint i;

    noteStats("{\"policy\":\"adaptive\"}");
    for (i = 0; i < CONVERGE_ARRIVALS; i++) {
        g_autofree char *uuid = g_strdup_printf("guest-%u", i);
        g_autofree char *cookie = g_strdup_printf(TOLD, "{\"throttle_target\":7}");

        note(uuid, cookie);
    }
    convergeArrivalAppend(UUID, &oldest.params, &oldest.n);
    g_assert_cmpint(oldest.n, ==, 0);
    convergeArrivalAppend("guest-0", &newest.params, &newest.n);
    g_assert_cmpint(getNumber(&newest, "auto_converge.throttle_target"), ==, 7);
}

/* No cookie, or none of the source's module. */
static void
testNoCookie(void)
{
    static const char *const cookies[] = { "", "<qemu-migration>", "</qemu-migration", "text" };
    const convergeStatus status = { 0 };
    char *none = NULL;
    int nonelen = 0;
    gsize i;

    convergeArrivalTell(NULL, NULL, &status, "adaptive");
    convergeArrivalTell(&none, &nonelen, &status, "adaptive");
    g_assert_null(none);
    for (i = 0; i < G_N_ELEMENTS(cookies); i++) {
        g_autofree char *cookie = g_strdup(cookies[i]);
        int cookielen = (int)strlen(cookie) + 1;

        convergeArrivalTell(&cookie, &cookielen, &status, "adaptive");
        g_assert_cmpstr(cookie, ==, cookies[i]);
    }
    convergeArrivalNote(UUID, NULL, 0);
}

/* What a client may send in its place. */
static void
testHostile(void)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{",
        "7",
        "{\"throttle_target\":-1}",
        "{\"throttle_target\":4294967296}",
        "{\"throttle_target\":\"97\"}",
        "{\"policy\":7}",
        "{\"unknown\":7}",
        "{\"module\":\"9\"}",
    };
    g_autofree char *filled = g_strnfill(2 * 1024 * 1024, 'a');
    g_autofree char *huge = g_strdup_printf(TOLD, filled);
    g_autofree char *text = g_strdup_printf("{\"policy\":\"%.20000s\"}", filled);
    g_autofree char *deep = g_strnfill(100000, '[');
    g_auto(statistics) stats = { 0 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(wrong); i++) {
        noteStats(wrong[i]);
        convergeArrivalAppend(UUID, &stats.params, &stats.n);
        g_assert_cmpint(stats.n, ==, 0);
    }
    noteStats(text);
    convergeArrivalAppend(UUID, &stats.params, &stats.n);
    noteStats(deep);
    convergeArrivalAppend(UUID, &stats.params, &stats.n);
    note(UUID, huge);
    convergeArrivalAppend(UUID, &stats.params, &stats.n);
    note(UUID, "<qemu-migration><converge xmlns='https://virt-converge.org/xmlns/arrival/1.0'>{");
    convergeArrivalAppend(UUID, &stats.params, &stats.n);
    /* Without its last byte, the text has no end. */
    convergeArrivalNote(UUID, COOKIE, (int)sizeof(COOKIE) - 1);
    convergeArrivalAppend(UUID, &stats.params, &stats.n);
    g_assert_cmpint(stats.n, ==, 0);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0); /* its thread-local errors */
    g_test_add_func("/arrival/told", testTold);
    g_test_add_func("/arrival/forgotten", testForgotten);
    g_test_add_func("/arrival/bounded", testBounded);
    g_test_add_func("/arrival/no-cookie", testNoCookie);
    g_test_add_func("/arrival/hostile", testHostile);
    return g_test_run();
}
