/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pass_watch.c: notification of each bitmap sync
 */
#include "libvirt/pass_watch.h"

struct _convergePassWatch { /* two references: the caller's and libvirt's */
    int id;
    GMutex lock;                  /* guards all below */
    void (*passed)(void *opaque); /* NULL: stopped */
    void *opaque;
};

static void
watchClear(void *opaque)
{
    convergePassWatch *watch = opaque;

    g_mutex_clear(&watch->lock);
}

static void
watchUnref(void *opaque)
{
    g_atomic_rc_box_release_full(opaque, watchClear);
}

static void
migrationIteration(virConnectPtr conn G_GNUC_UNUSED,
                   virDomainPtr dom G_GNUC_UNUSED,
                   int iteration G_GNUC_UNUSED,
                   void *opaque)
{
    convergePassWatch *watch = opaque;
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&watch->lock);

    if (watch->passed)
        watch->passed(watch->opaque);
}

convergePassWatch *
convergePassWatchStart(const convergeLibvirt *libvirt,
                       virDomainPtr dom,
                       void (*passed)(void *opaque),
                       void *opaque)
{
    convergePassWatch *watch;

    if (!libvirt->domainEventRegisterAny)
        return NULL;

    watch = g_atomic_rc_box_new0(convergePassWatch);
    g_mutex_init(&watch->lock);
    watch->passed = passed;
    watch->opaque = opaque;
    watch->id = libvirt->domainEventRegisterAny(virDomainGetConnect(dom), dom,
                                                VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
                                                VIR_DOMAIN_EVENT_CALLBACK(migrationIteration),
                                                g_atomic_rc_box_acquire(watch), watchUnref);
    if (watch->id >= 0)
        return watch;

    watchUnref(watch); /* after a failure libvirt does not call its free function */
    watchUnref(watch);
    return NULL;
}

void
convergePassWatchStop(convergePassWatch *watch,
                      const convergeLibvirt *libvirt,
                      virDomainPtr dom)
{
    if (!watch)
        return;

    g_mutex_lock(&watch->lock);
    watch->passed = NULL;
    g_mutex_unlock(&watch->lock);

    libvirt->domainEventDeregisterAny(virDomainGetConnect(dom), watch->id);
    watchUnref(watch);
}
