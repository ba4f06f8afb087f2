/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_record.h: what has to be put back if this process is killed
 *
 * Each domain that is being migrated has one record.  A process saves the record before it changes
 * anything of the guest (undo_file.h), and removes it when everything is as it was.  After a crash
 * the next daemon finds it (module/recovery.c).
 *
 * A record names two processes: its writer, which puts things back itself as long as it lives, and
 * the QEMU that the record is about, since the domain may have been started anew.
 *
 * What has to be put back is in the members that the throttle methods write down
 * (throttle/throttle.h); a record does not know what is in them.
 *
 * Threads: one at a time for each record.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <sys/types.h>

#include "util/error.h"

/* A process or a thread.  Unlike a pid alone, the two values together are never reused. */
typedef struct _convergeUndoProcess convergeUndoProcess;
struct _convergeUndoProcess {
    pid_t pid;
    guint64 start; /* clock ticks since boot, proc(5) starttime */
};

typedef struct _convergeUndoRecord convergeUndoRecord;
struct _convergeUndoRecord {
    char *dir;  /* of the record's file */
    char *uuid; /* of the domain, as libvirt writes it */
    char *name; /* of the domain, for messages */
    convergeUndoProcess writer;
    convergeUndoProcess qemu; /* QEMU, or one of its threads that lives as long */
    JsonObject *kept;         /* the members that throttle methods have written down; each is immutable */
};

/* Makes an empty record, with this process as its writer, and no file.
 * @qemu: the process id of QEMU or the thread id of one of its vCPUs
 * Returns NULL with CONVERGE_ERROR_IO set if there is no such process, or @uuid is invalid. */
convergeUndoRecord *convergeUndoRecordNew(const char *dir, const char *uuid, const char *name,
                                          pid_t qemu, GError **error);

/* Makes an empty record with any writer and QEMU. */
convergeUndoRecord *convergeUndoRecordNewBy(const char *dir, const char *uuid, const char *name,
                                            const convergeUndoProcess *writer,
                                            const convergeUndoProcess *qemu);

/* Makes a copy, for another thread; a later change of one does not change the other. */
convergeUndoRecord *convergeUndoRecordCopy(const convergeUndoRecord *record);

/* Frees the record, and leaves its file as it is. */
void convergeUndoRecordFree(convergeUndoRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeUndoRecord, convergeUndoRecordFree)

/* Writes @value down as @member, in place of an earlier value.  @value becomes immutable; a
 * reference to it is taken. */
void convergeUndoRecordKeep(convergeUndoRecord *record, const char *member, JsonNode *value);

/* Whether the record's writer lives, and whether the writer is this process. */
gboolean convergeUndoRecordWriterLives(const convergeUndoRecord *record);
gboolean convergeUndoRecordIsMine(const convergeUndoRecord *record);

/* Whether the QEMU that the record is about lives. */
gboolean convergeUndoRecordQemuLives(const convergeUndoRecord *record);
