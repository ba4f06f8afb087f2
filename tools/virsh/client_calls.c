/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client_calls.c: the libvirt calls of a loop that runs in virsh
 */
#include <glib.h>
#include <libvirt/libvirt-qemu.h>

#include "client_calls.h"

/* The thread in the migration call reads all replies of the connection.  libvirt tells that
 * thread about a new call with g_main_loop_quit(), which has no effect on a loop that has not
 * started again after the last reply (virNetClientIOEventLoop(), seen in libvirt 9.0).  The
 * call is then not sent before the next keepalive, 5 s later.  So each call waits a little
 * after the last reply. */
#define CLIENT_CALL_WAIT_US 5000

static int
getJobStats(virDomainPtr dom,
            int *type,
            virTypedParameterPtr *params,
            int *nparams,
            unsigned int flags)
{
    g_usleep(CLIENT_CALL_WAIT_US);
    return virDomainGetJobStats(dom, type, params, nparams, flags);
}

static int
setMaxDowntime(virDomainPtr dom,
               unsigned long long ms,
               unsigned int flags)
{
    g_usleep(CLIENT_CALL_WAIT_US);
    return virDomainMigrateSetMaxDowntime(dom, ms, flags);
}

static int
qemuMonitorCommand(virDomainPtr dom,
                   const char *cmd,
                   char **result,
                   unsigned int flags)
{
    g_usleep(CLIENT_CALL_WAIT_US);
    return virDomainQemuMonitorCommand(dom, cmd, result, flags);
}

static int
startPostCopy(virDomainPtr dom,
              unsigned int flags)
{
    g_usleep(CLIENT_CALL_WAIT_US);
    return virDomainMigrateStartPostCopy(dom, flags);
}

static int
suspendGuest(virDomainPtr dom)
{
    g_usleep(CLIENT_CALL_WAIT_US);
    return virDomainSuspend(dom);
}

static int
resumeGuest(virDomainPtr dom)
{
    g_usleep(CLIENT_CALL_WAIT_US);
    return virDomainResume(dom);
}

static int
abortJob(virDomainPtr dom)
{
    g_usleep(CLIENT_CALL_WAIT_US);
    return virDomainAbortJob(dom);
}

static int
getState(virDomainPtr dom,
         int *state,
         int *reason,
         unsigned int flags)
{
    g_usleep(CLIENT_CALL_WAIT_US);
    return virDomainGetState(dom, state, reason, flags);
}

const convergeLibvirt virshConvergeCalls = {
    .caller = "client",
    .getJobStats = getJobStats,
    .setMaxDowntime = setMaxDowntime,
    .qemuMonitorCommand = qemuMonitorCommand,
    .startPostCopy = startPostCopy,
    .suspend = suspendGuest,
    .resume = resumeGuest,
    .abortJob = abortJob,
    .getState = getState,
};
