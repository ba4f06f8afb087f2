/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_record.h: what has to be put back if this process is killed
 *
 * There is one record for each domain that is being migrated.  A process that changes something
 * of a guest saves the guest's record before (undo_file.h), and removes the record when
 * everything is as it was.  After a crash the next daemon finds it (module/recovery.c).
 *
 * A record names two processes: the one that wrote it, which puts things back itself as long as it
 * lives, and the QEMU that it is about, since another QEMU may have taken its place.
 *
 * What has to be put back are the members that the throttle methods write down
 * (throttle/throttle.h); a record does not know what is in them.
 *
 * Threads: no state but in the objects; one thread at a time for each.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <sys/types.h>

#include "util/error.h"

/* A process or a thread.  The two values together are never used again. */
typedef struct _convergeUndoProcess convergeUndoProcess;
struct _convergeUndoProcess {
    pid_t pid;
    guint64 start;      /* clock ticks since boot, proc(5) starttime */
};

typedef struct _convergeUndoRecord convergeUndoRecord;
struct _convergeUndoRecord {
    char *dir;          /* of the record's file */
    char *uuid;         /* of the domain, as libvirt writes it */
    char *name;         /* of the domain, for messages */
    convergeUndoProcess writer;
    convergeUndoProcess qemu;   /* QEMU, or one of its threads that lives as long */
    JsonObject *kept;   /* the members that throttle methods have written down; each is immutable */
};

/* A record of nothing, written by this process; without a file.
 * @qemu: the process id of QEMU or the thread id of one of its vCPUs
 * NULL with CONVERGE_ERROR_IO: there is no such process, or @uuid is not one. */
convergeUndoRecord *convergeUndoRecordNew(const char *dir, const char *uuid, const char *name,
                                          pid_t qemu, GError **error);

/* A record of nothing, by any process about any QEMU. */
convergeUndoRecord *convergeUndoRecordNewBy(const char *dir, const char *uuid, const char *name,
                                            const convergeUndoProcess *writer,
                                            const convergeUndoProcess *qemu);

/* The same record for another thread: what is kept in one is not kept in the other. */
convergeUndoRecord *convergeUndoRecordCopy(const convergeUndoRecord *record);

/* Leaves the file as it is. */
void convergeUndoRecordFree(convergeUndoRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeUndoRecord, convergeUndoRecordFree)

/* Writes @value down as @member, in place of an earlier value.  @value becomes immutable; a
 * reference to it is taken. */
void convergeUndoRecordKeep(convergeUndoRecord *record, const char *member, JsonNode *value);

/* Whether the process lives that wrote the record, and whether it is this one. */
gboolean convergeUndoRecordWriterLives(const convergeUndoRecord *record);
gboolean convergeUndoRecordIsMine(const convergeUndoRecord *record);

/* Whether the QEMU lives that the record is about. */
gboolean convergeUndoRecordQemuLives(const convergeUndoRecord *record);
