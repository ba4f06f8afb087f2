/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recovery.c: put back what a daemon that was killed had changed
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <unistd.h>

#include "actuator/dirty_limit.h"
#include "actuator/qmp.h"
#include "actuator/undo_record.h"
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

/* --- Parameters --- */

/* Of the daemon's own client. */
static const convergeLibvirt socketCalls = {
    .caller = "daemon",
    .qemuMonitorCommand = virDomainQemuMonitorCommand,
};

static JsonObject *
monitor(virDomainPtr domain,
        const char *name,
        JsonObject *arguments,
        GError **error)
{
    const convergeMonitor qmp = { &socketCalls, domain };

    return convergeQmpRunObject(&qmp, name, arguments, error);
}

/* Whether QEMU is done with the migration: qapi/migration.json, MigrationStatus. */
static gboolean
isMigrating(virDomainPtr domain,
            gboolean *migrating,
            GError **error)
{
    static const char *const ended[] = { "none", "completed", "failed", "cancelled", NULL };
    g_autoptr(JsonObject) reply = monitor(domain, "query-migrate", NULL, error);

    if (!reply)
        return FALSE;

    *migrating = !g_strv_contains(ended, json_object_get_string_member_with_default(reply, "status",
                                                                                    "none"));
    return TRUE;
}

static gboolean
cancelLimit(virDomainPtr domain,
            const convergeUndoRecord *record,
            GError **error)
{
    const convergeMonitor qmp = { &socketCalls, domain };
    convergeDirtyLimit limit = { .stands = record->dirtyLimit };

    return convergeDirtyLimitCancel(&limit, &qmp, error);
}

static gboolean
carriesOurs(JsonObject *current,
            const convergeUndoParam *param)
{
    gint64 value;
    guint i;

    if (!json_object_has_member(current, param->name))
        return FALSE;

    if (param->boolean)
        value = json_object_get_boolean_member_with_default(current, param->name, FALSE);
    else
        value = json_object_get_int_member_with_default(current, param->name, -1);

    for (i = 0; i < param->written->len; i++) {
        if (g_array_index(param->written, gint64, i) == value)
            return value != param->original;
    }
    return FALSE;
}

/* All in one command: QEMU checks the merged set.  @count: how many. */
static gboolean
restoreParams(virDomainPtr domain,
              const convergeUndoRecord *record,
              guint *count,
              GError **error)
{
    g_autoptr(JsonObject) current = NULL;
    g_autoptr(JsonObject) reply = NULL;
    g_autoptr(JsonObject) arguments = json_object_new();
    guint i;

    *count = 0;
    if (record->params->len == 0)
        return TRUE;

    if (!(current = monitor(domain, "query-migrate-parameters", NULL, error)))
        return FALSE;

    for (i = 0; i < record->params->len; i++) {
        const convergeUndoParam *param = g_ptr_array_index(record->params, i);

        if (!carriesOurs(current, param))
            continue;
        if (param->boolean)
            json_object_set_boolean_member(arguments, param->name, param->original != 0);
        else
            json_object_set_int_member(arguments, param->name, param->original);
        ++*count;
    }

    return *count == 0 || (reply = monitor(domain, "migrate-set-parameters", arguments, error));
}

static gboolean
recover(virDomainPtr domain,
        const convergeUndoRecord *record,
        GError **error)
{
    gboolean migrating;
    guint params;

    if (!isMigrating(domain, &migrating, error))
        return FALSE;
    if (migrating) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("QEMU has not ended the interrupted migration"));
        return FALSE;
    }

    if (!convergeUndoRecordRestoreGroups(record, error) ||
        !cancelLimit(domain, record, error) ||
        !restoreParams(domain, record, &params, error) ||
        !convergeUndoRecordRemove(record, error))
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
