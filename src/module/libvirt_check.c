/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_check.c: whether this libvirt is as the module expects it
 */
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "module/libvirt_check.h"
#include "module/libvirt_next.h"
#include "util/error.h"

/* Far more than libvirt has. */
#define STATS_MOST 1000

typedef enum {
    CHECK_OPEN, /* no idle domain so far */
    CHECK_GOOD,
    CHECK_BAD,
} checkResult;

static GMutex lock; /* guards all below */
static checkResult result;
static char *trouble; /* why it is bad; then never changed again */

/* --- The check --- */

/* What is wrong with @params; NULL: nothing.  Adding a statistic must keep the others. */
static const char *
findFault(virTypedParameterPtr *params,
          int *nparams)
{
    const char *name = "auto_converge.check";
    int most = *nparams;
    int before = *nparams;
    const char *value;
    int i;

    if (*nparams < 0 || *nparams > STATS_MOST || (*nparams > 0 && !*params))
        return _("their number is wrong");

    for (i = 0; i < *nparams; i++) {
        const virTypedParameter *param = &(*params)[i];

        if (!memchr(param->field, '\0', sizeof(param->field)) || !param->field[0] ||
            param->type < VIR_TYPED_PARAM_INT || param->type > VIR_TYPED_PARAM_STRING)
            return _("they are not typed parameters");
    }

    if (virTypedParamsAddString(params, nparams, &most, name, "good") < 0 ||
        *nparams != before + 1 ||
        virTypedParamsGetString(*params, *nparams, name, &value) != 1 || !g_str_equal(value, "good"))
        return _("nothing can be added to them");
    return NULL;
}

/* CHECK_OPEN: the domain has a job, or is gone. */
static checkResult
checkStats(virDomainPtr domain,
           convergeGetJobStats getJobStats,
           char **why)
{
    static const unsigned int flags[] = {
        0,
        VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED,
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(flags); i++) {
        virTypedParameterPtr params = NULL;
        const char *fault = NULL;
        int nparams = 0;
        int type = -1;

        if (getJobStats(domain, &type, &params, &nparams, flags[i]) < 0) {
            if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ||
                virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID)
                return CHECK_OPEN;
            *why = g_strdup(virGetLastErrorMessage());
            return CHECK_BAD;
        }
        if (type < VIR_DOMAIN_JOB_NONE || type > VIR_DOMAIN_JOB_CANCELLED)
            fault = _("they are of no known type");
        else if (flags[i] == 0 && type != VIR_DOMAIN_JOB_NONE) {
            virTypedParamsFree(params, nparams);
            return CHECK_OPEN;
        }

        if (!fault)
            fault = findFault(&params, &nparams);
        if (fault) {
            *why = g_strdup(fault);
            return CHECK_BAD; /* what is wrong is not freed */
        }
        virTypedParamsFree(params, nparams);
    }
    return CHECK_GOOD;
}

/* --- The result --- */

static unsigned long
getVersion(void)
{
    unsigned long version = 0;

    return virGetVersion(&version, NULL, NULL) < 0 ? 0 : version;
}

/* The result so far. */
static checkResult
look(GError **error)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (result == CHECK_BAD)
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, trouble);
    return result;
}

/* Keeps the first result, and logs it. */
static void
conclude(checkResult now,
         const char *why)
{
    unsigned long version = getVersion();
    g_autofree char *name = g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);

    if (result != CHECK_OPEN || now == CHECK_OPEN)
        return;

    if (now == CHECK_BAD)
        trouble = g_strdup_printf(_("libvirt %1$s is not one of the versions that virt-converge was tested with (%2$s), and its job statistics are not as expected: %3$s"),
                                  name, CONVERGE_LIBVIRT_TESTED, why);
    result = now;
    g_clear_pointer(&locker, g_mutex_locker_free);

    if (now == CHECK_BAD)
        convergeDaemonLog("%s; migrations run without a policy", trouble);
    else
        convergeDaemonLog("libvirt %s is not one of the versions that virt-converge was tested with (%s), but has all that it relies on",
                          name, CONVERGE_LIBVIRT_TESTED);
}

gboolean
convergeLibvirtCheck(virDomainPtr domain,
                     convergeGetJobStats getJobStats,
                     GError **error)
{
    g_autofree char *why = NULL;
    checkResult now;

    if (convergeLibvirtIsTested(getVersion()))
        return TRUE;

    if ((now = look(error)) != CHECK_OPEN)
        return now == CHECK_GOOD;

    now = checkStats(domain, getJobStats, &why);
    conclude(now, why);
    if ((now = look(error)) == CHECK_OPEN)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT,
                    _("virt-converge was not tested with this version of libvirt, and cannot check it while the domain has a job or does not run"));
    return now == CHECK_GOOD;
}

/* --- At the start --- */

typedef struct _checkStart checkStart;
struct _checkStart {
    char *uri;
    convergeGetJobStats getJobStats;
};

static gpointer
checkAny(gpointer opaque)
{
    g_autofree checkStart *start = opaque;
    g_autofree char *uri = start->uri;
    virConnectPtr connection = virConnectOpen(uri); /* waits until the daemon accepts clients */
    virDomainPtr *domains = NULL;
    int n = connection ? virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE) : 0;
    int i;

    for (i = 0; i < n; i++) {
        if (look(NULL) == CHECK_OPEN) {
            g_autofree char *why = NULL;
            checkResult now = checkStats(domains[i], start->getJobStats, &why);

            conclude(now, why);
        }
        virDomainFree(domains[i]);
    }
    free(domains);
    if (connection)
        virConnectClose(connection);
    return NULL;
}

void
convergeLibvirtCheckStart(const char *uri,
                          convergeGetJobStats getJobStats)
{
    static gsize started;
    checkStart *start;
    GThread *thread;

    if (!g_once_init_enter(&started))
        return;
    g_once_init_leave(&started, 1);
    if (convergeLibvirtIsTested(getVersion()))
        return;

    start = g_new0(checkStart, 1);
    *start = (checkStart) { g_strdup(uri), getJobStats };
    /* Without the thread, the first migration does it. */
    if ((thread = g_thread_try_new("converge-check", checkAny, start, NULL))) {
        g_thread_unref(thread);
    } else {
        g_free(start->uri);
        g_free(start);
    }
}
