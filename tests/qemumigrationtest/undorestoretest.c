/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undorestoretest.c: QEMU's parameters and limits, put back by a record or by the process that
 * changed them
 */
#include <string.h>
#include <unistd.h>

#include "fakeqemu.h"
#include "files.h"
#include "throttle/kept_dirty_limit.h"
#include "throttle/kept_params.h"
#include "throttle/kept_quota.h"
#include "undo/undo_file.h"
#include "undo/undo_restore.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define THROTTLE 95

/* The parameters under QEMU's own throttle. */
static const gint64 throttled[CONVERGE_PARAM_LAST] = { THROTTLE, 99, THROTTLE, 1, FALSE, 100, 5000 };

typedef gboolean (*putBackFunc)(const gint64 *original, GError **error);

static gboolean
putBackInProcess(const gint64 *original,
                 GError **error)
{
    convergeQemuParams params;

    convergeQemuParamsInit(&params, FALSE);
    params.remembered = TRUE;
    memcpy(params.original, original, sizeof(params.original));
    memcpy(params.written, throttled, sizeof(params.written));
    return convergeQemuParamsRestore(&params, &fakeMonitor, error);
}

/* A record with the members of all three throttle methods. */
static convergeUndoRecord *
recordOf(const char *dir,
         const gint64 *original)
{
    convergeUndoRecord *record = convergeUndoRecordNew(dir, UUID, "busy", getpid(), NULL);
    g_autoptr(convergeKeptParams) params = convergeKeptParamsNew();
    g_autoptr(JsonNode) value = NULL;
    gsize i;

    g_assert_nonnull(record);
    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        const char *name = convergeQemuParamName(i);
        gboolean boolean = convergeQemuParamIsBoolean(i);

        convergeKeptParamsSet(params, name, boolean, original[i], boolean ? throttled[i] : 1);
        convergeKeptParamsSet(params, name, boolean, original[i], throttled[i]);
    }
    value = convergeKeptParamsToJson(params);
    convergeUndoRecordKeep(record, CONVERGE_KEPT_PARAMS, value);
    return record;
}

static gboolean
hasFile(const convergeUndoRecord *record)
{
    g_autofree char *path = g_strdup_printf("%s/" UUID ".json", record->dir);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static gboolean
putBackByRecord(const gint64 *original,
                GError **error)
{
    g_autofree char *dir = filesNewDir();
    g_autoptr(convergeUndoRecord) record = recordOf(dir, original);
    guint counts[CONVERGE_METHOD_LAST];
    gboolean ret;

    g_assert_true(convergeUndoFileSave(record, NULL));
    ret = convergeUndoRestore(record, &fakeMonitor, counts, error);
    g_assert_true(hasFile(record) == !ret);
    filesRemove(dir);
    return ret;
}

static const putBackFunc ways[] = { putBackInProcess, putBackByRecord };

/* --- Parameters --- */

static void
testEachByItself(void)
{
    static const struct {
        gint64 original[CONVERGE_PARAM_LAST];
        gint64 now[CONVERGE_PARAM_LAST];
        gint64 left[CONVERGE_PARAM_LAST];
        guint sets;
    } rows[] = {
        /* Nobody else has changed any. */
        { { 20, 10, 99, 50, 1, 300 }, { 95, 99, 95, 1, 0, 100 }, { 20, 10, 99, 50, 1, 300 }, 1 },
        /* libvirt has put back those that it knows. */
        { { 20, 10, 99, 50, 1, 300 }, { 20, 10, 95, 1, 0, 300 }, { 20, 10, 99, 50, 1, 300 }, 1 },
        /* Others have changed one, each in turn. */
        { { 20, 10, 99, 50, 1, 300 }, { 30, 99, 95, 1, 0, 100 }, { 30, 10, 99, 50, 1, 300 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 95, 33, 95, 1, 0, 100 }, { 20, 33, 99, 50, 1, 300 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 95, 99, 97, 1, 0, 100 }, { 20, 10, 97, 50, 1, 300 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 95, 99, 95, 66, 0, 100 }, { 20, 10, 99, 66, 1, 300 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 95, 99, 95, 1, 0, 777 }, { 20, 10, 99, 50, 1, 777 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 21, 11, 98, 51, 1, 301 }, { 21, 11, 98, 51, 1, 301 }, 0 },
        /* Others have set max-cpu-throttle. */
        { { 50, 10, 99, 50, 1, 300 }, { 95, 99, 96, 1, 0, 100 }, { 50, 10, 96, 50, 1, 300 }, 1 },
        { { 97, 10, 99, 50, 1, 300 }, { 95, 99, 96, 1, 0, 100 }, { 96, 10, 96, 50, 1, 300 }, 1 },
        { { 98, 10, 98, 50, 1, 300 }, { 20, 10, 40, 50, 1, 300 }, { 20, 10, 40, 50, 1, 300 }, 0 },
        /* Others have set a cpu-throttle-initial above the original max-cpu-throttle. */
        { { 20, 10, 30, 50, 1, 300 }, { 60, 10, 95, 50, 1, 300 }, { 60, 10, 60, 50, 1, 300 }, 1 },
        { { 20, 10, 30, 50, 1, 300 }, { 95, 10, 95, 50, 1, 300 }, { 20, 10, 30, 50, 1, 300 }, 1 },
    };
    gsize i, j, way;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (way = 0; way < G_N_ELEMENTS(ways); way++) {
            g_autoptr(GError) error = NULL;

            g_test_message("row %zu, way %zu", i, way);
            qemu = fakeQemuPristine;
            memcpy(qemu.params, rows[i].now, sizeof(qemu.params));
            g_assert_true(ways[way](rows[i].original, &error));
            g_assert_no_error(error);
            for (j = 0; j < CONVERGE_PARAM_LAST; j++)
                g_assert_cmpint(fakeQemuParam(j), ==, rows[i].left[j]);
            g_assert_cmpuint(qemu.paramSets, ==, rows[i].sets);
        }
    }
}

/* A process puts back only the value that it has written last; by a record, any value that may have
 * been written is put back. */
static void
testOlderValue(void)
{
    gsize way;

    for (way = 0; way < G_N_ELEMENTS(ways); way++) {
        qemu = fakeQemuPristine;
        memcpy(qemu.params, throttled, sizeof(qemu.params));
        fakeQemuSetParam(CONVERGE_PARAM_DOWNTIME, 1);
        g_assert_true(ways[way](fakeQemuPristine.params, NULL));
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, way == 0 ? 1 : 300);
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 20);
    }
}

/* A value that QEMU refuses does not keep the others from being put back. */
static void
testRefused(void)
{
    gsize i, j, way;

    for (way = 0; way < G_N_ELEMENTS(ways); way++) {
        for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
            g_autoptr(GError) error = NULL;

            qemu = fakeQemuPristine;
            memcpy(qemu.params, throttled, sizeof(qemu.params));
            qemu.refused = convergeQemuParamName(i);
            g_assert_false(ways[way](fakeQemuPristine.params, &error));
            g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
            g_assert_nonnull(strstr(error->message, "it does not want to"));
            for (j = 0; j < CONVERGE_PARAM_LAST; j++)
                g_assert_cmpint(fakeQemuParam(j), ==, i == j ? throttled[j] : fakeQemuPristine.params[j]);
        }
    }
}

/* If they are put back one by one, one has to wait for another: the original cpu-throttle-initial
 * is above this program's max-cpu-throttle. */
static void
testRefusedOrder(void)
{
    const gint64 original[CONVERGE_PARAM_LAST] = { 98, 10, 99, 50, 1, 300 };
    gsize way;

    for (way = 0; way < G_N_ELEMENTS(ways); way++) {
        qemu = fakeQemuPristine;
        memcpy(qemu.params, throttled, sizeof(qemu.params));
        qemu.refused = "downtime-limit";
        g_assert_false(ways[way](original, NULL));
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 98);
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_MAX), ==, 99);
    }
}

/* QEMU is gone: after the first query without an answer nothing more is sent. */
static void
testGone(void)
{
    gsize way;
    guint dies;

    for (way = 0; way < G_N_ELEMENTS(ways); way++) {
        for (dies = 1; dies <= 2 + way; dies++) {
            g_autoptr(GError) error = NULL;

            qemu = fakeQemuPristine;
            memcpy(qemu.params, throttled, sizeof(qemu.params));
            qemu.dies = dies;
            g_assert_false(ways[way](fakeQemuPristine.params, &error));
            g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT);
            g_assert_cmpuint(qemu.commands, ==, dies);
        }
    }
}

/* After the migration call has returned, libvirt puts back what the caller has stated. */
static void
testCallers(void)
{
    convergeQemuParams params;

    qemu = fakeQemuPristine;
    memcpy(qemu.params, throttled, sizeof(qemu.params));
    convergeQemuParamsInit(&params, TRUE);
    memcpy(params.original, fakeQemuPristine.params, sizeof(params.original));
    memcpy(params.written, throttled, sizeof(params.written));
    g_assert_true(convergeQemuParamsIsCallers(&params, CONVERGE_PARAM_INITIAL));
    g_assert_true(convergeQemuParamsIsCallers(&params, CONVERGE_PARAM_INCREMENT));
    g_assert_false(convergeQemuParamsIsCallers(&params, CONVERGE_PARAM_MAX));

    convergeQemuParamsEnd(&params);
    g_assert_true(convergeQemuParamsRestore(&params, &fakeMonitor, NULL));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, THROTTLE);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INCREMENT), ==, 99);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_MAX), ==, 99);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_THRESHOLD), ==, 50);

    convergeQemuParamsInit(&params, FALSE);
    g_assert_false(convergeQemuParamsIsCallers(&params, CONVERGE_PARAM_INITIAL));
}

/* What the caller of another migration has stated, which has begun meanwhile, is left alone. */
static void
testOtherCallers(void)
{
    int stated;

    for (stated = 0; stated < 2; stated++) {
        g_autoptr(convergeUndoRecord) record = recordOf("/", fakeQemuPristine.params);
        guint counts[CONVERGE_METHOD_LAST];
        gsize i;

        qemu = fakeQemuPristine;
        memcpy(qemu.params, throttled, sizeof(qemu.params));
        g_assert_true(convergeUndoPutBack(record, &fakeMonitor, stated != 0, counts, NULL));
        g_assert_cmpuint(counts[CONVERGE_METHOD_QEMU], ==, stated ? 5 : 7);
        for (i = 0; i < CONVERGE_PARAM_LAST; i++)
            g_assert_cmpint(fakeQemuParam(i), ==,
                            stated && (i == CONVERGE_PARAM_INITIAL || i == CONVERGE_PARAM_INCREMENT) ?
                                throttled[i] :
                                fakeQemuPristine.params[i]);
    }
}

/* --- Kept members --- */

static void
assertParams(const convergeKeptParams *params,
             const char *expected)
{
    g_autoptr(JsonNode) value = convergeKeptParamsToJson(params);
    g_autofree char *text = json_to_string(value, FALSE);

    g_assert_true(json_node_is_immutable(value));
    g_assert_cmpstr(text, ==, expected);
}

static void
testKeptParams(void)
{
    g_autoptr(convergeKeptParams) params = convergeKeptParamsNew();
    gint64 value;

    assertParams(params, "[]");
    convergeKeptParamsSet(params, "downtime-limit", FALSE, 300, 50);
    convergeKeptParamsSet(params, "cpu-throttle-tailslow", TRUE, TRUE, FALSE);
    convergeKeptParamsSet(params, "downtime-limit", FALSE, 77, 100);
    convergeKeptParamsSet(params, "downtime-limit", FALSE, 300, 50);
    assertParams(params, "[{\"name\":\"downtime-limit\",\"original\":300,\"written\":[100,50]},"
                         "{\"name\":\"cpu-throttle-tailslow\",\"original\":true,\"written\":[false]}]");

    /* Endless changes do not make the record grow. */
    for (value = 1; value <= 1000; value++)
        convergeKeptParamsSet(params, "downtime-limit", FALSE, 300, value);
    convergeKeptParamsSet(params, "downtime-limit", FALSE, 300, 990);
    assertParams(params, "[{\"name\":\"downtime-limit\",\"original\":300,\"written\":"
                         "[985,986,987,988,989,991,992,993,994,995,996,997,998,999,1000,990]},"
                         "{\"name\":\"cpu-throttle-tailslow\",\"original\":true,\"written\":[false]}]");
}

static GHashTable *
newRates(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
}

static void
addRate(GHashTable *rates,
        gint64 cpuIndex,
        gint64 rate)
{
    g_hash_table_insert(rates, g_memdup2(&cpuIndex, sizeof(cpuIndex)), g_memdup2(&rate, sizeof(rate)));
}

static void
testKeptRates(void)
{
    g_autoptr(GHashTable) rates = newRates();
    g_autoptr(JsonNode) none = convergeKeptDirtyLimitToJson(rates);
    g_autoptr(JsonNode) value = NULL;
    g_autofree char *text = NULL;

    g_assert_cmpuint(json_array_get_length(json_node_get_array(none)), ==, 0);
    addRate(rates, 255, 31);
    value = convergeKeptDirtyLimitToJson(rates);
    g_assert_true(json_node_is_immutable(value));
    text = json_to_string(value, FALSE);
    g_assert_cmpstr(text, ==, "[{\"cpu-index\":255,\"rate\":31}]");
}

/* --- A whole record --- */

typedef struct _guest guest;
struct _guest {
    char *dir;
    char *max[2]; /* the files of two vCPUs' quotas */
    convergeUndoRecord *record;
};

static void
guestClear(guest *g)
{
    filesRemove(g->dir);
    convergeUndoRecordFree(g->record);
    g_free(g->max[0]);
    g_free(g->max[1]);
    g_free(g->dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(guest, guestClear)

/* A guest that is throttled by every method. */
static void
guestInit(guest *g)
{
    g_autoptr(GHashTable) rates = newRates();
    g_autoptr(JsonNode) limits = NULL;
    g_autoptr(JsonNode) groups = NULL;
    g_autofree char *text = NULL;

    g->dir = filesNewDir();
    g->max[0] = g_build_filename(g->dir, "vcpu0", "cpu.max", NULL);
    g->max[1] = g_build_filename(g->dir, "vcpu1", "cpu.max", NULL);
    filesPut(g->max[0], "1000 100000");
    filesPut(g->max[1], "1000 100000");

    g->record = recordOf(g->dir, fakeQemuPristine.params);
    addRate(rates, 0, 200);
    addRate(rates, 2, 60);
    limits = convergeKeptDirtyLimitToJson(rates);
    convergeUndoRecordKeep(g->record, CONVERGE_KEPT_DIRTY_LIMIT, limits);
    text = g_strdup_printf("[{\"directory\":\"%s/vcpu0\",\"unified\":true,\"quota-us\":-1,\"period-us\":100000,"
                           "\"cap-us\":1000000},{\"directory\":\"%s/vcpu1\",\"unified\":true,\"quota-us\":-1,"
                           "\"period-us\":100000,\"cap-us\":1000000}]",
                           g->dir, g->dir);
    groups = json_from_string(text, NULL);
    convergeUndoRecordKeep(g->record, CONVERGE_KEPT_QUOTA, groups);
    g_assert_true(convergeUndoFileSave(g->record, NULL));

    qemu = fakeQemuPristine;
    memcpy(qemu.params, throttled, sizeof(qemu.params));
    qemu.limits[0] = 100;
    qemu.limits[2] = 30;
}

/* Each of the three methods may fail, which does not keep the others from being put back; the
 * record stays until all is done. */
static void
testWhole(void)
{
    enum { QUOTA,
           LIMIT,
           PARAM,
           NOTHING,
           LAST };
    int failing;

    for (failing = 0; failing < LAST; failing++) {
        g_auto(guest) g = { NULL };
        g_autoptr(GError) error = NULL;
        guint counts[CONVERGE_METHOD_LAST];

        guestInit(&g);
        if (failing == QUOTA)
            filesPut(g.max[0], "strange");
        qemu.refused = failing == LIMIT ? "cancel-vcpu-dirty-limit" :
            failing == PARAM            ? "downtime-limit" :
                                          NULL;

        g_assert_true(convergeUndoRestore(g.record, &fakeMonitor, counts, &error) ==
                      (failing == NOTHING));
        if (failing == NOTHING)
            g_assert_no_error(error);
        else
            g_assert_error(error, CONVERGE_ERROR,
                           (failing == QUOTA ? CONVERGE_ERROR_IO : CONVERGE_ERROR_QEMU));
        filesAssert(g.max[0], failing == QUOTA ? "strange" : "max 100000");
        filesAssert(g.max[1], "max 100000");
        g_assert_cmpint(fakeQemuLimits(), ==, failing == LIMIT ? 130 : 0);
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, failing == PARAM ? 100 : 300);
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 20);
        g_assert_cmpuint(counts[CONVERGE_METHOD_VCPU_QUOTA], ==, 2 - (failing == QUOTA));
        g_assert_cmpuint(counts[CONVERGE_METHOD_DIRTY_LIMIT], ==, failing == LIMIT ? 0 : 2);
        g_assert_cmpuint(counts[CONVERGE_METHOD_QEMU], ==, CONVERGE_PARAM_LAST - (failing == PARAM));
        g_assert_true(hasFile(g.record) == (failing != NOTHING));
    }
}

/* The first of all failures is reported; the files come first. */
static void
testAllFail(void)
{
    g_auto(guest) g = { NULL };
    g_autoptr(GError) error = NULL;
    guint counts[CONVERGE_METHOD_LAST];

    guestInit(&g);
    filesPut(g.max[0], "strange");
    filesPut(g.max[1], "strange");
    qemu.dies = 1;
    g_assert_false(convergeUndoPutBack(g.record, &fakeMonitor, FALSE, counts, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_nonnull(strstr(error->message, "vcpu0"));
}

static void
testStillMigrating(void)
{
    g_auto(guest) g = { NULL };
    g_autoptr(GError) error = NULL;
    guint counts[CONVERGE_METHOD_LAST];

    guestInit(&g);
    qemu.status = "active";
    g_assert_false(convergeUndoRestore(g.record, &fakeMonitor, counts, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    g_assert_cmpuint(qemu.paramSets + qemu.limitCancels, ==, 0);
    filesAssert(g.max[0], "1000 100000");
    g_assert_cmpuint(counts[CONVERGE_METHOD_VCPU_QUOTA] + counts[CONVERGE_METHOD_QEMU], ==, 0);
    g_assert_true(hasFile(g.record));
}

/* QEMU is not asked; a vCPU that is gone is no failure. */
static void
testFiles(void)
{
    g_auto(guest) g = { NULL };
    g_autoptr(GError) error = NULL;
    guint counts[CONVERGE_METHOD_LAST];
    g_autofree char *vcpu1 = NULL;

    guestInit(&g);
    vcpu1 = g_path_get_dirname(g.max[1]);
    filesRemove(vcpu1);
    g_assert_true(convergeUndoPutBackFiles(g.record, counts, &error));
    g_assert_no_error(error);
    filesAssert(g.max[0], "max 100000");
    g_assert_cmpuint(counts[CONVERGE_METHOD_VCPU_QUOTA], ==, 2);
    g_assert_cmpuint(counts[CONVERGE_METHOD_QEMU] + counts[CONVERGE_METHOD_DIRTY_LIMIT], ==, 0);
    g_assert_cmpuint(qemu.commands, ==, 0);
    g_assert_true(hasFile(g.record));

    filesPut(g.max[0], "strange");
    g_assert_false(convergeUndoPutBackFiles(g.record, counts, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
}

/* A limit that others have set stays. */
static void
testLimits(void)
{
    g_auto(guest) g = { NULL };
    guint counts[CONVERGE_METHOD_LAST];

    guestInit(&g);
    qemu.limits[0] = 333;
    qemu.limits[1] = 1;
    g_assert_true(convergeUndoRestore(g.record, &fakeMonitor, counts, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 333);
    g_assert_cmpint(qemu.limits[1], ==, 1);
    g_assert_cmpint(qemu.limits[2], ==, 0);
    g_assert_cmpuint(counts[CONVERGE_METHOD_DIRTY_LIMIT], ==, 1);
}

/* Version 0.1.0 writes down only that there are limits. */
static void
testOldLimits(void)
{
    static const gint64 original[CONVERGE_PARAM_LAST] = { 20, 10, 99, 50, 1, 300 };
    g_autofree char *dir = filesNewDir();
    int limited;

    for (limited = 0; limited < 2; limited++) {
        g_autoptr(convergeUndoRecord) record = recordOf(dir, original);
        g_autoptr(JsonNode) flag = json_node_init_boolean(json_node_alloc(), limited);
        guint counts[CONVERGE_METHOD_LAST];

        qemu = fakeQemuPristine;
        qemu.limits[0] = 100;
        convergeUndoRecordKeep(record, "dirty-limit", flag);
        g_assert_true(convergeUndoPutBack(record, &fakeMonitor, FALSE, counts, NULL));
        g_assert_cmpint(qemu.limits[0], ==, limited ? 0 : 100);
    }
    filesRemove(dir);
}

/* An empty record. */
static void
testNothing(void)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordNew("/", UUID, "idle", getpid(), NULL);
    guint counts[CONVERGE_METHOD_LAST];

    qemu = fakeQemuPristine;
    qemu.limits[0] = 100;
    g_assert_true(convergeUndoPutBack(record, &fakeMonitor, FALSE, counts, NULL));
    g_assert_cmpuint(qemu.commands, ==, 0);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    g_test_add_func("/undorestore/each-by-itself", testEachByItself);
    g_test_add_func("/undorestore/older-value", testOlderValue);
    g_test_add_func("/undorestore/refused", testRefused);
    g_test_add_func("/undorestore/refused-order", testRefusedOrder);
    g_test_add_func("/undorestore/gone", testGone);
    g_test_add_func("/undorestore/callers", testCallers);
    g_test_add_func("/undorestore/other-callers", testOtherCallers);
    g_test_add_func("/undorestore/kept-params", testKeptParams);
    g_test_add_func("/undorestore/kept-rates", testKeptRates);
    g_test_add_func("/undorestore/whole", testWhole);
    g_test_add_func("/undorestore/all-fail", testAllFail);
    g_test_add_func("/undorestore/still-migrating", testStillMigrating);
    g_test_add_func("/undorestore/files", testFiles);
    g_test_add_func("/undorestore/limits", testLimits);
    g_test_add_func("/undorestore/old-limits", testOldLimits);
    g_test_add_func("/undorestore/nothing", testNothing);
    return g_test_run();
}
