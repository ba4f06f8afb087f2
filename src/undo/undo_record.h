/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_record.h: what has to be put back if this process is killed
 *
 * One file for each domain that is being migrated, UUID.json, in a directory that goes
 * away with the running system, as what it speaks of does.  Whoever changes something of
 * a guest saves its record before, and removes it when everything is as it was.  After a
 * crash the next daemon finds the record (module/recovery.c).
 *
 * A record names two processes, each by its id and start time, which together are never
 * used again: the one that wrote it, which puts things back itself as long as it lives,
 * and the QEMU that it is about, since another QEMU may have taken its place.
 *
 * Nothing in a file is believed that this program would not have written: files of other
 * owners, that others may write to, that are no regular files, larger than 1 MiB or not
 * of this form are ignored.
 *
 * Threads: no state but in the objects; one thread at a time each.  Errors are
 * CONVERGE_ERROR_IO.
 */
#pragma once

#include "throttle/vcpu_quota.h"

/* One of QEMU's migration parameters. */
typedef struct _convergeUndoParam convergeUndoParam;
struct _convergeUndoParam {
    char *name;         /* as in QMP */
    gboolean boolean;   /* of type bool in QMP, otherwise an integer */
    gint64 original;
    GArray *written;    /* of gint64: what we may have set it to, the newest last */
};

typedef struct _convergeUndoRecord convergeUndoRecord;
struct _convergeUndoRecord {
    char *path;         /* of the file */
    char *uuid;         /* of the domain, as libvirt writes it */
    char *name;         /* of the domain, for messages */
    pid_t writer;
    guint64 writerStart;    /* clock ticks since boot, proc(5) starttime */
    pid_t qemu;         /* QEMU, or one of its threads that lives as long */
    guint64 qemuStart;
    GPtrArray *groups;  /* of convergeVcpuGroup */
    GPtrArray *params;  /* of convergeUndoParam */
    /* The rates from which QEMU's limits of the vCPUs' dirty rate derive, as
     * convergeVcpuShares has them; NULL: there are none, unless... */
    GHashTable *dirtyRates;
    gboolean anyDirtyLimit; /* ...an older program wrote the record, which did not tell them */
};

/* /run/libvirt/converge, or for other users than root the like in theirs.  g_free(). */
char *convergeUndoRecordDefaultDir(void);

/* A record without content, written by this process; not yet in the file.
 * @qemu: the process id of QEMU or the thread id of one of its vCPUs
 * NULL: there is no such process, or @uuid is none. */
convergeUndoRecord *convergeUndoRecordNew(const char *dir, const char *uuid, const char *name,
                                          pid_t qemu, GError **error);

/* Leaves the file as it is. */
void convergeUndoRecordFree(convergeUndoRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeUndoRecord, convergeUndoRecordFree)

/* A group whose quota will be changed; copied. */
void convergeUndoRecordAddGroup(convergeUndoRecord *record, const convergeVcpuGroup *group);

/* The groups of @quota, in place of those that the record has. */
void convergeUndoRecordSetGroups(convergeUndoRecord *record, const convergeVcpuQuota *quota);

/* Parameter @name, which was @original before we changed anything, will be set to @value;
 * may be called anew for each value.  The newest 16 values are kept, so that one counts
 * as ours also if the process is killed before it is set. */
void convergeUndoRecordSetParam(convergeUndoRecord *record, const char *name, gboolean boolean,
                                gint64 original, gint64 value);

/* Limits of the vCPUs' dirty rate will be derived from @rates; a reference is taken. */
void convergeUndoRecordSetDirtyRates(convergeUndoRecord *record, GHashTable *rates);

/* Writes the file, at once or not at all, and makes the directory (mode 0700) if need be.
 * Fails where the record could not be read back: too large, say. */
gboolean convergeUndoRecordSave(const convergeUndoRecord *record, GError **error);

/* Removes the file.  No error if there is none, or that of another process, which has begun
 * a record of its own meanwhile and keeps it. */
gboolean convergeUndoRecordRemove(const convergeUndoRecord *record, GError **error);

/* Puts the quotas of the record back: files only, no libvirt call.  Goes on after a
 * failure, and reports the first. */
gboolean convergeUndoRecordRestoreGroups(const convergeUndoRecord *record, GError **error);

/* The record of one domain; NULL: none, or none that can be believed. */
convergeUndoRecord *convergeUndoRecordLoad(const char *dir, const char *uuid);

/* All records of a directory, 1024 at the most: an array of convergeUndoRecord, perhaps
 * empty, to be unreferenced. */
GPtrArray *convergeUndoRecordLoadAll(const char *dir);

/* Whether the process lives that wrote the record, and whether it is this one. */
gboolean convergeUndoRecordWriterLives(const convergeUndoRecord *record);
gboolean convergeUndoRecordIsMine(const convergeUndoRecord *record);

/* Whether the QEMU lives that the record is about. */
gboolean convergeUndoRecordQemuLives(const convergeUndoRecord *record);
