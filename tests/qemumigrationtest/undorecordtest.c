/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undorecordtest.c: records of what to undo, and invalid files
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"
#include "undo/undo_file.h"
#include "util/text.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

/* A directory for records that does not exist yet, in a new one that does. */
typedef struct _place place;
struct _place {
    char *top;
    char *dir;
    char *file;
};

static void
placeInit(place *p)
{
    p->top = filesNewDir();
    p->dir = g_build_filename(p->top, "run", "converge", NULL);
    p->file = g_build_filename(p->dir, UUID ".json", NULL);
}

static void
placeClear(place *p)
{
    filesRemove(p->top);
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

    g_assert_true(convergeUndoFileSave(record, &error));
    g_assert_no_error(error);
}

/* Writes the file as another program would. */
static void
writeText(const place *p,
          const char *text)
{
    g_assert_cmpint(g_mkdir_with_parents(p->dir, 0700), ==, 0);
    filesPut(p->file, text);
}

static void
keep(convergeUndoRecord *record,
     const char *member,
     const char *text)
{
    g_autoptr(JsonNode) value = json_from_string(text, NULL);

    convergeUndoRecordKeep(record, member, value);
}

static void
assertKept(const convergeUndoRecord *record,
           const char *member,
           const char *expected)
{
    g_autofree char *text = json_to_string(json_object_get_member(record->kept, member), FALSE);

    g_assert_cmpstr(text, ==, expected);
}

static gboolean
loads(const place *p)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(p->dir, UUID);

    return record != NULL;
}

/* The form of the file is fixed, since other versions of this program read it. */
static void
testRoundTrip(void)
{
    static const char groups[] = "[{\"directory\":\"/c/machine-qemu\\\\x2d1.scope/vcpu3\",\"unified\":true,"
                                 "\"quota-us\":-1,\"period-us\":100000,\"cap-us\":300000}]";
    static const char params[] = "[{\"name\":\"downtime-limit\",\"original\":300,\"written\":[100,50]},"
                                 "{\"name\":\"cpu-throttle-tailslow\",\"original\":true,\"written\":[false]}]";
    static const char limits[] = "[{\"cpu-index\":7,\"rate\":240}]";
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autoptr(convergeUndoRecord) read = NULL;
    g_autofree char *expected = NULL;
    struct stat st;

    placeInit(&p);
    record = newRecord(&p);
    keep(record, "groups", "[]");
    keep(record, "groups", groups);
    keep(record, "parameters", params);
    keep(record, "dirty-limits", limits);
    g_assert_false(loads(&p));
    save(record);

    g_assert_cmpint(g_stat(p.dir, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0700);
    g_assert_cmpint(g_stat(p.file, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0600);
    expected = g_strdup_printf("{\"version\":1,\"uuid\":\"" UUID "\",\"name\":\"busy \\\"guest\\\" [1]\","
                               "\"writer\":{\"pid\":%d,\"start\":%" G_GUINT64_FORMAT "},"
                               "\"qemu\":{\"pid\":%d,\"start\":%" G_GUINT64_FORMAT "},"
                               "\"groups\":%s,\"parameters\":%s,\"dirty-limits\":%s}",
                               (int)getpid(), record->writer.start, (int)getpid(), record->qemu.start,
                               groups, params, limits);
    filesAssert(p.file, expected);

    read = convergeUndoFileLoad(p.dir, UUID);
    g_assert_nonnull(read);
    g_assert_cmpstr(read->dir, ==, p.dir);
    g_assert_cmpstr(read->uuid, ==, UUID);
    g_assert_cmpstr(read->name, ==, "busy \"guest\" [1]");
    g_assert_true(convergeUndoRecordIsMine(read));
    g_assert_true(convergeUndoRecordQemuLives(read));
    g_assert_cmpuint(json_object_get_size(read->kept), ==, 3);
    assertKept(read, "groups", groups);
    assertKept(read, "parameters", params);
    assertKept(read, "dirty-limits", limits);

    g_assert_true(convergeUndoFileRemove(read, NULL));
    g_assert_false(loads(&p));
    g_assert_true(convergeUndoFileRemove(read, NULL));
}

static void
testCopy(void)
{
    convergeUndoRecord *record = convergeUndoRecordNew("/records", UUID, "busy", getpid(), NULL);
    const convergeUndoProcess writer = record->writer;
    g_autoptr(convergeUndoRecord) copy = NULL;

    keep(record, "groups", "[{}]");
    copy = convergeUndoRecordCopy(record);
    keep(record, "groups", "[]");
    keep(record, "parameters", "[]");
    keep(copy, "dirty-limits", "[7]");
    assertKept(record, "groups", "[]");
    g_assert_false(json_object_has_member(record->kept, "dirty-limits"));
    convergeUndoRecordFree(record);

    g_assert_cmpstr(copy->dir, ==, "/records");
    g_assert_cmpstr(copy->uuid, ==, UUID);
    g_assert_cmpstr(copy->name, ==, "busy");
    g_assert_cmpint(copy->writer.pid, ==, writer.pid);
    g_assert_cmpuint(copy->writer.start, ==, writer.start);
    g_assert_true(convergeUndoRecordQemuLives(copy));
    g_assert_cmpuint(json_object_get_size(copy->kept), ==, 2);
    assertKept(copy, "groups", "[{}]");
    g_assert_true(json_node_is_immutable(json_object_get_member(copy->kept, "groups")));
}

/* Keeps @n groups of vCPUs, each at @directory with its number appended. */
static void
keepGroups(convergeUndoRecord *record,
           const char *directory,
           int n)
{
    g_autoptr(GString) text = g_string_new("[");
    int i;

    for (i = 0; i < n; i++)
        g_string_append_printf(text, "%s{\"directory\":\"%s%d\",\"unified\":false,\"quota-us\":-1,"
                                     "\"period-us\":100000,\"cap-us\":1000000}",
                               i > 0 ? "," : "", directory, i);
    g_string_append_c(text, ']');
    keep(record, "groups", text->str);
}

/* A record that could not be read back is not written, and the old file stays. */
static void
testRefusedSave(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    placeInit(&p);
    record = newRecord(&p);
    save(record);
    /* The largest number of vCPUs that QEMU supports can be recorded. */
    keepGroups(record, "/sys/fs/cgroup/machine.slice/machine-qemu\\\\x2d12345\\\\x2da\\\\x2dlong\\\\x2dname.scope/libvirt/vcpu", 4096);
    save(record);
    g_assert_true(loads(&p));

    keepGroups(record, "/c/vcpu", 14000);
    g_assert_false(convergeUndoFileSave(record, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_true(loads(&p));

    g_clear_error(&error);
    keepGroups(record, "not absolute", 1);
    g_assert_false(convergeUndoFileSave(record, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_true(loads(&p));

    g_clear_error(&error);
    g_assert_null(convergeUndoRecordNew(p.dir, "../" UUID, "busy", getpid(), &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_clear_error(&error);
    g_assert_null(convergeUndoRecordNew(p.dir, UUID, "busy", 0, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
}

/* The parts of a valid file. */
#define HEAD "{\"version\":1,\"uuid\":\"" UUID "\",\"name\":\"busy\","
#define PROCESSES "\"writer\":{\"pid\":1,\"start\":1},\"qemu\":{\"pid\":1,\"start\":1},"
#define GROUP(directory, unified, quota, period, cap) \
    "{\"directory\":" directory ",\"unified\":" unified ",\"quota-us\":" quota \
    ",\"period-us\":" period ",\"cap-us\":" cap "}"
#define GOOD_GROUP GROUP("\"/c/vcpu0\"", "false", "-1", "100000", "1000000")
#define REST(groups, params) "\"groups\":[" groups "],\"parameters\":[" params "]}"
#define PARAM(name, original, written) \
    "{\"name\":" name ",\"original\":" original ",\"written\":" written "}"
#define LIMITS(array) "\"dirty-limits\":" array ","
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
        { TRUE, HEAD PROCESSES REST("", PARAM("\"x\"", "0", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]")) },
        { TRUE, HEAD PROCESSES LIMITS("[]") REST("", "") },
        { TRUE, HEAD PROCESSES LIMITS("[{\"cpu-index\":3,\"rate\":0}]") REST("", "") },
        { TRUE, HEAD PROCESSES "\"dirty-limit\":true," REST("", "") },
        { TRUE, HEAD PROCESSES "\"groups\":[]}" },
        { TRUE, HEAD PROCESSES "\"parameters\":[],\"of another version\":{}}" },
        { FALSE, HEAD PROCESSES LIMITS("null") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("{}") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("[7]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("[{}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("[{\"cpu-index\":3}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("[{\"cpu-index\":-1,\"rate\":1}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("[{\"cpu-index\":1e9,\"rate\":1}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("[{\"cpu-index\":3,\"rate\":-1}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("[{\"cpu-index\":3,\"rate\":9223372036854775807}]") REST("", "") },
        { FALSE, HEAD PROCESSES LIMITS("[{\"cpu-index\":3,\"rate\":\"1\"}]") REST("", "") },
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
        { FALSE, HEAD PROCESSES "\"groups\":null}" },
        { FALSE, HEAD PROCESSES "\"parameters\":7}" },
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
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("row %zu", i);
        writeText(&p, rows[i].text);
        g_assert_true(loads(&p) == rows[i].good);
    }
}

/* A valid file cut off anywhere, and with each byte changed. */
static void
testGarbage(void)
{
    static const char good[] = HEAD PROCESSES
        LIMITS("[{\"cpu-index\":3,\"rate\":5}]") REST(GOOD_GROUP, GOOD_PARAM);
    g_auto(place) p = { 0 };
    g_autofree char *deep = g_strnfill(1024 * 1024, '[');
    g_autofree char *text = g_strdup(good);
    gsize i;

    placeInit(&p);
    for (i = 0; i < strlen(good); i++) {
        g_autofree char *beginning = g_strndup(good, i);

        writeText(&p, beginning);
        g_assert_false(loads(&p));

        text[i] ^= (char)g_test_rand_int_range(1, 256);
        writeText(&p, text);
        loads(&p);
        text[i] = good[i];
    }

    writeText(&p, deep);
    g_assert_false(loads(&p));
}

static void
testForeignFiles(void)
{
    static const int writable[] = { 0020, 0002 };
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *link = NULL;
    g_autofree char *other = NULL;
    g_autofree char *blanks = g_strnfill(1024 * 1024, ' ');
    g_autofree char *text = NULL;
    g_autofree char *huge = NULL;
    gsize i;

    placeInit(&p);
    record = newRecord(&p);
    save(record);
    g_assert_true(loads(&p));

    for (i = 0; i < G_N_ELEMENTS(writable); i++) {
        g_assert_cmpint(g_chmod(p.file, 0600 | writable[i]), ==, 0);
        g_assert_false(loads(&p));
        g_assert_cmpint(g_chmod(p.file, 0644), ==, 0);
        g_assert_true(loads(&p));

        g_assert_cmpint(g_chmod(p.dir, 0700 | writable[i]), ==, 0);
        g_assert_false(loads(&p));
        g_assert_false(convergeUndoFileSave(record, NULL));
        g_assert_cmpint(g_chmod(p.dir, 0755), ==, 0);
        g_assert_true(loads(&p));
    }

    g_assert_true(g_file_get_contents(p.file, &text, NULL, NULL));
    huge = g_strconcat(text, blanks, NULL);
    writeText(&p, huge);
    g_assert_false(loads(&p));

    other = g_build_filename(p.top, "other", NULL);
    filesPut(other, text);
    g_assert_cmpint(g_remove(p.file), ==, 0);
    g_assert_cmpint(symlink(other, p.file), ==, 0);
    g_assert_false(loads(&p));

    g_assert_cmpint(g_remove(p.file), ==, 0);
    g_assert_cmpint(mkfifo(p.file, 0600), ==, 0);
    g_assert_false(loads(&p));

    g_assert_cmpint(g_remove(p.file), ==, 0);
    g_assert_cmpint(g_mkdir(p.file, 0700), ==, 0);
    g_assert_false(loads(&p));
    g_assert_false(convergeUndoFileSave(record, NULL));
    g_assert_false(convergeUndoFileRemove(record, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_cmpint(g_remove(p.file), ==, 0);

    save(record);
    link = g_build_filename(p.top, "link", NULL);
    g_assert_cmpint(symlink(p.dir, link), ==, 0);
    g_assert_null(convergeUndoFileLoad(link, UUID));
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
    g_autofree char *foreign = NULL;
    gsize i;

    placeInit(&p);
    none = convergeUndoFileLoadAll(p.dir);
    g_assert_cmpuint(none->len, ==, 0);

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(convergeUndoRecord) record =
            convergeUndoRecordNew(p.dir, names[i], names[i], getpid(), NULL);

        save(record);
    }
    garbage = g_build_filename(p.dir, "d.json", NULL);
    temporary = g_build_filename(p.dir, "a.json.X1Y2Z3", NULL);
    filesPut(garbage, "{");
    foreign = g_build_filename(p.dir, "b-1.lock", NULL);
    filesPut(temporary, "{");
    filesPut(foreign, "");
    all = convergeUndoFileLoadAll(p.dir);
    g_assert_cmpuint(all->len, ==, G_N_ELEMENTS(names));
}

/* A directory with too many files. */
static void
testManyFiles(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(GPtrArray) all = NULL;
    int i;

    placeInit(&p);
    g_assert_cmpint(g_mkdir_with_parents(p.dir, 0700), ==, 0);
    for (i = 0; i < 1030; i++) {
        g_autofree char *file = g_strdup_printf("%s/%d.json", p.dir, i);
        g_autofree char *text = g_strdup_printf("{\"version\":1,\"uuid\":\"%d\",\"name\":\"busy\"," PROCESSES REST("", ""), i);

        filesPut(file, text);
    }
    all = convergeUndoFileLoadAll(p.dir);
    g_assert_cmpuint(all->len, ==, 1024);
}

/* A name must not be a path, nor longer than a UUID may be. */
static void
testNames(void)
{
    g_auto(place) p = { 0 };
    g_autofree char *longest = g_strnfill(64, 'a');
    g_autofree char *tooLong = g_strnfill(65, 'a');
    const char *const bad[] = { "", ".", "../x", "a.b", "A", "a b", tooLong };
    gsize i;

    placeInit(&p);
    g_assert_cmpint(g_mkdir_with_parents(p.dir, 0700), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *file = g_strdup_printf("%s/%s.json", p.dir, bad[i]);
        g_autofree char *text = g_strdup_printf("{\"version\":1,\"uuid\":\"%s\",\"name\":\"busy\"," PROCESSES REST("", ""), bad[i]);

        filesPut(file, text);
        g_assert_null(convergeUndoFileLoad(p.dir, bad[i]));
        g_assert_null(convergeUndoRecordNew(p.dir, bad[i], "busy", getpid(), NULL));
    }

    convergeUndoRecordFree(convergeUndoRecordNew(p.dir, longest, "busy", getpid(), NULL));
    g_assert_true(convergeTextIsName(longest));
}

/* The record's processes, and whether they live. */
static void
testProcesses(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autoptr(convergeUndoRecord) other = NULL;
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

    other = convergeUndoRecordNewBy(p.dir, UUID, "busy", &record->qemu, &record->qemu);
    g_assert_true(convergeUndoRecordWriterLives(other));
    g_assert_false(convergeUndoRecordIsMine(other));

    close(waiting[1]);
    close(waiting[0]);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    g_assert_false(convergeUndoRecordQemuLives(record));

    /* Another process with the same pid. */
    record->writer.start++;
    g_assert_false(convergeUndoRecordWriterLives(record));
    g_assert_false(convergeUndoRecordIsMine(record));
}

/* A process that puts back what another one has left does not remove the record of a third one. */
static void
testRemoveForeign(void)
{
    g_auto(place) p = { 0 };
    g_autoptr(convergeUndoRecord) old = NULL;
    g_autoptr(convergeUndoRecord) record = NULL;

    placeInit(&p);
    old = newRecord(&p);
    old->writer.start--;
    save(old);
    record = newRecord(&p);
    save(record);
    g_assert_true(convergeUndoFileRemove(old, NULL));
    g_assert_true(loads(&p));
    g_assert_true(convergeUndoFileRemove(record, NULL));
    g_assert_false(loads(&p));
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/undorecord/round-trip", testRoundTrip);
    g_test_add_func("/undorecord/copy", testCopy);
    g_test_add_func("/undorecord/refused-save", testRefusedSave);
    g_test_add_func("/undorecord/contents", testContents);
    g_test_add_func("/undorecord/garbage", testGarbage);
    g_test_add_func("/undorecord/foreign-files", testForeignFiles);
    g_test_add_func("/undorecord/load-all", testLoadAll);
    g_test_add_func("/undorecord/many-files", testManyFiles);
    g_test_add_func("/undorecord/names", testNames);
    g_test_add_func("/undorecord/processes", testProcesses);
    g_test_add_func("/undorecord/remove-foreign", testRemoveForeign);
    return g_test_run();
}
