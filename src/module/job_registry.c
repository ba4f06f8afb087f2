/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_registry.c: the jobs of this daemon by domain UUID
 */
#include "module/job_registry.h"

typedef enum {
    ENTRY_RUNNING,
    ENTRY_LEAVING,
    ENTRY_PENDING,
    ENTRY_FINISHED,
    ENTRY_FAILED,
} entryState;

typedef struct _registryEntry registryEntry;
struct _registryEntry {
    char *uuid;
    convergeJob *job; /* a reference */
    entryState state;
    gboolean left; /* the job's thread has ended */
};

static GMutex lock;        /* guards all below */
static GCond changed;      /* a job has left, or was removed */
static GPtrArray *entries; /* of registryEntry, oldest first; created at first use */

static void
entryFree(gpointer opaque)
{
    registryEntry *entry = opaque;

    convergeJobUnref(entry->job);
    g_free(entry->uuid);
    g_free(entry);
}

/* --- Called with the lock held --- */

static registryEntry *
entryAt(guint index)
{
    return g_ptr_array_index(entries, index);
}

static guint
count(void)
{
    return entries ? entries->len : 0;
}

/* The newest entry of that domain in that state. */
static registryEntry *
findByState(const char *uuid,
            entryState state)
{
    guint i;

    for (i = count(); i-- > 0;) {
        registryEntry *entry = entryAt(i);

        if (entry->state == state && g_str_equal(entry->uuid, uuid))
            return entry;
    }
    return NULL;
}

static registryEntry *
findByJob(const convergeJob *job)
{
    guint i;

    for (i = 0; i < count(); i++) {
        if (entryAt(i)->job == job)
            return entryAt(i);
    }
    return NULL;
}

static void
removeEntry(registryEntry *entry)
{
    if (entry)
        g_ptr_array_remove(entries, entry);
    g_cond_broadcast(&changed);
}

static void
dropOldest(entryState state,
           guint most)
{
    guint found = 0;
    guint i;

    for (i = count(); i-- > 0;) {
        if (entryAt(i)->state == state && ++found > most)
            removeEntry(entryAt(i));
    }
}

static registryEntry *
add(const char *uuid,
    convergeJob *job,
    entryState state)
{
    registryEntry *entry = g_new0(registryEntry, 1);

    if (!entries)
        entries = g_ptr_array_new_with_free_func(entryFree);
    entry->uuid = g_strdup(uuid);
    entry->job = convergeJobRef(job);
    entry->state = state;
    g_ptr_array_add(entries, entry);
    return entry;
}

static void
forget(const char *uuid)
{
    removeEntry(findByState(uuid, ENTRY_FINISHED));
    removeEntry(findByState(uuid, ENTRY_FAILED));
}

static void
setEnd(registryEntry *entry,
       convergeRegistryEnd end)
{
    switch (end) {
    case CONVERGE_REGISTRY_LEAVING:
        entry->state = ENTRY_LEAVING;
        if (entry->left)
            removeEntry(entry);
        break;
    case CONVERGE_REGISTRY_PENDING_CONFIRM:
        entry->state = ENTRY_PENDING;
        dropOldest(ENTRY_PENDING, CONVERGE_REGISTRY_PENDING);
        break;
    case CONVERGE_REGISTRY_DONE:
        entry->state = ENTRY_FINISHED;
        dropOldest(ENTRY_FINISHED, CONVERGE_REGISTRY_FINISHED);
        break;
    case CONVERGE_REGISTRY_FAILED:
    default:
        removeEntry(findByState(entry->uuid, ENTRY_FAILED));
        entry->state = ENTRY_FAILED;
        dropOldest(ENTRY_FAILED, CONVERGE_REGISTRY_FINISHED);
    }
    g_cond_broadcast(&changed);
}

static gboolean
getStatus(const registryEntry *entry,
          convergeStatus *status,
          char **policy)
{
    if (!entry)
        return FALSE;

    convergeJobGetStatus(entry->job, status);
    *policy = convergePolicyFormat(convergeJobGetPolicy(entry->job));
    return TRUE;
}

static gboolean
hasEarlier(const char *uuid,
           const convergeJob *job)
{
    guint i;

    for (i = 0; i < count() && entryAt(i)->job != job; i++) {
        const registryEntry *entry = entryAt(i);

        if ((entry->state == ENTRY_RUNNING || entry->state == ENTRY_LEAVING) &&
            g_str_equal(entry->uuid, uuid))
            return TRUE;
    }
    return FALSE;
}

/* --- Public functions, which take the lock --- */

void
convergeRegistryAdd(const char *uuid,
                    convergeJob *job)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    add(uuid, job, ENTRY_RUNNING);
}

void
convergeRegistryFinish(convergeJob *job,
                       convergeRegistryEnd end)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = findByJob(job);

    if (entry)
        setEnd(entry, end);
}

void
convergeRegistryLeft(convergeJob *job)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = findByJob(job);

    if (!entry)
        return;
    entry->left = TRUE;
    if (entry->state == ENTRY_LEAVING)
        removeEntry(entry);
}

gboolean
convergeRegistryAwaitEarlier(const char *uuid,
                             const convergeJob *job,
                             gint64 ms)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    gint64 until = g_get_monotonic_time() + ms * 1000;

    while (hasEarlier(uuid, job)) {
        if (!g_cond_wait_until(&changed, &lock, until))
            return !hasEarlier(uuid, job);
    }
    return TRUE;
}

convergeJob *
convergeRegistryTakePending(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = findByState(uuid, ENTRY_PENDING);
    convergeJob *job;

    if (!entry)
        return NULL;

    job = convergeJobRef(entry->job);
    removeEntry(entry);
    return job;
}

gboolean
convergeRegistryHasPending(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    return findByState(uuid, ENTRY_PENDING) != NULL;
}

void
convergeRegistryForget(const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    forget(uuid);
}

void
convergeRegistryAddEnded(const char *uuid,
                         convergeJob *job,
                         convergeRegistryEnd end)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    forget(uuid);
    setEnd(add(uuid, job, ENTRY_RUNNING), end);
}

gboolean
convergeRegistryGetStatus(const char *uuid,
                          gboolean finished,
                          convergeStatus *status,
                          char **policy)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = findByState(uuid, finished ? ENTRY_FINISHED : ENTRY_RUNNING);

    /* Between Perform and Confirm, libvirt reports the job as running or as completed. */
    if (!entry)
        entry = findByState(uuid, ENTRY_PENDING);
    return getStatus(entry, status, policy);
}

gboolean
convergeRegistryGetFailed(const char *uuid,
                          convergeStatus *status,
                          char **policy)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    return getStatus(findByState(uuid, ENTRY_FAILED), status, policy);
}

static void
jobUnref(gpointer job)
{
    convergeJobUnref(job);
}

GPtrArray *
convergeRegistryListRunning(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    GPtrArray *jobs = g_ptr_array_new_with_free_func(jobUnref);
    guint i;

    for (i = 0; i < count(); i++) {
        if (entryAt(i)->state == ENTRY_RUNNING)
            g_ptr_array_add(jobs, convergeJobRef(entryAt(i)->job));
    }
    return jobs;
}

static gboolean
isLimited(const convergePolicy *policy)
{
    return convergePolicyGet(policy, CONVERGE_FIELD_LINK_LIMIT) > 0 && !convergePolicyObserves(policy);
}

guint
convergeRegistryCountLimited(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    guint limited = 0;
    guint i;

    for (i = 0; i < count(); i++)
        limited += entryAt(i)->state == ENTRY_RUNNING && isLimited(convergeJobGetPolicy(entryAt(i)->job));
    return limited;
}

gint64
convergeRegistryOutsideDowntime(const char *uuid,
                                gint64 ms)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = findByState(uuid, ENTRY_RUNNING);

    return entry ? convergeJobOutsideDowntime(entry->job, ms) : ms;
}

void
convergeRegistrySetCeiling(const char *uuid,
                           gint64 ms)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    registryEntry *entry = findByState(uuid, ENTRY_RUNNING);

    if (entry)
        convergeJobSetCeiling(entry->job, ms);
}
