/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recovery.c: restores what a killed daemon has changed
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt-qemu.h>
#include <unistd.h>

#include "module/libvirt_next.h"
#include "module/recovery.h"
#include "undo/undo_disk.h"
#include "undo/undo_file.h"
#include "undo/undo_restore.h"

/* QEMU takes at most seconds to end a cancelled migration. */
#define TRIES 60
#define TRY_SECONDS 1

/* Guests that are restored at a time.  Fewer QEMUs than this may hang without delaying other
 * guests. */
#define GUESTS_MAX 64

/* A guest that waits for longer than this gets a line in the log.  A new migration waits no
 * longer than this for another thread. */
#define PATIENCE_MS 5000
#define UNLOAD_MS 2000

/* The URI of this daemon for its clients.  Without the socket's path, libvirt would use the
 * in-process driver, which exists before it is ready. */
static char *daemonUri;

static GMutex mutex; /* guards all below */
static GCond released;
static GHashTable *claimed; /* UUID strings of the guests that are being restored */

/* --- Claims --- */

/* Ensures that only one thread at a time restores a guest.  FALSE if another thread still does
 * so after @ms. */
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
    g_autofree char *dir = convergeUndoFileDefaultDir();
    g_autofree char *run = g_path_get_dirname(dir);

    daemonUri = g_strdup_printf("qemu+unix:///%s?socket=%s/%s",
                                geteuid() == 0 ? "system" : "session", run,
                                g_str_equal(daemon, "virtqemud") ? "virtqemud-sock" : "libvirt-sock");
}

const char *
convergeRecoveryUri(void)
{
    return daemonUri;
}

static void
restoreMine(void *opaque G_GNUC_UNUSED)
{
    g_autofree char *dir = convergeUndoFileDefaultDir();
    g_autoptr(GPtrArray) records = convergeUndoFileLoadAll(dir);
    guint counts[CONVERGE_METHOD_LAST];
    guint i;

    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);

        /* Skip the records of the daemon that this process was forked from. */
        if (convergeUndoRecordIsMine(record) && convergeUndoRecordQemuLives(record))
            convergeUndoPutBackFiles(record, counts, NULL);
    }
}

void
convergeRecoveryUnload(void)
{
    convergeRunBounded("converge-undo", restoreMine, NULL, NULL, UNLOAD_MS);
}

/* --- QEMU --- */

/* The libvirt calls of the connection to this daemon. */
static const convergeLibvirt socketCalls = {
    .caller = "daemon",
    .qemuMonitorCommand = virDomainQemuMonitorCommand,
};

static void
logDone(const convergeUndoRecord *record,
        const guint counts[CONVERGE_METHOD_LAST])
{
    g_autofree char *what = convergeUndoExplain(counts);

    convergeDaemonLog("%s: restored after an interrupted migration: %s", record->name,
                      what ? what : "nothing");
}

/* Restores before the next migration of the guest changes anything.  That migration may
 * already run in QEMU. */
static gboolean
putBack(virDomainPtr domain,
        const convergeUndoRecord *record,
        gboolean callerThrottle,
        GError **error)
{
    const convergeMonitor monitor = { &socketCalls, domain };
    guint counts[CONVERGE_METHOD_LAST];

    if (!convergeUndoPutBack(record, &monitor, callerThrottle, counts, error))
        return FALSE;
    logDone(record, counts);
    return TRUE;
}

gboolean
convergeRecoveryDomain(virDomainPtr domain,
                       gboolean callerThrottle,
                       GError **error)
{
    g_autofree char *dir = convergeUndoFileDefaultDir();
    g_autoptr(convergeUndoRecord) record = NULL;
    g_auto(convergeUndoDisk) disk = { NULL };
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    gboolean ret;

    if (virDomainGetUUIDString(domain, uuid) < 0) {
        convergeLibvirtSetError(error, "virDomainGetUUIDString");
        return FALSE;
    }
    if (!claim(uuid, PATIENCE_MS)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("the changes of an interrupted migration are not restored yet, since QEMU does not answer"));
        return FALSE;
    }

    ret = convergeUndoDiskLoad(&disk, dir, uuid, &record, error);
    /* A record of this daemon belongs to a job that has ended but could not remove it. */
    if (ret && record &&
        (convergeUndoRecordIsMine(record) || !convergeUndoRecordWriterLives(record)))
        ret = (!convergeUndoRecordQemuLives(record) ||
               putBack(domain, record, callerThrottle, error)) &&
            convergeUndoDiskRemove(&disk, record, error);
    release(uuid);
    return ret;
}

/* --- The threads --- */

/* TRUE if nothing of @uuid is left to restore. */
static gboolean
recoverOnce(const char *uuid,
            virConnectPtr connection,
            GError **error)
{
    g_autofree char *dir = convergeUndoFileDefaultDir();
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(dir, uuid);
    convergeMonitor monitor = { &socketCalls, NULL };
    guint counts[CONVERGE_METHOD_LAST];
    gboolean ret;

    /* If the writer lives, a new migration has restored everything and has a record of its own. */
    if (!record || convergeUndoRecordWriterLives(record))
        return TRUE;
    if (!convergeUndoRecordQemuLives(record))
        return convergeUndoFileRemove(record, error);

    if (!(monitor.dom = virDomainLookupByUUIDString(connection, uuid))) {
        convergeLibvirtSetError(error, uuid);
        return FALSE;
    }
    if ((ret = convergeUndoRestore(record, &monitor, counts, error)))
        logDone(record, counts);
    virDomainFree(monitor.dom);
    return ret;
}

/* Restores one guest, in a thread of the pool. */
static void
recoverGuest(gpointer opaque,
             gpointer waiting G_GNUC_UNUSED)
{
    g_autofree char *uuid = opaque;
    g_autoptr(GError) error = NULL;
    virConnectPtr connection = NULL;
    gboolean done = FALSE;
    int try;

    /* virConnectOpen() waits in the queue of the socket until the daemon accepts clients. */
    for (try = 0; try < TRIES && !done; try++) {
        if (try > 0)
            g_usleep(TRY_SECONDS * G_USEC_PER_SEC);
        g_clear_error(&error);
        if (!connection && !(connection = virConnectOpen(daemonUri)))
            convergeLibvirtSetError(&error, daemonUri);
        else if (claim(uuid, PATIENCE_MS)) {
            done = recoverOnce(uuid, connection, &error);
            release(uuid);
        }
    }

    if (!done && error)
        convergeDaemonLog("%s: not everything is restored after an interrupted migration: %s",
                          uuid, error->message);
    if (connection)
        virConnectClose(connection);
}

/* The records of daemons that no longer run. */
static GPtrArray *
loadLeft(void)
{
    g_autofree char *dir = convergeUndoFileDefaultDir();
    GPtrArray *records = convergeUndoFileLoadAll(dir);
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

        convergeDaemonLog("%s: waiting for QEMU to restore the changes of an interrupted migration",
                          record->name);
    }
}

static gpointer
run(gpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) records = loadLeft();
    guint counts[CONVERGE_METHOD_LAST];
    GThreadPool *pool;
    guint i;

    if (records->len == 0)
        return NULL;

    for (i = 0; i < records->len; i++) {
        const convergeUndoRecord *record = g_ptr_array_index(records, i);
        g_autoptr(GError) error = NULL;

        if (convergeUndoRecordQemuLives(record) && !convergeUndoPutBackFiles(record, counts, &error))
            convergeDaemonLog("%s: %s", record->name, error->message);
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
        convergeDaemonLog("cannot recover from an interrupted migration: %s", error->message);
}
