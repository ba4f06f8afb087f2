/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_registry.c: the jobs of this daemon by domain UUID
 */
#include "module/job_registry.h"

typedef struct _registryEntry registryEntry;
struct _registryEntry {
    convergeJob *job;           /* NULL: reserved */
    gboolean finished;
    gboolean pending;
    gint64 finishedUs;
};

static GMutex lock;             /* guards the table and all entries */
static GHashTable *entries;     /* UUID string -> registryEntry, made at first use */

static void
entryFree(gpointer opaque)
{
    registryEntry *entry = opaque;

    if (entry->job)
        convergeJobFree(entry->job);
    g_free(entry);
}

/* All below: called with the lock held. */

static registryEntry *
lookUp(const char *uuid,
       gboolean finished)
{
    registryEntry *entry = entries ? g_hash_table_lookup(entries, uuid) : NULL;

    return entry && entry->finished == finished ? entry : NULL;
}

/* Of those that wait for Confirm, or of those that do not. */
static void
dropOldest(gboolean pending,
           guint most)
{
    GHashTableIter iter;
    gpointer key, value;
    gpointer oldest = NULL;
    gint64 oldestUs = G_MAXINT64;
    guint finished = 0;

    g_hash_table_iter_init(&iter, entries);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        registryEntry *entry = value;

        if (!entry->finished || entry->pending != pending)
            continue;
        finished++;
        if (entry->finishedUs < oldestUs) {
            oldestUs = entry->finishedUs;
            oldest = key;
        }
    }

    if (finished > most)
        g_hash_table_remove(entries, oldest);
}

/* Public functions: take the lock. */

gboolean
convergeRegistryReserve(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (!entries)
        entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entryFree);

    if (lookUp(uuid, FALSE))
        return FALSE;

    g_hash_table_replace(entries, g_strdup(uuid), g_new0(registryEntry, 1));
    return TRUE;
}

void
convergeRegistryAdd(const char *uuid,
                    convergeJob *job)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (job)
        lookUp(uuid, FALSE)->job = job;
    else
        g_hash_table_remove(entries, uuid);
}

void
convergeRegistryFinish(const char *uuid,
                       gboolean succeeded)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = lookUp(uuid, FALSE);

    if (!succeeded) {
        g_hash_table_remove(entries, uuid);
        return;
    }

    entry->finished = TRUE;
    entry->pending = TRUE;
    entry->finishedUs = g_get_monotonic_time();
    dropOldest(TRUE, CONVERGE_REGISTRY_PENDING);
}

void
convergeRegistryConfirm(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = lookUp(uuid, TRUE);

    if (entry && entry->pending) {
        entry->pending = FALSE;
        convergeJobConfirm(entry->job);
        dropOldest(FALSE, CONVERGE_REGISTRY_FINISHED);
    }
}

convergeJob *
convergeRegistryTakePending(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = lookUp(uuid, TRUE);
    convergeJob *job;

    if (!entry || !entry->pending)
        return NULL;

    job = g_steal_pointer(&entry->job);
    g_hash_table_remove(entries, uuid);
    return job;
}

void
convergeRegistryForget(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (lookUp(uuid, TRUE))
        g_hash_table_remove(entries, uuid);
}

gboolean
convergeRegistryGetStatus(const char *uuid,
                          gboolean finished,
                          convergeStatus *status,
                          char **policy)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = lookUp(uuid, finished);

    /* After Perform, and before Confirm, the migration goes on: in post-copy for long. */
    if (!entry && !finished && (entry = lookUp(uuid, TRUE)) && !entry->pending)
        entry = NULL;
    if (!entry || !entry->job)
        return FALSE;

    convergeJobGetStatus(entry->job, status);
    *policy = convergePolicyFormat(convergeJobGetPolicy(entry->job));
    return TRUE;
}

gint64
convergeRegistryOutsideDowntime(const char *uuid,
                                gint64 ms)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = lookUp(uuid, FALSE);

    return entry && entry->job ? convergeJobOutsideDowntime(entry->job, ms) : ms;
}

void
convergeRegistrySetCeiling(const char *uuid,
                           gint64 ms)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = lookUp(uuid, FALSE);

    if (entry && entry->job)
        convergeJobSetCeiling(entry->job, ms);
}
