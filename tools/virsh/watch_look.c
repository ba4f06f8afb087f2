/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch_look.c: asks libvirt for what the line of a migration shows
 */
#include <glib.h>

#include "watch_look.h"

gboolean
virshWatchIsLeaving(virDomainPtr dom,
                    virTypedParameterPtr *params,
                    int *nparams)
{
    int type = VIR_DOMAIN_JOB_NONE;
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    *params = NULL;
    *nparams = 0;
    if (virDomainGetJobStats(dom, &type, params, nparams, 0) == 0 &&
        (type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED) &&
        virTypedParamsGetInt(*params, *nparams, VIR_DOMAIN_JOB_OPERATION, &operation) == 1 &&
        operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
        return TRUE;

    virTypedParamsFree(*params, *nparams);
    *params = NULL;
    return FALSE;
}
