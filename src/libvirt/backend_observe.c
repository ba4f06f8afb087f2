/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend_observe.c: a backend that reads from another one, and does nothing
 */
#include <glib/gi18n-lib.h>

#include "libvirt/backend_observe.h"
#include "throttle/throttle.h"

static gboolean
takeSample(void *opaque,
           convergeSample *sample,
           GError **error)
{
    const convergeBackend *read = opaque;

    return read->ops->sample(read->opaque, sample, error);
}

/* Whether the guest has the method could be told only by asking QEMU. */
static const convergeThrottleTraits *
choose(void *opaque G_GNUC_UNUSED,
       convergeThrottleMethod wanted,
       char **why,
       GError **error G_GNUC_UNUSED)
{
    convergeThrottleMethod method = wanted == CONVERGE_METHOD_AUTO ? CONVERGE_METHOD_BEST : wanted;

    *why = g_strdup_printf(_("the policy observes; '%1$s' is taken to be what would throttle the guest"),
                           convergeThrottleMethodName(method));
    return &convergeThrottles[method]->traits;
}

static gboolean
doNothing(void *opaque G_GNUC_UNUSED,
          const convergeDecision *decision G_GNUC_UNUSED,
          GError **error G_GNUC_UNUSED)
{
    return TRUE;
}

static gboolean
restoreNothing(void *opaque G_GNUC_UNUSED,
               GError **error G_GNUC_UNUSED)
{
    return TRUE;
}

const convergeBackendOps convergeBackendObserveOps = {
    .sample = takeSample,
    .choose = choose,
    .apply = doNothing,
    .restore = restoreNothing,
};
