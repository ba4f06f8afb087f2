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
#include "actuator/undo_bounded.h"
#include "module/libvirt_next.h"
#include "module/recovery.h"

/* A cancelled migration takes QEMU seconds at the most to wind up. */
#define TRIES 60
#define TRY_SECONDS 1

/* Guests that are dealt with at a time: as many may have a QEMU that does not answer. */
#define GUESTS_MAX 64

/* Who waits for longer than this is worth a line in the log; and a migration does not wait
 * longer for another thread. */
#define PATIENCE_MS 5000
#define UNLOAD_MS 2000

/* This daemon as its clients see it.  Without the socket's path the in-process driver
 * would be taken, which is there before it is fit to be used. */
static char *daemonUri;

static GMutex mutex;            /* guards all below */
static GCond released;
static GHashTable *claimed;     /* UUID strings of guests that are dealt with */

/* --- Claims --- */

/* One thread at a time deals with a guest.  FALSE: another one still does after @ms. */
static gboolean
claim(const char *uuid,
      gint64 ms)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&mutex);
    gint64 until = g_get_monotonic_time() + ms * 1000;

    if (!claimed)
        claimed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    while (g_hash_table_contains(claimed, uuid)) {
        if (!g_cond_wait_until(&released, &mutex, until))
            return FALSE;
    }
    g_hash_table_add(claimed, g_strdup(uuid));
    return TRUE;
}

static void
release(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&mutex);

    g_hash_table_remove(claimed, uuid);
    g_cond_broadcast(&released);
}

/* --- Files --- */

void
convergeRecoveryLoad(const char *daemon)
{
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    g_autofree char *run = g_path_get_dirname(dir);

    daemonUri = g_strdup_printf("qemu+unix:///%s?socket=%s/%s",
                                geteuid() == 0 ? "system" : "session", run,
                                g_str_equal(daemon, "virtqemud") ? "virtqemud-sock" : "libvirt-sock");
}

static void
restoreMine(void *opaque G_GNUC_UNUSED)
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

void
convergeRecoveryUnload(void)
{
    convergeRunBounded("converge-undo", restoreMine, NULL, NULL, UNLOAD_MS);
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

/* Everything that is left, by a record whose QEMU lives. */
static gboolean
putBack(virDomainPtr domain,
        const convergeUndoRecord *record,
        GError **error)
{
    guint params;

    if (!convergeUndoRecordRestoreGroups(record, error) ||
        !cancelLimit(domain, record, error) ||
        !restoreParams(domain, record, &params, error))
        return FALSE;

    convergeNextLog("%s: after an interrupted migration, %u vCPU quotas and %u of QEMU's "
                    "parameters are as they were", record->name, record->groups->len, params);
    return TRUE;
}

gboolean
convergeRecoveryDomain(virDomainPtr domain,
                       gboolean callerThrottle,
                       GError **error)
{
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    g_autoptr(convergeUndoRecord) record = NULL;
    g_auto(convergeUndoDisk) disk = { NULL };
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    gboolean ret;

    if (virDomainGetUUIDString(domain, uuid) < 0) {
        convergeErrorSetLibvirt(error, "virDomainGetUUIDString");
        return FALSE;
    }
    if (!claim(uuid, PATIENCE_MS)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("what an interrupted migration has left is not put back yet, since QEMU does not answer"));
        return FALSE;
    }

    ret = convergeUndoLoad(&disk, dir, uuid, &record, error);
    /* A record of this daemon is of a job that has ended, and could not remove it. */
    if (ret && record &&
        (convergeUndoRecordIsMine(record) || !convergeUndoRecordWriterLives(record)))
        ret = (!convergeUndoRecordQemuLives(record) || putBack(domain, record, error)) &&
            convergeUndoRemove(&disk, record, error);
    release(uuid);
    return ret;
}

/* --- The threads --- */

/* TRUE: nothing is left of @uuid. */
static gboolean
recoverOnce(const char *uuid,
            virConnectPtr connection,
            GError **error)
{
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordLoad(dir, uuid);
    virDomainPtr domain;
    gboolean migrating;
    gboolean ret = FALSE;

    /* A writer that lives: a new migration has put things back, and has a record. */
    if (!record || convergeUndoRecordWriterLives(record))
        return TRUE;
    if (!convergeUndoRecordQemuLives(record))
        return convergeUndoRecordRemove(record, error);

    if (!(domain = virDomainLookupByUUIDString(connection, uuid))) {
        convergeErrorSetLibvirt(error, uuid);
        return FALSE;
    }
    if (isMigrating(domain, &migrating, error)) {
        if (migrating)
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                        _("QEMU has not ended the interrupted migration"));
        else
            ret = putBack(domain, record, error) && convergeUndoRecordRemove(record, error);
    }
    virDomainFree(domain);
    return ret;
}

/* One guest; in a thread of the pool. */
static void
recoverGuest(gpointer opaque,
             gpointer waiting G_GNUC_UNUSED)
{
    g_autofree char *uuid = opaque;
    g_autoptr(GError) error = NULL;
    virConnectPtr connection = NULL;
    gboolean done = FALSE;
    int try;

    /* Waits in the queue of the socket until the daemon accepts clients. */
    for (try = 0; try < TRIES && !done; try++) {
        if (try > 0)
            g_usleep(TRY_SECONDS * G_USEC_PER_SEC);
        g_clear_error(&error);
        if (!connection && !(connection = virConnectOpen(daemonUri)))
            convergeErrorSetLibvirt(&error, daemonUri);
        else if (claim(uuid, PATIENCE_MS)) {
            done = recoverOnce(uuid, connection, &error);
            release(uuid);
        }
    }

    if (!done && error)
        convergeNextLog("%s: not everything is put back after an interrupted migration: %s",
                        uuid, error->message);
    if (connection)
        virConnectClose(connection);
}

/* Those of daemons that live no more. */
static GPtrArray *
loadLeft(void)
{
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    GPtrArray *records = convergeUndoRecordLoadAll(dir);
    guint i;

    for (i = records->len; i-- > 0;) {
        if (convergeUndoRecordWriterLives(g_ptr_array_index(records, i)))
            g_ptr_array_remove_index(records, i);
    }
    return records;
}

static void
logWaiting(void)
{
    g_autoptr(GPtrArray) records = NULL;
    guint i;

    g_usleep(PATIENCE_MS * 1000);
    records = loadLeft();
    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);

        convergeNextLog("%s: waiting for QEMU, to put back what an interrupted migration has left",
                        record->name);
    }
}

static gpointer
run(gpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) records = loadLeft();
    GThreadPool *pool;
    guint i;

    if (records->len == 0)
        return NULL;

    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);
        g_autoptr(GError) error = NULL;

        if (convergeUndoRecordQemuLives(record) && !convergeUndoRecordRestoreGroups(record, &error))
            convergeNextLog("%s: %s", record->name, error->message);
    }

    pool = g_thread_pool_new(recoverGuest, NULL, GUESTS_MAX, FALSE, NULL);
    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);

        g_thread_pool_push(pool, g_strdup(record->uuid), NULL);
    }
    logWaiting();
    g_thread_pool_free(pool, FALSE, TRUE);
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

    if ((thread = g_thread_try_new("converge-undo", run, NULL, &error)))
        g_thread_unref(thread);
    else
        convergeNextLog("cannot recover from an interrupted migration: %s", error->message);
}
