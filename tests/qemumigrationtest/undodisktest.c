/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undodisktest.c: records of what to undo, on a disk that does not answer
 */
#include <fcntl.h>
#include <unistd.h>

#include "files.h"
#include "undo/undo_disk.h"
#include "undo/undo_file.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

static struct {
    GMutex mutex;
    GCond changed;
    gboolean stuck;
} disk;

int
unlink(const char *path)
{
    g_mutex_lock(&disk.mutex);
    while (disk.stuck)
        g_cond_wait(&disk.changed, &disk.mutex);
    g_mutex_unlock(&disk.mutex);
    return unlinkat(AT_FDCWD, path, 0);
}

static void
setStuck(gboolean stuck)
{
    g_mutex_lock(&disk.mutex);
    disk.stuck = stuck;
    g_cond_signal(&disk.changed);
    g_mutex_unlock(&disk.mutex);
}

static convergeUndoRecord *
newRecord(const char *dir)
{
    g_autoptr(GError) error = NULL;
    convergeUndoRecord *record = convergeUndoRecordNew(dir, UUID, "busy", getpid(), &error);

    g_assert_no_error(error);
    return record;
}

/* As another version might: records are read with members that this one does not know. */
static void
keep(convergeUndoRecord *record,
     const char *member,
     const char *text)
{
    g_autoptr(JsonNode) value = json_from_string(text, NULL);

    convergeUndoRecordKeep(record, member, value);
}

static void
assertNote(const convergeUndoRecord *record,
           const char *expected)
{
    g_assert_nonnull(record);
    g_assert_cmpstr(json_object_get_string_member(record->kept, "note"), ==, expected);
}

/* The same as without a bound. */
static void
testQuick(void)
{
    g_autofree char *dir = filesNewDir();
    g_auto(convergeUndoDisk) quick = { NULL };
    g_autoptr(convergeUndoRecord) record = newRecord(dir);
    g_autoptr(convergeUndoRecord) read = NULL;
    g_autoptr(convergeUndoRecord) again = NULL;
    g_autoptr(convergeUndoRecord) none = NULL;
    g_autoptr(GError) error = NULL;

    keep(record, "note", "\"good\"");
    g_assert_true(convergeUndoDiskSave(&quick, record, NULL));
    g_assert_true(convergeUndoDiskLoad(&quick, dir, UUID, &read, NULL));
    assertNote(read, "good");

    keep(record, "groups", "[7]");
    g_assert_false(convergeUndoDiskSave(&quick, record, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD);
    g_assert_true(convergeUndoDiskLoad(&quick, dir, UUID, &again, NULL));
    assertNote(again, "good");

    g_assert_true(convergeUndoDiskRemove(&quick, record, NULL));
    g_assert_true(convergeUndoDiskLoad(&quick, dir, UUID, &none, NULL));
    g_assert_null(none);
    filesRemove(dir);
}

/* The caller goes on.  What it has asked for is done later, in order, with what the record held
 * then. */
static void
testStuck(void)
{
    g_autofree char *dir = filesNewDir();
    convergeUndoDisk slow = { NULL };
    convergeUndoRecord *record = newRecord(dir);
    g_autoptr(convergeUndoRecord) read = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(convergeUndoFileSave(record, NULL));
    setStuck(TRUE);
    g_assert_false(convergeUndoDiskRemove(&slow, record, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD);
    keep(record, "note", "\"then\"");
    g_assert_false(convergeUndoDiskSave(&slow, record, NULL));
    keep(record, "note", "\"later\"");
    convergeUndoRecordFree(record);
    convergeUndoDiskClear(&slow);

    setStuck(FALSE);
    while (!(read = convergeUndoFileLoad(dir, UUID)) || !json_object_has_member(read->kept, "note")) {
        g_clear_pointer(&read, convergeUndoRecordFree);
        g_usleep(1000);
    }
    assertNote(read, "then");
    filesRemove(dir);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/undodisk/quick", testQuick);
    g_test_add_func("/undodisk/stuck", testStuck);
    return g_test_run();
}
