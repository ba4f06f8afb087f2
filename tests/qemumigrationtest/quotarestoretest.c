/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quotarestoretest.c: CPU quotas to which others write meanwhile, and a kernel that refuses
 */
#include <string.h>

#include "quotahost.h"
#include "throttle/kept_quota.h"

static convergeVcpuQuota *
openQuota(const host *h)
{
    const pid_t thread = TID;
    g_autoptr(GError) error = NULL;
    convergeVcpuQuota *quota = convergeVcpuQuotaNewAt(h->top, &thread, 1, &error);

    g_assert_no_error(error);
    return quota;
}

static void
set(convergeVcpuQuota *quota,
    unsigned int throttle)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(convergeVcpuQuotaSetAll(quota, throttle, &error));
    g_assert_no_error(error);
}

static gboolean
adopt(convergeVcpuQuota *quota)
{
    g_autoptr(GError) error = NULL;
    gboolean changed = FALSE;

    g_assert_true(convergeVcpuQuotaAdopt(quota, &changed, &error));
    g_assert_no_error(error);
    return changed;
}

/* Does what the next daemon does with the record of one that was killed. */
static gboolean
putBack(const convergeVcpuQuota *quota,
        GError **error)
{
    g_autoptr(JsonObject) kept = json_object_new();
    guint count = 5;
    gboolean ret;

    g_assert_true(convergeKeptQuotaIsKept(kept));
    json_object_set_member(kept, CONVERGE_KEPT_QUOTA, convergeKeptQuotaToJson(quota));
    g_assert_true(convergeKeptQuotaIsKept(kept));
    ret = convergeKeptQuotaPutBack(kept, NULL, FALSE, &count, error);
    g_assert_cmpuint(count, ==, ret ? 6 : 5);
    return ret;
}

/* --- Tests --- */

/* The JSON in the record's file. */
static void
testKept(void)
{
    int unified;

    for (unified = 0; unified < 2; unified++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;
        g_autoptr(JsonNode) value = NULL;
        g_autofree char *text = NULL;
        g_autofree char *expected = NULL;

        hostInit(&h, unified, 30000, 100000);
        quota = openQuota(&h);
        set(quota, 50);
        value = convergeKeptQuotaToJson(quota);
        text = json_to_string(value, FALSE);
        expected = g_strdup_printf("[{\"directory\":\"%s/vm/vcpu0\",\"unified\":%s,\"quota-us\":30000,"
                                   "\"period-us\":100000,\"cap-us\":300000}]",
                                   h.top,
                                   unified ? "true" : "false");
        g_assert_cmpstr(text, ==, expected);
        g_assert_true(json_node_is_immutable(value));
    }
}

/* Quota and period are put back separately, by the process that wrote them or by a record. */
static void
testEachByItself(void)
{
    static const struct {
        gint64 quota, period;           /* before */
        gint64 otherQuota, otherPeriod; /* written by others while throttled */
        gint64 leftQuota, leftPeriod;
    } rows[] = {
        { -1, 100000, KEEP, KEEP, -1, 100000 },
        { -1, 100000, 50000, KEEP, 50000, 100000 },
        { -1, 100000, KEEP, 60000, -1, 60000 },
        { -1, 100000, 70000, 140000, 70000, 140000 },
        { 40000, 200000, 60000, KEEP, 60000, 200000 },
        { 40000, 200000, -1, KEEP, -1, 200000 },
        { 40000, 200000, KEEP, 400000, 40000, 400000 },
        { 40000, 200000, -1, 60000, -1, 60000 },
    };
    gsize i;
    int way;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (way = 0; way < 4; way++) {
            g_auto(host) h = { 0 };
            g_autoptr(convergeVcpuQuota) quota = NULL;
            g_autoptr(GError) error = NULL;

            g_test_message("row %zu, way %d", i, way);
            hostInit(&h, way % 2, rows[i].quota, rows[i].period);
            quota = openQuota(&h);
            set(quota, 30);
            hostMeddle(&h, rows[i].otherQuota, rows[i].otherPeriod);
            g_assert_true(way / 2 ? putBack(quota, &error) : convergeVcpuQuotaRestore(quota, &error));
            g_assert_no_error(error);
            hostAssertThere(&h, rows[i].leftQuota, rows[i].leftPeriod);
        }
    }
}

/* If others have set both, nothing is written. */
static void
testBothChanged(void)
{
    int unified;

    for (unified = 0; unified < 2; unified++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;
        int writes;

        hostInit(&h, unified, -1, 100000);
        quota = openQuota(&h);
        set(quota, 80);
        hostMeddle(&h, 77777, 55555);
        writes = h.writes;
        g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
        g_assert_true(putBack(quota, NULL));
        g_assert_cmpint(h.writes, ==, writes);
        hostAssertThere(&h, 77777, 55555);
    }
}

/* A process puts back only the value that it has written last, not just any value that it might
 * have written. */
static void
testLastOne(void)
{
    int unified;

    for (unified = 0; unified < 2; unified++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;

        hostInit(&h, unified, -1, 100000);
        quota = openQuota(&h);
        set(quota, 50);
        set(quota, 80);
        hostMeddle(&h, 10000, KEEP); /* 50 % of 20 ms, like the first throttle */
        g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
        hostAssertThere(&h, 10000, 100000);
    }
}

/* Any single write may fail: what is left of either throttle is put back. */
static void
testFailedWrite(void)
{
    int way, failing;

    for (way = 0; way < 2; way++) {
        for (failing = 1; failing <= 5; failing++) {
            g_auto(host) h = { 0 };
            g_autoptr(convergeVcpuQuota) quota = NULL;

            hostInit(&h, way, 60000, 100000);
            quota = openQuota(&h);
            h.failing = failing;
            convergeVcpuQuotaSetAll(quota, 97, NULL);
            convergeVcpuQuotaSetAll(quota, 40, NULL);
            convergeVcpuQuotaSetAll(quota, 99, NULL);
            h.failing = 0;
            g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
            hostAssertThere(&h, 60000, 100000);
        }
    }
}

/* Between two writes the vCPU may never use more than the group above, which the kernel refuses. */
static void
testOrder(void)
{
    static const convergeCpuQuota before[] = {
        { -1, 100000 },
        { 100000, 100000 },
        { 2000, 2000 },
        { 1000000, 1000000 },
        { 900000, 1000000 },
    };
    static const unsigned int course[] = { 50, 99, 1, 97, 80, 99, 0, 98 };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(before); i++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;

        hostInit(&h, FALSE, before[i].quotaUs, before[i].periodUs);
        h.above = 1;
        quota = openQuota(&h);
        for (j = 0; j < G_N_ELEMENTS(course); j++) {
            set(quota, course[j]);
            g_assert_false(adopt(quota));
        }
        set(quota, 0);
        hostAssertThere(&h, before[i].quotaUs, before[i].periodUs);
    }
}

/* With a period that others have set, the original quota is more than the group above allows: that
 * is an error, but the throttle is lifted all the same. */
static void
testRefused(void)
{
    int way;

    for (way = 0; way < 2; way++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;
        g_autoptr(GError) error = NULL;

        hostInit(&h, FALSE, 50000, 100000);
        h.above = 1;
        quota = openQuota(&h);
        set(quota, 80);
        hostMeddle(&h, KEEP, 10000);

        g_assert_false(way ? putBack(quota, &error) : convergeVcpuQuotaRestore(quota, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
        g_assert_nonnull(strstr(error->message, "50000"));
        hostAssertThere(&h, -1, 10000);

        /* Reported once: nothing is left to put back. */
        g_assert_true(way ? putBack(quota, NULL) : convergeVcpuQuotaRestore(quota, NULL));
        hostAssertThere(&h, -1, 10000);
    }
}

/* The next throttle is derived from what others have set meanwhile, and that is what is put
 * back. */
static void
testAdopt(void)
{
    static const struct {
        gint64 quota, period;
        gint64 otherQuota, otherPeriod;
        gint64 wantedQuota, wantedPeriod; /* from now on */
        gint64 capUs;
    } rows[] = {
        { -1, 100000, 50000, KEEP, 50000, 100000, 500000 },
        { -1, 100000, KEEP, 50000, -1, 50000, 1000000 },
        { -1, 100000, 60000, 200000, 60000, 200000, 300000 },
        { 50000, 100000, -1, KEEP, -1, 100000, 1000000 },
        { 50000, 100000, KEEP, 200000, 50000, 200000, 250000 },
    };
    gsize i;
    int unified;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (unified = 0; unified < 2; unified++) {
            g_auto(host) h = { 0 };
            g_autoptr(convergeVcpuQuota) quota = NULL;
            const convergeVcpuGroup *group;

            g_test_message("row %zu, version %d", i, unified + 1);
            hostInit(&h, unified, rows[i].quota, rows[i].period);
            quota = openQuota(&h);
            group = convergeVcpuQuotaGroup(quota, 0);
            g_assert_false(adopt(quota));
            set(quota, 30);
            g_assert_false(adopt(quota));

            hostMeddle(&h, rows[i].otherQuota, rows[i].otherPeriod);
            g_assert_true(adopt(quota));
            g_assert_cmpint(group->quotaUs, ==, rows[i].wantedQuota);
            g_assert_cmpint(group->periodUs, ==, rows[i].wantedPeriod);
            g_assert_cmpint(group->capUs, ==, rows[i].capUs);
            g_assert_false(adopt(quota));

            /* If the daemon is killed here, the present record fits what the files hold. */
            hostAssertThere(&h, rows[i].wantedQuota, rows[i].wantedPeriod);

            set(quota, 30);
            hostAssertShare(&h, 0.7 * (double)rows[i].capUs / 1000000);
            set(quota, 0);
            hostAssertThere(&h, rows[i].wantedQuota, rows[i].wantedPeriod);
        }
    }
}

/* A management daemon writes the same quota every second. */
static void
testReconciler(void)
{
    static const gint64 wanted[] = { 50000, -1 };
    gsize i;
    int unified, second;

    for (i = 0; i < G_N_ELEMENTS(wanted); i++) {
        for (unified = 0; unified < 2; unified++) {
            g_auto(host) h = { 0 };
            g_autoptr(convergeVcpuQuota) quota = NULL;
            double share = wanted[i] > 0 ? 0.5 : 1;

            hostInit(&h, unified, -1, 100000);
            quota = openQuota(&h);
            set(quota, 80);
            for (second = 0; second < 20; second++) {
                hostMeddle(&h, wanted[i], KEEP);
                g_assert_true(adopt(quota) == (wanted[i] > 0 && second == 0));
                set(quota, second % 4 < 2 ? 80 : 90);
                hostAssertShare(&h, share * (second % 4 < 2 ? 0.2 : 0.1));
            }
            g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
            hostAssertThere(&h, wanted[i], 100000);
        }
    }
}

/* A hook script writes between the adoption and the next throttle. */
static void
testRace(void)
{
    int unified;

    for (unified = 0; unified < 2; unified++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;

        hostInit(&h, unified, -1, 100000);
        quota = openQuota(&h);
        g_assert_false(adopt(quota));
        hostMeddle(&h, 50000, KEEP);
        set(quota, 80);
        hostAssertThere(&h, 50000, 100000);
        g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
        hostAssertThere(&h, 50000, 100000);

        g_assert_true(adopt(quota));
        set(quota, 80);
        hostAssertShare(&h, 0.1);
        g_assert_false(adopt(quota));
        hostMeddle(&h, 30000, KEEP);
        set(quota, 90);
        g_assert_cmpint(h.held.quotaUs, ==, 30000);
        g_assert_true(adopt(quota));
        set(quota, 90);
        hostAssertShare(&h, 0.03);
        g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
        hostAssertThere(&h, 30000, 100000);
    }
}

/* What cannot be read, or is impossible in a kernel, is not adopted. */
static void
testNotAdopted(void)
{
    int unified;

    for (unified = 0; unified < 2; unified++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;
        g_autoptr(GError) error = NULL;
        gboolean changed = FALSE;

        hostInit(&h, unified, -1, 100000);
        quota = openQuota(&h);
        set(quota, 80);
        hostMeddle(&h, 7, 100000);
        g_assert_false(convergeVcpuQuotaAdopt(quota, &changed, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
        g_clear_error(&error);

        hostPutText(h.top, unified ? "vm/vcpu0/cpu.max" : "vm/vcpu0/cpu.cfs_quota_us", "strange");
        g_assert_false(convergeVcpuQuotaAdopt(quota, &changed, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
        g_assert_false(changed);
        g_assert_cmpint(convergeVcpuQuotaGroup(quota, 0)->quotaUs, ==, -1);
    }
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quotarestore/kept", testKept);
    g_test_add_func("/quotarestore/each-by-itself", testEachByItself);
    g_test_add_func("/quotarestore/both-changed", testBothChanged);
    g_test_add_func("/quotarestore/last-one", testLastOne);
    g_test_add_func("/quotarestore/failed-write", testFailedWrite);
    g_test_add_func("/quotarestore/order", testOrder);
    g_test_add_func("/quotarestore/refused", testRefused);
    g_test_add_func("/quotarestore/adopt", testAdopt);
    g_test_add_func("/quotarestore/reconciler", testReconciler);
    g_test_add_func("/quotarestore/race", testRace);
    g_test_add_func("/quotarestore/not-adopted", testNotAdopted);
    return g_test_run();
}
