/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_disk.c: records of what to undo, on a disk that may not answer
 */
#include <glib/gi18n-lib.h>

#include "undo/undo_disk.h"
#include "undo/undo_file.h"

/* The most calls that may wait for the disk. */
#define QUEUE_MAX 8

/* What the worker may go on using for as long as the disk takes; reference-counted. */
typedef struct _undoCall undoCall;
struct _undoCall {
    char *dir;
    char *uuid;
    convergeUndoRecord *record;
    GError *error;
};

static void
undoCallClear(gpointer opaque)
{
    undoCall *call = opaque;

    g_free(call->dir);
    g_free(call->uuid);
    convergeUndoRecordFree(call->record);
    g_clear_error(&call->error);
}

static void
undoCallUnref(gpointer call)
{
    g_atomic_rc_box_release_full(call, undoCallClear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(undoCall, undoCallUnref)

static undoCall *
undoCallNew(const char *dir,
            const char *uuid,
            convergeUndoRecord *record)
{
    undoCall *call = g_atomic_rc_box_new0(undoCall);

    call->dir = g_strdup(dir);
    call->uuid = g_strdup(uuid);
    call->record = record;
    return call;
}

void
convergeUndoDiskClear(convergeUndoDisk *disk)
{
    g_clear_pointer(&disk->worker, convergeWorkerFree);
}

static void
save(void *opaque)
{
    undoCall *call = opaque;

    convergeUndoFileSave(call->record, &call->error);
}

static void
removeFile(void *opaque)
{
    undoCall *call = opaque;

    convergeUndoFileRemove(call->record, &call->error);
}

static void
load(void *opaque)
{
    undoCall *call = opaque;

    call->record = convergeUndoFileLoad(call->dir, call->uuid);
}

/* Returns TRUE if the disk has answered without an error; then @call may be read. */
static gboolean
runCall(convergeUndoDisk *disk,
        undoCall *call,
        void (*run)(void *opaque),
        GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (!disk->worker &&
        !(disk->worker = convergeWorkerNew("converge-record", QUEUE_MAX, &cause))) {
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD, cause->message);
        return FALSE;
    }

    if (!convergeWorkerPush(disk->worker, run, g_atomic_rc_box_acquire(call), undoCallUnref) ||
        !convergeWorkerWait(disk->worker, CONVERGE_UNDO_PATIENCE_MS)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD,
                    _("the directory '%1$s' does not answer within %2$d ms"),
                    call->dir, CONVERGE_UNDO_PATIENCE_MS);
        return FALSE;
    }

    convergeUndoDiskClear(disk);
    if (call->error)
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD, call->error->message);
    return !call->error;
}

static gboolean
runOnCopy(convergeUndoDisk *disk,
          const convergeUndoRecord *record,
          void (*run)(void *opaque),
          GError **error)
{
    g_autoptr(undoCall) call = undoCallNew(record->dir, record->uuid, convergeUndoRecordCopy(record));

    return runCall(disk, call, run, error);
}

gboolean
convergeUndoDiskSave(convergeUndoDisk *disk,
                     const convergeUndoRecord *record,
                     GError **error)
{
    return runOnCopy(disk, record, save, error);
}

gboolean
convergeUndoDiskRemove(convergeUndoDisk *disk,
                       const convergeUndoRecord *record,
                       GError **error)
{
    return runOnCopy(disk, record, removeFile, error);
}

gboolean
convergeUndoDiskLoad(convergeUndoDisk *disk,
                     const char *dir,
                     const char *uuid,
                     convergeUndoRecord **record,
                     GError **error)
{
    g_autoptr(undoCall) call = undoCallNew(dir, uuid, NULL);

    if (!runCall(disk, call, load, error))
        return FALSE;
    *record = g_steal_pointer(&call->record);
    return TRUE;
}
