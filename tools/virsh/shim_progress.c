/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_progress.c: progress that never runs backwards
 *
 * virsh shows how much of a guest's memory is sent.  A busy guest dirties it again, so that each
 * pass would begin far behind the end of the last one.  During a migration under a policy that
 * is to be verbose, the line of converge-watch takes the place of that share: virsh prints
 * nothing for a job without a size.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>

#include "module/job_stats.h"

#include "client_calls.h"
#include "shim.h"
#include "watch_screen.h"

#define END_OF_LINE "\033[K"

/* Of lines that are not on a terminal. */
#define LINE_US (1000 * 1000)

static GMutex lock;         /* guards all below */
static guint calls;         /* migrations under a policy; virsh runs one at a time */
static gboolean verbose;    /* the user has asked for progress */
static convergeJob *job;    /* that controls the migration from here, or NULL */
static char *policyText;    /* of that job */
static virshWatchRow *row;  /* NULL: nothing was seen yet */
static gint64 printedUs;    /* when the last line was printed; 0: none was */
static gboolean lineIsOpen; /* on a terminal: the last line has no end yet */
static gboolean lateLook;   /* virsh may look once more after the call has returned */

void
virshConvergeProgressBegin(gboolean isVerbose)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (calls++ > 0)
        return;
    verbose = isVerbose;
    printedUs = 0;
    lineIsOpen = lateLook = FALSE;
}

void
virshConvergeProgressFrom(convergeJob *from,
                          const char *policy)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    g_clear_pointer(&job, convergeJobUnref);
    job = convergeJobRef(from);
    g_free(policyText);
    policyText = g_strdup(policy);
}

static void
closeLine(void)
{
    if (lineIsOpen)
        fputc('\n', stderr);
    lineIsOpen = FALSE;
    fflush(stderr);
}

void
virshConvergeProgressEnd(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (--calls > 0)
        return;
    closeLine();
    lateLook = verbose && printedUs > 0;
    verbose = FALSE;
    g_clear_pointer(&job, convergeJobUnref);
    g_clear_pointer(&policyText, g_free);
    g_clear_pointer(&row, virshWatchRowFree);
}

static void
print(void)
{
    virshWatchLook look = virshWatchLookOf(STDERR_FILENO);
    g_autofree char *line = virshWatchRowLine(row, look);
    gint64 now = g_get_monotonic_time();

    if (look.columns == 0 && printedUs > 0 && now < printedUs + LINE_US)
        return;

    fflush(stdout);
    if (printedUs == 0) {
        g_autofree char *header = virshWatchHeader(look);

        fprintf(stderr, "%s\n", header);
    }
    if (look.columns > 0)
        fprintf(stderr, "\r%s" END_OF_LINE, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
    lineIsOpen = look.columns > 0;
    printedUs = now;
}

/* FALSE: there is nothing to show, or nobody wants to see it. */
static gboolean
showLine(virDomainPtr domain)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int type = VIR_DOMAIN_JOB_NONE;
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = NULL;

    virshConvergeErrorsMute(TRUE);
    if (virshConvergeCalls.getJobStats(domain, &type, &params, &nparams, 0) < 0)
        params = NULL;
    virshConvergeErrorsMute(FALSE);

    locker = g_mutex_locker_new(&lock);
    if (calls == 0 || !params) {
        virTypedParamsFree(params, nparams);
        return FALSE;
    }
    if (job) {
        convergeStatus status;

        convergeJobGetStatus(job, &status);
        convergeJobStatsAppend(&params, &nparams, &status, policyText);
    }
    if (!row)
        row = virshWatchRowNew(virDomainGetName(domain));
    virshWatchRowTake(row, params, nparams);
    print();
    return TRUE;
}

static gboolean
isWanted(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    return calls > 0 && verbose;
}

/* The first look after the end is that of the migration's own command, which would show its share. */
static gboolean
isLate(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
    gboolean late = calls == 0 && lateLook;

    if (late)
        lateLook = FALSE;
    return late;
}

VIRSH_CONVERGE_EXPORT int
virDomainGetJobInfo(virDomainPtr domain,
                    virDomainJobInfoPtr info)
{
    int ret = virshConvergeNext(virDomainGetJobInfo)(domain, info);

    if (ret == 0 && info->dataTotal > 0 && ((isWanted() && showLine(domain)) || isLate()))
        info->dataTotal = info->dataRemaining = info->dataProcessed = 0;
    return ret;
}
