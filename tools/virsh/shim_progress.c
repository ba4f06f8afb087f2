/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_progress.c: progress that never runs backwards
 *
 * virsh shows how much of a guest's memory is sent.  A busy guest dirties it again, so that each
 * pass would begin far behind the end of the last one.  During a migration under a policy virsh
 * sees the best share that there has been.
 */
#include <glib.h>
#include <libvirt/libvirt.h>

#include "shim.h"

static GMutex lock;  /* guards all below */
static guint calls;  /* migrations under a policy; virsh runs one at a time */
static double least; /* the least share of memory that was left */

void
virshConvergeProgressBegin(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (calls++ == 0)
        least = 1;
}

void
virshConvergeProgressEnd(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    calls--;
}

VIRSH_CONVERGE_EXPORT int
virDomainGetJobInfo(virDomainPtr domain,
                    virDomainJobInfoPtr info)
{
    int ret = virshConvergeNext(virDomainGetJobInfo)(domain, info);
    g_autoptr(GMutexLocker) locker = NULL;

    if (ret < 0 || info->dataTotal == 0)
        return ret;

    locker = g_mutex_locker_new(&lock);
    if (calls == 0)
        return ret;

    least = MIN(least, (double)info->dataRemaining / (double)info->dataTotal);
    info->dataRemaining = MIN(info->dataRemaining,
                              (unsigned long long)(least * (double)info->dataTotal));
    return ret;
}
