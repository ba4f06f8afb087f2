/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undorecordtest.c: records of what to undo, and files that are none
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "undo/undo_record.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

/* A directory for records that does not exist yet, in one that does. */
typedef struct _place place;
struct _place {
    char *top;
    char *dir;
    char *file;
};

static void
placeInit(place *p)
{
    p->top = g_dir_make_tmp("undorecordtest-XXXXXX", NULL);
    g_assert_nonnull(p->top);
    p->dir = g_build_filename(p->top, "run", "converge", NULL);
    p->file = g_build_filename(p->dir, UUID ".json", NULL);
}

static void
removeTree(const char *path)
{
    g_autoptr(GDir) dir = NULL;
    const char *name;

    if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK))
        dir = g_dir_open(path, 0, NULL);
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        removeTree(child);
    }
    g_remove(path);
}

static void
placeClear(place *p)
{
    removeTree(p->top);
    g_free(p->top);
    g_free(p->dir);
    g_free(p->file);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(place, placeClear)

static convergeUndoRecord *
newRecord(const place *p)
{
    g_autoptr(GError) error = NULL;
    convergeUndoRecord *record = convergeUndoRecordNew(p->dir, UUID, "busy \"guest\" [1]", getpid(),
                                                       &error);

    g_assert_no_error(error);
    return record;
}

static void
save(const convergeUndoRecord *record)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(convergeUndoRecordSave(record, &error));
    g_assert_no_error(error);
}

/* Without waiting for the disk; older GLib then does not shorten a file. */
static void
writeText(const char *file,
          const char *text,
          gssize length)
{
    g_remove(file);
    g_assert_true(g_file_set_contents_full(file, text, length, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static gboolean
loads(const place *p)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordLoad(p->dir, UUID);

    return record != NULL;
}

static void
testRoundTrip(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autoptr(convergeUndoRecord) read = NULL;
    convergeVcpuGroup group = {
        .directory = (char *)"/sys/fs/cgroup/machine.slice/machine-qemu\\x2d1.scope/libvirt/vcpu3",
        .unified = TRUE,
        .quotaUs = CONVERGE_CGROUP_NO_QUOTA,
        .periodUs = 100000,
        .capUs = 300000,
    };
    const gint64 measured[][2] = { { 0, 240 }, { 7, 0 }, { 255, 31 } };
    g_autoptr(GHashTable) rates = NULL;
    const convergeVcpuGroup *readGroup;
    const convergeUndoParam *param;
    struct stat st;
    gsize i;

    placeInit(&p);
    record = newRecord(&p);
    convergeUndoRecordAddGroup(record, &group);
    convergeUndoRecordSetParam(record, "downtime-limit", FALSE, 300, 50);
    convergeUndoRecordSetParam(record, "cpu-throttle-tailslow", TRUE, TRUE, FALSE);
    convergeUndoRecordSetParam(record, "downtime-limit", FALSE, 300, 100);
    convergeUndoRecordSetParam(record, "downtime-limit", FALSE, 300, 50);
    rates = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    for (i = 0; i < G_N_ELEMENTS(measured); i++)
        g_hash_table_insert(rates, g_memdup2(&measured[i][0], sizeof(gint64)),
                            g_memdup2(&measured[i][1], sizeof(gint64)));
    convergeUndoRecordSetDirtyRates(record, rates);
    convergeUndoRecordSetDirtyRates(record, rates);
    g_assert_false(loads(&p));
    save(record);

    g_assert_cmpint(g_stat(p.dir, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0700);
    g_assert_cmpint(g_stat(p.file, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0600);

    read = convergeUndoRecordLoad(p.dir, UUID);
    g_assert_nonnull(read);
    g_assert_cmpstr(read->uuid, ==, UUID);
    g_assert_cmpstr(read->name, ==, "busy \"guest\" [1]");
    g_assert_false(read->anyDirtyLimit);
    g_assert_nonnull(read->dirtyRates);
    g_assert_cmpuint(g_hash_table_size(read->dirtyRates), ==, G_N_ELEMENTS(measured));
    for (i = 0; i < G_N_ELEMENTS(measured); i++)
        g_assert_cmpint(*(gint64 *)g_hash_table_lookup(read->dirtyRates, &measured[i][0]), ==, measured[i][1]);
    g_assert_cmpuint(read->groups->len, ==, 1);
    readGroup = g_ptr_array_index(read->groups, 0);
    g_assert_cmpstr(readGroup->directory, ==, group.directory);
    g_assert_true(readGroup->unified);
    g_assert_cmpint(readGroup->quotaUs, ==, -1);
    g_assert_cmpint(readGroup->periodUs, ==, 100000);
    g_assert_cmpint(readGroup->capUs, ==, 300000);

    g_assert_cmpuint(read->params->len, ==, 2);
    param = g_ptr_array_index(read->params, 0);
    g_assert_cmpstr(param->name, ==, "downtime-limit");
    g_assert_false(param->boolean);
    g_assert_cmpint(param->original, ==, 300);
    g_assert_cmpuint(param->written->len, ==, 2);
    g_assert_cmpint(g_array_index(param->written, gint64, 0), ==, 100);
    g_assert_cmpint(g_array_index(param->written, gint64, 1), ==, 50);
    param = g_ptr_array_index(read->params, 1);
    g_assert_true(param->boolean);
    g_assert_cmpint(param->original, ==, TRUE);
    g_assert_cmpint(g_array_index(param->written, gint64, 0), ==, FALSE);

    g_assert_true(convergeUndoRecordRemove(read, NULL));
    g_assert_false(loads(&p));
    g_assert_true(convergeUndoRecordRemove(read, NULL));
}

/* Endless changes of a parameter do not make the record grow. */
static void
testManyValues(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    const convergeUndoParam *param;
    gint64 value;

    placeInit(&p);
    record = newRecord(&p);
    for (value = 0; value < 100000; value++)
        convergeUndoRecordSetParam(record, "downtime-limit", FALSE, 300, value);
    save(record);
    param = g_ptr_array_index(record->params, 0);
    g_assert_cmpuint(param->written->len, <=, 16);
    g_assert_cmpint(g_array_index(param->written, gint64, param->written->len - 1), ==, 99999);
}

/* What is not read back is not written, and the old file stays. */
static void
testRefusedSave(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autoptr(GError) error = NULL;
    convergeVcpuGroup group = { .directory = (char *)"/c/vcpu0", .quotaUs = -1, .periodUs = 100000, .capUs = 1000000 };
    convergeVcpuGroup large = group;
    gsize i;

    large.directory = (char *)"/sys/fs/cgroup/machine.slice/machine-qemu\\x2d12345\\x2da\\x2dlong\\x2dname.scope/libvirt/vcpu4095";
    placeInit(&p);
    record = newRecord(&p);
    save(record);
    /* As many vCPUs as QEMU has at the most can be recorded. */
    for (i = 0; i < 4096; i++)
        convergeUndoRecordAddGroup(record, &large);
    g_assert_true(convergeUndoRecordSave(record, NULL));
    g_assert_true(loads(&p));

    for (i = 0; i < 10000; i++)
        convergeUndoRecordAddGroup(record, &group);
    g_assert_false(convergeUndoRecordSave(record, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_true(loads(&p));

    g_clear_error(&error);
    g_assert_null(convergeUndoRecordNew(p.dir, "../" UUID, "busy", getpid(), &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_clear_error(&error);
    g_assert_null(convergeUndoRecordNew(p.dir, UUID, "busy", 0, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
}

/* The parts of a file of the right form. */
#define HEAD "{\"version\":1,\"uuid\":\"" UUID "\",\"name\":\"busy\","
#define PROCESSES "\"writer\":{\"pid\":1,\"start\":1},\"qemu\":{\"pid\":1,\"start\":1},"
#define GROUP(directory, unified, quota, period, cap) \
    "{\"directory\":" directory ",\"unified\":" unified ",\"quota-us\":" quota \
    ",\"period-us\":" period ",\"cap-us\":" cap "}"
#define GOOD_GROUP GROUP("\"/c/vcpu0\"", "false", "-1", "100000", "1000000")
#define REST(groups, params) "\"groups\":[" groups "],\"parameters\":[" params "]}"
#define PARAM(name, original, written) \
    "{\"name\":" name ",\"original\":" original ",\"written\":" written "}"
#define LIMITS(flag, array) "\"dirty-limit\":" flag ",\"dirty-limits\":" array ","
#define GOOD_PARAM PARAM("\"downtime-limit\"", "300", "[50]")

static void
testContents(void)
{
    static const struct {
        gboolean good;
        const char *text;
    } rows[] = {
        { TRUE, HEAD PROCESSES REST(GOOD_GROUP, GOOD_PARAM) },
        { TRUE, HEAD PROCESSES REST("", "") },
        { TRUE, HEAD PROCESSES REST("", PARAM("\"x\"", "true", "[false,true]")) },
        { TRUE, HEAD PROCESSES LIMITS("true", "[]") REST("", "") },
        { TRUE, HEAD PROCESSES LIMITS("true", "[{\"cpu-index\":3,\"rate\":0}]") REST("", "") },
        { TRUE, HEAD PROCESSES "\"dirty-limit\":true," REST("", "") },
        { TRUE, HEAD PROCESSES "\"dirty-limit\":false," REST("", "") },
        { FALSE, HEAD PROCESSES "\"dirty-limit\":1," REST("", "") },
        { FALSE, HEAD PROCESSES "\"dirty-limit\":[]," REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "null") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "{}") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "[7]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "[{}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "[{\"cpu-index\":3}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "[{\"cpu-index\":-1,\"rate\":1}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "[{\"cpu-index\":1e9,\"rate\":1}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "[{\"cpu-index\":3,\"rate\":-1}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "[{\"cpu-index\":3,\"rate\":9223372036854775807}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("true", "[{\"cpu-index\":3,\"rate\":\"1\"}]") REST("", "") },
        { FALSE, "" },
        { FALSE, "{}" },
        { FALSE, "[]" },
        { FALSE, "null" },
        { FALSE, "\"" },
        { FALSE, "{\"version\":" },
        { FALSE, "\xff\xfe\x80{}" },
        { FALSE, HEAD "\"name\":\"\xff\"," PROCESSES REST("", "") },
        { FALSE, "{\"version\":2,\"uuid\":\"" UUID "\",\"name\":\"busy\"," PROCESSES REST("", "") },
        { FALSE, "{\"version\":\"1\",\"uuid\":\"" UUID "\",\"name\":\"busy\"," PROCESSES REST("", "") },
        { FALSE, "{\"version\":1,\"uuid\":\"other\",\"name\":\"busy\"," PROCESSES REST("", "") },
        { FALSE, "{\"version\":1,\"uuid\":[],\"name\":{}," PROCESSES REST("", "") },
        { FALSE, "{\"version\":1,\"uuid\":\"" UUID "\",\"name\":7," PROCESSES REST("", "") },
        { FALSE, HEAD REST("", "") },
        { FALSE, HEAD "\"writer\":1,\"qemu\":[]," REST("", "") },
        { FALSE, HEAD "\"writer\":{\"pid\":-1,\"start\":1},\"qemu\":{\"pid\":1,\"start\":1}," REST("", "") },
        { FALSE, HEAD "\"writer\":{\"pid\":1,\"start\":1},\"qemu\":{\"pid\":1e99,\"start\":1}," REST("", "") },
        { FALSE, HEAD PROCESSES "\"groups\":{},\"parameters\":[]}" },
        { FALSE, HEAD PROCESSES "\"groups\":[]}" },
        { FALSE, HEAD PROCESSES REST("1", "") },
        { FALSE, HEAD PROCESSES REST("null", "") },
        { FALSE, HEAD PROCESSES REST("[]", "") },
        { FALSE, HEAD PROCESSES REST("{}", "") },
        { FALSE, HEAD PROCESSES REST(GROUP("\"c/vcpu0\"", "false", "-1", "100000", "1000000"), "") },
        { FALSE, HEAD PROCESSES REST(GROUP("\"/etc/passwd\"", "false", "-1", "100000", "1000000"), "") },
        { FALSE, HEAD PROCESSES REST(GROUP("\"/c/../vcpu0\"", "false", "-1", "100000", "1000000"), "") },
        { FALSE, HEAD PROCESSES REST(GROUP("7", "false", "-1", "100000", "1000000"), "") },
        { FALSE, HEAD PROCESSES REST(GROUP("\"/c/vcpu0\"", "0", "-1", "100000", "1000000"), "") },
        { FALSE, HEAD PROCESSES REST(GROUP("\"/c/vcpu0\"", "false", "-2", "100000", "1000000"), "") },
        { FALSE, HEAD PROCESSES REST(GROUP("\"/c/vcpu0\"", "false", "-1", "0", "1000000"), "") },
        { FALSE, HEAD PROCESSES REST(GROUP("\"/c/vcpu0\"", "false", "-1", "100000", "0"), "") },
        { FALSE, HEAD PROCESSES REST(GROUP("\"/c/vcpu0\"", "false", "-1", "100000", "9223372036854775807"), "") },
        { FALSE, HEAD PROCESSES REST("", "7") },
        { FALSE, HEAD PROCESSES REST("", "{}") },
        { FALSE, HEAD PROCESSES REST("", PARAM("\"\"", "300", "[50]")) },
        { FALSE, HEAD PROCESSES REST("", PARAM("\"A b\"", "300", "[50]")) },
        { FALSE, HEAD PROCESSES REST("", PARAM("\"x\"", "null", "[50]")) },
        { FALSE, HEAD PROCESSES REST("", PARAM("\"x\"", "\"300\"", "[50]")) },
        { FALSE, HEAD PROCESSES REST("", PARAM("\"x\"", "{}", "[50]")) },
        { FALSE, HEAD PROCESSES REST("", PARAM("\"x\"", "1.5", "[50]")) },
        { FALSE, HEAD PROCESSES REST("", PARAM("\"x\"", "300", "50")) },
        { FALSE, HEAD PROCESSES REST("", PARAM("\"x\"", "300", "[true]")) },
        { FALSE, HEAD PROCESSES REST("", PARAM("\"x\"", "300", "[[50]]")) },
    };
    g_auto(place) p = { 0 };
    gsize i;

    placeInit(&p);
    g_assert_cmpint(g_mkdir_with_parents(p.dir, 0700), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("row %zu", i);
        writeText(p.file, rows[i].text, -1);
        g_assert_true(loads(&p) == rows[i].good);
    }
}

/* The record of an older program does not tell what its limits derive from. */
static void
testOldDirtyLimit(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autoptr(convergeUndoRecord) again = NULL;

    placeInit(&p);
    g_assert_cmpint(g_mkdir_with_parents(p.dir, 0700), ==, 0);
    writeText(p.file, HEAD PROCESSES "\"dirty-limit\":true," REST("", ""), -1);
    record = convergeUndoRecordLoad(p.dir, UUID);
    g_assert_nonnull(record);
    g_assert_true(record->anyDirtyLimit);
    g_assert_null(record->dirtyRates);
    save(record);
    again = convergeUndoRecordLoad(p.dir, UUID);
    g_assert_true(again->anyDirtyLimit);
}

/* Every beginning of a good file, and it with each byte changed. */
static void
testGarbage(void)
{
    static const char good[] = HEAD PROCESSES
        LIMITS("true", "[{\"cpu-index\":3,\"rate\":5}]") REST(GOOD_GROUP, GOOD_PARAM);
    g_auto(place) p = { 0 };
    g_autofree char *deep = g_strnfill(1024 * 1024, '[');
    g_autofree char *text = g_strdup(good);
    gsize i;

    placeInit(&p);
    g_assert_cmpint(g_mkdir_with_parents(p.dir, 0700), ==, 0);
    for (i = 0; i < strlen(good); i++) {
        writeText(p.file, good, (gssize)i);
        g_assert_false(loads(&p));

        text[i] ^= (char)g_test_rand_int_range(1, 256);
        writeText(p.file, text, (gssize)strlen(good));
        loads(&p);
        text[i] = good[i];
    }

    writeText(p.file, deep, -1);
    g_assert_false(loads(&p));
}

static void
testForeignFiles(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autofree char *other = NULL;
    g_autofree char *blanks = g_strnfill(1024 * 1024, ' ');
    g_autofree char *text = NULL;
    g_autofree char *huge = NULL;

    placeInit(&p);
    record = newRecord(&p);
    save(record);
    g_assert_true(loads(&p));

    g_assert_cmpint(g_chmod(p.file, 0620), ==, 0);
    g_assert_false(loads(&p));
    g_assert_cmpint(g_chmod(p.file, 0644), ==, 0);
    g_assert_true(loads(&p));

    g_assert_cmpint(g_chmod(p.dir, 0777), ==, 0);
    g_assert_false(loads(&p));
    g_assert_false(convergeUndoRecordSave(record, NULL));
    g_assert_cmpint(g_chmod(p.dir, 0700), ==, 0);

    g_assert_true(g_file_get_contents(p.file, &text, NULL, NULL));
    huge = g_strconcat(text, blanks, NULL);
    writeText(p.file, huge, -1);
    g_assert_false(loads(&p));

    other = g_build_filename(p.top, "other", NULL);
    writeText(other, text, -1);
    g_assert_cmpint(g_remove(p.file), ==, 0);
    g_assert_cmpint(symlink(other, p.file), ==, 0);
    g_assert_false(loads(&p));

    g_assert_cmpint(g_remove(p.file), ==, 0);
    g_assert_cmpint(mkfifo(p.file, 0600), ==, 0);
    g_assert_false(loads(&p));

    g_assert_cmpint(g_remove(p.file), ==, 0);
    g_assert_cmpint(g_mkdir(p.file, 0700), ==, 0);
    g_assert_false(loads(&p));
    g_assert_false(convergeUndoRecordSave(record, NULL));
    g_assert_cmpint(g_remove(p.file), ==, 0);

    save(record);
    if (geteuid() == 0) {
        g_assert_cmpint(chown(p.file, 65534, 65534), ==, 0);
        g_assert_false(loads(&p));
    }
}

static void
testLoadAll(void)
{
    static const char *const names[] = { "a", "b-1", "c" };
    g_auto(place) p = { 0 };
    g_autoptr(GPtrArray) none = NULL;
    g_autoptr(GPtrArray) all = NULL;
    g_autofree char *garbage = NULL;
    g_autofree char *temporary = NULL;
    gsize i;

    placeInit(&p);
    none = convergeUndoRecordLoadAll(p.dir);
    g_assert_cmpuint(none->len, ==, 0);

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(convergeUndoRecord) record =
            convergeUndoRecordNew(p.dir, names[i], names[i], getpid(), NULL);

        save(record);
    }
    garbage = g_build_filename(p.dir, "d.json", NULL);
    temporary = g_build_filename(p.dir, "a.json.X1Y2Z3", NULL);
    writeText(garbage, "{", -1);
    writeText(temporary, "{", -1);
    all = convergeUndoRecordLoadAll(p.dir);
    g_assert_cmpuint(all->len, ==, G_N_ELEMENTS(names));
}

/* Whose it is, and whether those still live. */
static void
testProcesses(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    int waiting[2];
    pid_t child;
    char c;

    placeInit(&p);
    g_assert_cmpint(pipe(waiting), ==, 0);
    child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        close(waiting[1]);
        _exit(read(waiting[0], &c, 1) > 0);
    }

    record = convergeUndoRecordNew(p.dir, UUID, "busy", child, NULL);
    g_assert_true(convergeUndoRecordWriterLives(record));
    g_assert_true(convergeUndoRecordIsMine(record));
    g_assert_true(convergeUndoRecordQemuLives(record));

    close(waiting[1]);
    close(waiting[0]);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    g_assert_false(convergeUndoRecordQemuLives(record));

    /* Another process under an old id. */
    record->writerStart++;
    g_assert_false(convergeUndoRecordWriterLives(record));
    g_assert_false(convergeUndoRecordIsMine(record));
}

/* Who puts back what another process has left does not remove what a third one has begun. */
static void
testRemoveForeign(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) old = NULL;
    g_autoptr(convergeUndoRecord) record = NULL;

    placeInit(&p);
    old = newRecord(&p);
    old->writerStart--;
    save(old);
    record = newRecord(&p);
    save(record);
    g_assert_true(convergeUndoRecordRemove(old, NULL));
    g_assert_true(loads(&p));
    g_assert_true(convergeUndoRecordRemove(record, NULL));
    g_assert_false(loads(&p));
}

static void
testRestoreGroups(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autoptr(convergeUndoRecord) read = NULL;
    g_autofree char *directory = NULL;
    g_autofree char *max = NULL;
    g_autofree char *text = NULL;
    convergeVcpuGroup group = { .unified = TRUE, .quotaUs = -1, .periodUs = 100000, .capUs = 1000000 };

    placeInit(&p);
    directory = group.directory = g_build_filename(p.top, "vcpu0", NULL);
    max = g_build_filename(directory, "cpu.max", NULL);
    g_assert_cmpint(g_mkdir(directory, 0755), ==, 0);
    record = newRecord(&p);
    convergeUndoRecordAddGroup(record, &group);
    save(record);

    writeText(max, "1000 100000\n", -1);
    read = convergeUndoRecordLoad(p.dir, UUID);
    g_assert_true(convergeUndoRecordRestoreGroups(read, NULL));
    g_assert_true(g_file_get_contents(max, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "max 100000");

    writeText(max, "garbage", -1);
    g_assert_false(convergeUndoRecordRestoreGroups(read, NULL));
    g_assert_cmpint(g_remove(max), ==, 0);
    g_assert_true(convergeUndoRecordRestoreGroups(read, NULL));
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/undorecord/round-trip", testRoundTrip);
    g_test_add_func("/undorecord/many-values", testManyValues);
    g_test_add_func("/undorecord/refused-save", testRefusedSave);
    g_test_add_func("/undorecord/contents", testContents);
    g_test_add_func("/undorecord/old-dirty-limit", testOldDirtyLimit);
    g_test_add_func("/undorecord/garbage", testGarbage);
    g_test_add_func("/undorecord/foreign-files", testForeignFiles);
    g_test_add_func("/undorecord/load-all", testLoadAll);
    g_test_add_func("/undorecord/processes", testProcesses);
    g_test_add_func("/undorecord/remove-foreign", testRemoveForeign);
    g_test_add_func("/undorecord/restore-groups", testRestoreGroups);
    return g_test_run();
}
