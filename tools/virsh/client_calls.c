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

#define DEFINE_CALL(name, function, parameters, arguments) \
    static int \
        name parameters \
    { \
        g_usleep(CLIENT_CALL_WAIT_US); \
        return function arguments; \
    }

DEFINE_CALL(getJobStats, virDomainGetJobStats,
            (virDomainPtr dom, int *type, virTypedParameterPtr *params, int *nparams,
             unsigned int flags),
            (dom, type, params, nparams, flags))
DEFINE_CALL(setMaxDowntime, virDomainMigrateSetMaxDowntime,
            (virDomainPtr dom, unsigned long long ms, unsigned int flags), (dom, ms, flags))
DEFINE_CALL(qemuMonitorCommand, virDomainQemuMonitorCommand,
            (virDomainPtr dom, const char *cmd, char **result, unsigned int flags),
            (dom, cmd, result, flags))
DEFINE_CALL(startPostCopy, virDomainMigrateStartPostCopy,
            (virDomainPtr dom, unsigned int flags), (dom, flags))
DEFINE_CALL(suspendGuest, virDomainSuspend, (virDomainPtr dom), (dom))
DEFINE_CALL(resumeGuest, virDomainResume, (virDomainPtr dom), (dom))
DEFINE_CALL(abortJob, virDomainAbortJob, (virDomainPtr dom), (dom))
DEFINE_CALL(getState, virDomainGetState,
            (virDomainPtr dom, int *state, int *reason, unsigned int flags),
            (dom, state, reason, flags))

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
