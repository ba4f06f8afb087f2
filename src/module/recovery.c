/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recovery.c: put back what a daemon that was killed had changed
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <unistd.h>

#include "actuator/undo_restore.h"
#include "module/libvirt_next.h"
#include "module/recovery.h"

/* A cancelled migration takes QEMU seconds at the most to wind up. */
#define TRIES 60
#define TRY_SECONDS 1

/* This daemon as its clients see it.  Without the socket's path the in-process driver
 * would be taken, which is there before it is fit to be used. */
static char *daemonUri;
static gboolean left;           /* the thread has something to do; set before it starts */

/* Held while one record is dealt with, libvirt calls included: either the thread does
 * that or the migration that waits for it. */
static GMutex mutex;

/* --- Files --- */

void
convergeRecoveryLoad(const char *daemon)
{
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    g_autoptr(GPtrArray) records = convergeUndoRecordLoadAll(dir);
    g_autofree char *run = g_path_get_dirname(dir);
    guint i;

    daemonUri = g_strdup_printf("qemu+unix:///%s?socket=%s/%s",
                                geteuid() == 0 ? "system" : "session", run,
                                g_str_equal(daemon, "virtqemud") ? "virtqemud-sock" : "libvirt-sock");

    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);
        g_autoptr(GError) error = NULL;

        /* A second daemon, by mistake. */
        if (convergeUndoRecordWriterLives(record))
            continue;

        left = TRUE;
        if (convergeUndoRecordQemuLives(record) && !convergeUndoRecordRestoreGroups(record, &error))
            convergeNextLog("%s: %s", record->name, error->message);
    }
}

void
convergeRecoveryUnload(void)
{
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    g_autoptr(GPtrArray) records = convergeUndoRecordLoadAll(dir);
    guint i;

    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);

        /* Not those of the daemon that this process was forked from. */
        if (convergeUndoRecordIsMine(record) && convergeUndoRecordQemuLives(record))
            convergeUndoRecordRestoreGroups(record, NULL);
    }
}

/* --- QEMU --- */

/* Of the daemon's own client. */
static const convergeLibvirt socketCalls = {
    .caller = "daemon",
    .qemuMonitorCommand = virDomainQemuMonitorCommand,
};

static gboolean
recover(virDomainPtr domain,
        const convergeUndoRecord *record,
        GError **error)
{
    const convergeMonitor monitor = { &socketCalls, domain };
    guint params;

    if (!convergeUndoRestore(record, &monitor, &params, error))
        return FALSE;

    convergeNextLog("%s: after an interrupted migration, %u vCPU quotas and %u of QEMU's "
                    "parameters are as they were", record->name, record->groups->len, params);
    return TRUE;
}

/* With the mutex held. */
static gboolean
recoverLocked(const char *uuid,
              virConnectPtr connection,
              virDomainPtr domain,
              GError **error)
{
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordLoad(dir, uuid);
    gboolean ret;

    if (!record || convergeUndoRecordWriterLives(record))
        return TRUE;

    if (!convergeUndoRecordQemuLives(record))
        return convergeUndoRecordRemove(record, error);

    if (domain)
        return recover(domain, record, error);

    if (!(domain = virDomainLookupByUUIDString(connection, uuid))) {
        convergeErrorSetLibvirt(error, uuid);
        return FALSE;
    }
    ret = recover(domain, record, error);
    virDomainFree(domain);
    return ret;
}

/* TRUE: there is nothing left of @uuid.  @domain NULL: looked up if need be. */
static gboolean
recoverUuid(const char *uuid,
            virConnectPtr connection,
            virDomainPtr domain,
            GError **error)
{
    gboolean ret;

    g_mutex_lock(&mutex);
    ret = recoverLocked(uuid, connection, domain, error);
    g_mutex_unlock(&mutex);
    return ret;
}

gboolean
convergeRecoveryDomain(virDomainPtr domain,
                       GError **error)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    if (virDomainGetUUIDString(domain, uuid) < 0) {
        convergeErrorSetLibvirt(error, "virDomainGetUUIDString");
        return FALSE;
    }
    return recoverUuid(uuid, NULL, domain, error);
}

/* --- The thread --- */

/* TRUE: no record is left.  @last: also log why. */
static gboolean
recoverAll(virConnectPtr connection,
           gboolean last)
{
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    g_autoptr(GPtrArray) records = convergeUndoRecordLoadAll(dir);
    gboolean ret = TRUE;
    guint i;

    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);
        g_autoptr(GError) error = NULL;

        if (recoverUuid(record->uuid, connection, NULL, &error))
            continue;
        ret = FALSE;
        if (last)
            convergeNextLog("%s: not all is put back after an interrupted migration: %s",
                            record->name, error->message);
    }
    return ret;
}

static gpointer
run(gpointer opaque G_GNUC_UNUSED)
{
    virConnectPtr connection = NULL;
    int try;

    /* Waits in the queue of the socket until the daemon accepts clients. */
    for (try = 1; try <= TRIES; try++) {
        if (!connection)
            connection = virConnectOpen(daemonUri);
        if (connection && recoverAll(connection, try == TRIES))
            break;
        g_usleep(TRY_SECONDS * G_USEC_PER_SEC);
    }

    if (connection)
        virConnectClose(connection);
    else
        convergeNextLog("cannot connect to %s to recover from an interrupted migration", daemonUri);
    return NULL;
}

void
convergeRecoveryStart(void)
{
    static gsize started;
    g_autoptr(GError) error = NULL;
    GThread *thread;

    if (!g_once_init_enter(&started))
        return;
    g_once_init_leave(&started, 1);

    if (!left)
        return;
    if ((thread = g_thread_try_new("converge-undo", run, NULL, &error)))
        g_thread_unref(thread);
    else
        convergeNextLog("cannot recover from an interrupted migration: %s", error->message);
}
