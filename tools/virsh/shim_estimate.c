/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_estimate.c: measures a domain and forecasts its migration for converge-estimate
 */
#include <stdio.h>
#include <unistd.h>

#include <glib/gi18n-lib.h>

#include "estimate/cipher.h"
#include "estimate/report.h"
#include "util/text.h"

#include "command_estimate.h"
#include "command_local.h"
#include "shim.h"

/* The policies to forecast, and those that determine the class. */
typedef struct {
    GPtrArray *texts;
    GPtrArray *policies;
    convergePolicy *free, *throttled;
} virshEstimatePolicies;

static void
clearPolicies(virshEstimatePolicies *all)
{
    g_clear_pointer(&all->texts, g_ptr_array_unref);
    g_clear_pointer(&all->policies, g_ptr_array_unref);
    g_clear_pointer(&all->free, convergePolicyFree);
    g_clear_pointer(&all->throttled, convergePolicyFree);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virshEstimatePolicies, clearPolicies)

/* Resolves the policies as the migration would, with the layers of site and domain. */
static gboolean
resolvePolicies(char *const *texts,
                const convergePolicySpec *spec,
                virshEstimatePolicies *all,
                GError **error)
{
    g_auto(GStrv) names = NULL;
    gsize i;

    all->texts = g_ptr_array_new_with_free_func(g_free);
    all->policies = g_ptr_array_new_with_free_func((GDestroyNotify)convergePolicyFree);

    if (!(all->free = virshConvergePolicyResolve("adaptive,throttle=none", spec, error)) ||
        !(all->throttled = virshConvergePolicyResolve("adaptive,throttle=adaptive", spec, error)))
        return FALSE;

    if (!texts[0])
        texts = names = virshConvergePolicyNames();

    for (i = 0; texts[i]; i++) {
        g_autoptr(GError) wrong = NULL;
        convergePolicy *policy = virshConvergePolicyResolve(texts[i], spec, &wrong);

        if (policy) {
            g_ptr_array_add(all->texts, g_strdup(texts[i]));
            g_ptr_array_add(all->policies, policy);
        } else if (names) {
            /* The domain's or the site's values contradict this preset. */
            virshConvergePrint(_("note: policy '%1$s' is left out: %2$s"), texts[i], wrong->message);
        } else {
            g_propagate_error(error, g_steal_pointer(&wrong));
            return FALSE;
        }
    }
    return TRUE;
}

/* Shows the progress in the format that virsh uses for migrations. */
static void
showProgress(double done,
             void *opaque)
{
    const gboolean *shown = opaque;

    if (!*shown)
        return;

    fprintf(stderr, "\r%s: [%3d %%]", _("Measuring"), (int)(done * 100));
    if (done >= 1)
        fputc('\n', stderr);
    fflush(stderr);
}

static convergeForecasts *
simulate(const convergeForecastInput *input,
         const virshEstimatePolicies *all)
{
    g_autofree convergeForecastPolicy *policies = g_new0(convergeForecastPolicy,
                                                         all->policies->len + 1);
    guint i;

    for (i = 0; i < all->policies->len; i++)
        policies[i] = (convergeForecastPolicy) { all->texts->pdata[i], all->policies->pdata[i] };

    return convergeForecastsNew(input, all->free, all->throttled, policies, all->policies->len);
}

char *
virshConvergeEstimate(virDomainPtr dom,
                      const char *words,
                      const convergePolicySpec *spec,
                      const char *host,
                      GError **error)
{
    virshEstimateOptions options;
    g_auto(GStrv) texts = NULL;
    g_auto(virshEstimatePolicies) all = { NULL };
    g_autoptr(convergeMeasured) measured = NULL;
    g_autoptr(convergeForecasts) forecasts = NULL;
    convergeForecastInput input = { 0 };
    convergeReport report = { .domain = virDomainGetName(dom), .input = &input, .elsewhere = host };
    g_autofree char *domain = convergeTextEscape(report.domain);
    gboolean shown;

    virshConvergeEstimateParse(words, &options);
    texts = options.policies;
    shown = options.verbose || isatty(STDERR_FILENO);

    /* Refuse wrong policies before measuring. */
    if (!resolvePolicies(texts, spec, &all, error))
        return NULL;
    report.link = (double)options.bandwidth * CONVERGE_MIB;
    if (options.bandwidth == 0 &&
        !convergeMeasureLink(dom, &report.link, &report.source, error))
        return NULL;
    if (options.tls && (report.encrypted = convergeCipherSpeed(&report.cipher, error)) <= 0)
        return NULL;

    fflush(stdout);
    if (!(measured = convergeMeasureGuest(dom, options.seconds, options.exact, showProgress,
                                          &shown, error)))
        return NULL;

    /* A user who names policies accepts their downtime limits.  Otherwise the domain's own
     * limit applies to all presets, since some of them allow any downtime. */
    if (!texts[0])
        input.pauseMostMs = convergePolicyGet(all.throttled, CONVERGE_FIELD_MAX_DOWNTIME);
    input.method = convergeMeasureThrottleMethod(dom);
    input.memory = measured->memory;
    input.used = measured->used;
    input.bandwidth = report.cipher ? MIN(report.link, report.encrypted) : report.link;
    convergeFitDirtying((const convergeObservation *)(void *)measured->seen->data,
                        measured->seen->len, measured->memory,
                        convergeFitPages(measured->memory, measured->exact), &input.fit);

    forecasts = simulate(&input, &all);
    report.measured = measured;
    report.forecasts = forecasts;
    if (options.json)
        return convergeReportJSON(&report);

    /* Only the text needs an escaped name; JSON escapes by itself. */
    report.domain = domain;
    return convergeReportText(&report);
}
