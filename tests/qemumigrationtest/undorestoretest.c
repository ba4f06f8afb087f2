/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undorestoretest.c: QEMU's parameters and limits, given back by a record and in the process
 * that changed them
 *
 * A small QEMU behind a fake libvirt call, which checks the merged set of its parameters as the real
 * one does.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qemu/qemu_params.h"
#include "undo/undo_restore.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define OURS 95

typedef struct _fakeQemu fakeQemu;
struct _fakeQemu {
    gint64 values[CONVERGE_PARAM_LAST];
    const char *status;         /* of the migration */
    const char *refused;        /* a parameter that it does not take */
    gint64 limit;               /* of the only vCPU, MiB/s; 0: none */
    gboolean refusesCancel;
    guint dies;                 /* at this question, from 1; 0: never */
    guint sets, questions;
};

/* In the order of convergeQemuParam, here and below. */
static const fakeQemu pristine = { .values = { 20, 10, 99, 50, TRUE, 300 }, .status = "cancelled" };
static fakeQemu qemu;

static JsonObject *
query(void)
{
    JsonObject *reply = json_object_new();
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (convergeQemuParamIsBoolean(i))
            json_object_set_boolean_member(reply, convergeQemuParamName(i), qemu.values[i] != 0);
        else
            json_object_set_int_member(reply, convergeQemuParamName(i), qemu.values[i]);
    }
    return reply;
}

/* All or nothing. */
static gboolean
setParams(JsonObject *arguments)
{
    fakeQemu merged = qemu;
    gsize i;

    qemu.sets++;
    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        const char *name = convergeQemuParamName(i);

        if (!json_object_has_member(arguments, name))
            continue;
        if (g_strcmp0(name, qemu.refused) == 0)
            return FALSE;
        merged.values[i] = convergeQemuParamIsBoolean(i) ?
            json_object_get_boolean_member(arguments, name) : json_object_get_int_member(arguments, name);
    }
    if (merged.values[CONVERGE_PARAM_INITIAL] > merged.values[CONVERGE_PARAM_MAX])
        return FALSE;
    memcpy(qemu.values, merged.values, sizeof(qemu.values));
    return TRUE;
}

/* What is returned; NULL: an error. */
static char *
answer(const char *name,
       JsonObject *arguments)
{
    if (g_str_equal(name, "query-migrate"))
        return g_strdup_printf("{\"status\":\"%s\"}", qemu.status);
    if (g_str_equal(name, "query-migrate-parameters")) {
        g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

        json_node_take_object(node, query());
        return json_to_string(node, FALSE);
    }
    if (g_str_equal(name, "query-vcpu-dirty-limit"))
        return qemu.limit == 0 ? g_strdup("[]") :
            g_strdup_printf("[{\"cpu-index\":0,\"limit-rate\":%d,\"current-rate\":1}]", (int)qemu.limit);
    if (g_str_equal(name, "cancel-vcpu-dirty-limit") && !qemu.refusesCancel) {
        qemu.limit = 0;
        return g_strdup("{}");
    }
    return g_str_equal(name, "migrate-set-parameters") && setParams(arguments) ? g_strdup("{}") : NULL;
}

static int
fakeMonitor(virDomainPtr dom G_GNUC_UNUSED,
            const char *cmd,
            char **result,
            unsigned int flags G_GNUC_UNUSED)
{
    g_autoptr(JsonNode) node = json_from_string(cmd, NULL);
    JsonObject *command = json_node_get_object(node);
    JsonObject *arguments = json_object_has_member(command, "arguments") ?
        json_object_get_object_member(command, "arguments") : NULL;
    g_autofree char *returned = NULL;
    g_autofree char *reply = NULL;

    if (++qemu.questions == qemu.dies)
        return -1;
    returned = answer(json_object_get_string_member(command, "execute"), arguments);
    reply = returned ? g_strdup_printf("{\"return\":%s}", returned) :
        g_strdup("{\"error\":{\"class\":\"GenericError\",\"desc\":\"it does not want to\"}}");
    *result = strdup(reply);
    return 0;
}

static const convergeLibvirt fake = { .caller = "test", .qemuMonitorCommand = fakeMonitor };
static const convergeMonitor monitor = { &fake, NULL };

/* --- Who puts back --- */

static void
removeTree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        removeTree(child);
    }
    g_remove(path);
}

/* As QEMU's own throttle. */
static const gint64 throttled[CONVERGE_PARAM_LAST] = { OURS, 99, OURS, 1, FALSE, 100 };

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
    return convergeQemuParamsRestore(&params, &monitor, error);
}

static convergeUndoRecord *
recordOf(const char *dir,
         const gint64 *original)
{
    convergeUndoRecord *record = convergeUndoRecordNew(dir, UUID, "busy", getpid(), NULL);
    gsize i;

    g_assert_nonnull(record);
    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        convergeUndoRecordSetParam(record, convergeQemuParamName(i), convergeQemuParamIsBoolean(i), original[i],
                                   convergeQemuParamIsBoolean(i) ? throttled[i] : 1);
        convergeUndoRecordSetParam(record, convergeQemuParamName(i), convergeQemuParamIsBoolean(i), original[i],
                                   throttled[i]);
    }
    return record;
}

static gboolean
putBackByRecord(const gint64 *original,
                GError **error)
{
    g_autofree char *dir = g_dir_make_tmp("undorestoretest-XXXXXX", NULL);
    g_autoptr(convergeUndoRecord) record = recordOf(dir, original);
    guint count;
    gboolean ret;

    g_assert_true(convergeUndoRecordSave(record, NULL));
    ret = convergeUndoRestore(record, &monitor, &count, error);
    g_assert_true(g_file_test(record->path, G_FILE_TEST_EXISTS) == !ret);
    removeTree(dir);
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
        /* All are ours. */
        { { 20, 10, 99, 50, 1, 300 }, { 95, 99, 95, 1, 0, 100 }, { 20, 10, 99, 50, 1, 300 }, 1 },
        /* libvirt has taken back what it knows. */
        { { 20, 10, 99, 50, 1, 300 }, { 20, 10, 95, 1, 0, 300 }, { 20, 10, 99, 50, 1, 300 }, 1 },
        /* Each of them is somebody else's. */
        { { 20, 10, 99, 50, 1, 300 }, { 30, 99, 95, 1, 0, 100 }, { 30, 10, 99, 50, 1, 300 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 95, 33, 95, 1, 0, 100 }, { 20, 33, 99, 50, 1, 300 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 95, 99, 97, 1, 0, 100 }, { 20, 10, 97, 50, 1, 300 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 95, 99, 95, 66, 0, 100 }, { 20, 10, 99, 66, 1, 300 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 95, 99, 95, 1, 0, 777 }, { 20, 10, 99, 50, 1, 777 }, 1 },
        { { 20, 10, 99, 50, 1, 300 }, { 21, 11, 98, 51, 1, 301 }, { 21, 11, 98, 51, 1, 301 }, 0 },
        /* Somebody else has lowered the most that QEMU throttles by. */
        { { 50, 10, 99, 50, 1, 300 }, { 95, 99, 96, 1, 0, 100 }, { 50, 10, 96, 50, 1, 300 }, 1 },
        { { 97, 10, 99, 50, 1, 300 }, { 95, 99, 96, 1, 0, 100 }, { 96, 10, 96, 50, 1, 300 }, 1 },
        { { 98, 10, 98, 50, 1, 300 }, { 20, 10, 40, 50, 1, 300 }, { 20, 10, 40, 50, 1, 300 }, 0 },
        /* Somebody else throttles from more than that was. */
        { { 20, 10, 30, 50, 1, 300 }, { 60, 10, 95, 50, 1, 300 }, { 60, 10, 60, 50, 1, 300 }, 1 },
        { { 20, 10, 30, 50, 1, 300 }, { 95, 10, 95, 50, 1, 300 }, { 20, 10, 30, 50, 1, 300 }, 1 },
    };
    gsize i, j, way;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (way = 0; way < G_N_ELEMENTS(ways); way++) {
            g_autoptr(GError) error = NULL;

            g_test_message("row %zu, way %zu", i, way);
            qemu = pristine;
            memcpy(qemu.values, rows[i].now, sizeof(qemu.values));
            g_assert_true(ways[way](rows[i].original, &error));
            g_assert_no_error(error);
            for (j = 0; j < CONVERGE_PARAM_LAST; j++)
                g_assert_cmpint(qemu.values[j], ==, rows[i].left[j]);
            g_assert_cmpuint(qemu.sets, ==, rows[i].sets);
        }
    }
}

/* In the process that wrote it only the value written last is ours; by a record, each that may
 * have been written. */
static void
testOlderValue(void)
{
    gsize way;

    for (way = 0; way < G_N_ELEMENTS(ways); way++) {
        qemu = pristine;
        memcpy(qemu.values, throttled, sizeof(qemu.values));
        qemu.values[CONVERGE_PARAM_DOWNTIME] = 1;
        g_assert_true(ways[way](pristine.values, NULL));
        g_assert_cmpint(qemu.values[CONVERGE_PARAM_DOWNTIME], ==, way == 0 ? 1 : 300);
        g_assert_cmpint(qemu.values[CONVERGE_PARAM_INITIAL], ==, 20);
    }
}

/* One value that QEMU does not take keeps no other from going back. */
static void
testRefused(void)
{
    gsize i, j, way;

    for (way = 0; way < G_N_ELEMENTS(ways); way++) {
        for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
            g_autoptr(GError) error = NULL;

            qemu = pristine;
            memcpy(qemu.values, throttled, sizeof(qemu.values));
            qemu.refused = convergeQemuParamName(i);
            g_assert_false(ways[way](pristine.values, &error));
            g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
            g_assert_nonnull(strstr(error->message, "it does not want to"));
            for (j = 0; j < CONVERGE_PARAM_LAST; j++)
                g_assert_cmpint(qemu.values[j], ==, i == j ? throttled[j] : pristine.values[j]);
        }
    }
}

/* Each by itself, one waits for another: the initial throttle of before is above the
 * max-cpu-throttle of ours. */
static void
testRefusedOrder(void)
{
    const gint64 original[CONVERGE_PARAM_LAST] = { 98, 10, 99, 50, 1, 300 };
    gsize way;

    for (way = 0; way < G_N_ELEMENTS(ways); way++) {
        qemu = pristine;
        memcpy(qemu.values, throttled, sizeof(qemu.values));
        qemu.refused = "downtime-limit";
        g_assert_false(ways[way](original, NULL));
        g_assert_cmpint(qemu.values[CONVERGE_PARAM_INITIAL], ==, 98);
        g_assert_cmpint(qemu.values[CONVERGE_PARAM_MAX], ==, 99);
    }
}

/* Nobody is there to ask any more: the first question without an answer is the last one. */
static void
testGone(void)
{
    gsize way;
    guint dies;

    for (way = 0; way < G_N_ELEMENTS(ways); way++) {
        for (dies = 1; dies <= 2 + way; dies++) {
            g_autoptr(GError) error = NULL;

            qemu = pristine;
            memcpy(qemu.values, throttled, sizeof(qemu.values));
            qemu.dies = dies;
            g_assert_false(ways[way](pristine.values, &error));
            g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT);
            g_assert_cmpuint(qemu.questions, ==, dies);
        }
    }
}

/* What whoever migrates has stated is libvirt's to take back, once memory has moved. */
static void
testCallers(void)
{
    convergeQemuParams params;

    qemu = pristine;
    memcpy(qemu.values, throttled, sizeof(qemu.values));
    convergeQemuParamsInit(&params, TRUE);
    memcpy(params.original, pristine.values, sizeof(params.original));
    memcpy(params.written, throttled, sizeof(params.written));
    g_assert_true(convergeQemuParamsIsCallers(&params, CONVERGE_PARAM_INITIAL));
    g_assert_true(convergeQemuParamsIsCallers(&params, CONVERGE_PARAM_INCREMENT));
    g_assert_false(convergeQemuParamsIsCallers(&params, CONVERGE_PARAM_MAX));

    convergeQemuParamsEnd(&params);
    g_assert_true(convergeQemuParamsRestore(&params, &monitor, NULL));
    g_assert_cmpint(qemu.values[CONVERGE_PARAM_INITIAL], ==, OURS);
    g_assert_cmpint(qemu.values[CONVERGE_PARAM_INCREMENT], ==, 99);
    g_assert_cmpint(qemu.values[CONVERGE_PARAM_MAX], ==, 99);
    g_assert_cmpint(qemu.values[CONVERGE_PARAM_THRESHOLD], ==, 50);

    convergeQemuParamsInit(&params, FALSE);
    g_assert_false(convergeQemuParamsIsCallers(&params, CONVERGE_PARAM_INITIAL));
}

/* --- A whole record --- */

static char *
newDir(convergeVcpuGroup *group)
{
    char *dir = g_dir_make_tmp("undorestoretest-XXXXXX", NULL);

    *group = (convergeVcpuGroup) { .unified = TRUE, .quotaUs = -1, .periodUs = 100000, .capUs = 1000000 };
    group->directory = g_build_filename(dir, "vcpu0", NULL);
    g_assert_cmpint(g_mkdir(group->directory, 0755), ==, 0);
    return dir;
}

static void
putMax(const convergeVcpuGroup *group,
       const char *text)
{
    g_autofree char *path = g_build_filename(group->directory, "cpu.max", NULL);

    g_remove(path);
    g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
}

static void
assertMax(const convergeVcpuGroup *group,
          const char *expected)
{
    g_autofree char *path = g_build_filename(group->directory, "cpu.max", NULL);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(g_strstrip(text), ==, expected);
}

static convergeUndoRecord *
wholeRecord(const char *dir,
            const convergeVcpuGroup *group)
{
    convergeUndoRecord *record = recordOf(dir, pristine.values);
    g_autoptr(GHashTable) rates = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);

    g_hash_table_insert(rates, g_new0(gint64, 1), g_memdup2(&(gint64){ 200 }, sizeof(gint64)));
    convergeUndoRecordSetDirtyRates(record, rates);
    convergeUndoRecordAddGroup(record, group);
    g_assert_true(convergeUndoRecordSave(record, NULL));
    return record;
}

/* Each of the three can fail, and keeps no other from going back; the record stays until all is
 * done. */
static void
testWhole(void)
{
    enum { QUOTA, LIMIT, PARAM, NOTHING, LAST };
    int failing;

    for (failing = 0; failing < LAST; failing++) {
        convergeVcpuGroup group;
        g_autofree char *dir = newDir(&group);
        g_autoptr(convergeUndoRecord) record = wholeRecord(dir, &group);
        g_autoptr(GError) error = NULL;
        guint count;

        qemu = pristine;
        memcpy(qemu.values, throttled, sizeof(qemu.values));
        qemu.limit = 100;
        qemu.refusesCancel = failing == LIMIT;
        qemu.refused = failing == PARAM ? "downtime-limit" : NULL;
        putMax(&group, failing == QUOTA ? "strange" : "1000 100000");

        g_assert_true(convergeUndoRestore(record, &monitor, &count, &error) == (failing == NOTHING));
        g_assert_true((error != NULL) == (failing != NOTHING));
        assertMax(&group, failing == QUOTA ? "strange" : "max 100000");
        g_assert_cmpint(qemu.limit, ==, failing == LIMIT ? 100 : 0);
        g_assert_cmpint(qemu.values[CONVERGE_PARAM_DOWNTIME], ==, failing == PARAM ? 100 : 300);
        g_assert_cmpint(qemu.values[CONVERGE_PARAM_INITIAL], ==, 20);
        g_assert_cmpuint(count, ==, CONVERGE_PARAM_LAST - (failing == PARAM));
        g_assert_true(g_file_test(record->path, G_FILE_TEST_EXISTS) == (failing != NOTHING));
        removeTree(dir);
        g_free(group.directory);
    }
}

static void
testStillMigrating(void)
{
    convergeVcpuGroup group;
    g_autofree char *dir = newDir(&group);
    g_autoptr(convergeUndoRecord) record = wholeRecord(dir, &group);
    g_autoptr(GError) error = NULL;
    guint count;

    qemu = pristine;
    qemu.status = "active";
    memcpy(qemu.values, throttled, sizeof(qemu.values));
    qemu.limit = 100;
    putMax(&group, "1000 100000");
    g_assert_false(convergeUndoRestore(record, &monitor, &count, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    g_assert_cmpuint(qemu.sets, ==, 0);
    g_assert_cmpint(qemu.limit, ==, 100);
    g_assert_true(g_file_test(record->path, G_FILE_TEST_EXISTS));
    removeTree(dir);
    g_free(group.directory);
}

/* A limit of somebody else stays, unless the record does not tell whose it is. */
static void
testLimits(void)
{
    int old;

    for (old = 0; old < 2; old++) {
        convergeVcpuGroup group;
        g_autofree char *dir = newDir(&group);
        g_autoptr(convergeUndoRecord) record = wholeRecord(dir, &group);
        guint count;

        if (old) {
            g_clear_pointer(&record->dirtyRates, g_hash_table_unref);
            record->anyDirtyLimit = TRUE;
        }
        qemu = pristine;
        qemu.limit = 333;
        putMax(&group, "max 100000");
        g_assert_true(convergeUndoRestore(record, &monitor, &count, NULL));
        g_assert_cmpint(qemu.limit, ==, old ? 0 : 333);
        removeTree(dir);
        g_free(group.directory);
    }
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
    g_test_add_func("/undorestore/whole", testWhole);
    g_test_add_func("/undorestore/still-migrating", testStillMigrating);
    g_test_add_func("/undorestore/limits", testLimits);
    return g_test_run();
}
