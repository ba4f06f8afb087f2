/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * completion_watch.c: the downtime of a migration, as libvirt measures it
 */
#include "libvirt/completion_watch.h"
#include "libvirt/job_sample.h"

struct _convergeCompletionWatch { /* two references: the caller's and libvirt's */
    const convergeLibvirt *libvirt;
    virDomainPtr dom; /* a reference, until it is stopped */
    int id;
    GMutex lock; /* guards all below */
    GCond changed;
    gboolean completed;
    gint64 downtimeMs;
};

static void
watchClear(void *opaque)
{
    convergeCompletionWatch *watch = opaque;

    g_mutex_clear(&watch->lock);
    g_cond_clear(&watch->changed);
}

static void
watchUnref(void *opaque)
{
    g_atomic_rc_box_release_full(opaque, watchClear);
}

/* In the thread of libvirt's event loop. */
static void
jobCompleted(virConnectPtr conn G_GNUC_UNUSED,
             virDomainPtr dom G_GNUC_UNUSED,
             virTypedParameterPtr params,
             int nparams,
             void *opaque)
{
    convergeCompletionWatch *watch = opaque;
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&watch->lock);

    watch->completed = TRUE;
    watch->downtimeMs = convergeDowntimeFromJobStats(params, nparams);
    g_cond_broadcast(&watch->changed);
}

convergeCompletionWatch *
convergeCompletionWatchStart(const convergeLibvirt *libvirt,
                             virDomainPtr dom)
{
    convergeCompletionWatch *watch;

    if (!libvirt->domainEventRegisterAny)
        return NULL;

    watch = g_atomic_rc_box_new0(convergeCompletionWatch);
    g_mutex_init(&watch->lock);
    g_cond_init(&watch->changed);
    watch->libvirt = libvirt;
    watch->id = libvirt->domainEventRegisterAny(virDomainGetConnect(dom), dom,
                                                VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
                                                VIR_DOMAIN_EVENT_CALLBACK(jobCompleted),
                                                g_atomic_rc_box_acquire(watch), watchUnref);
    if (watch->id >= 0) {
        virDomainRef(dom);
        watch->dom = dom;
        return watch;
    }

    watchUnref(watch); /* after a failure libvirt does not call its free function */
    watchUnref(watch);
    return NULL;
}

gint64
convergeCompletionWatchAwait(convergeCompletionWatch *watch,
                             gint64 ms)
{
    gint64 until = g_get_monotonic_time() + ms * 1000;
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = NULL;

    if (!watch)
        return 0;

    locker = g_mutex_locker_new(&watch->lock);
    while (!watch->completed && g_cond_wait_until(&watch->changed, &watch->lock, until))
        ;
    return watch->downtimeMs;
}

void
convergeCompletionWatchStop(convergeCompletionWatch *watch)
{
    if (!watch)
        return;

    watch->libvirt->domainEventDeregisterAny(virDomainGetConnect(watch->dom), watch->id);
    virDomainFree(watch->dom);
    watchUnref(watch);
}

static gpointer
stopNow(gpointer opaque)
{
    convergeCompletionWatch *watch = opaque;

    if (watch->libvirt->threadInit)
        watch->libvirt->threadInit();
    convergeCompletionWatchStop(watch);
    return NULL;
}

void
convergeCompletionWatchDrop(convergeCompletionWatch *watch)
{
    GThread *thread = watch ? g_thread_try_new("converge-watch", stopNow, watch, NULL) : NULL;

    if (thread)
        g_thread_unref(thread);
}
