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
#include "shim_transport.h"

/* The policies to forecast, and those that determine the class. */
typedef struct {
    GArray *policies; /* of convergeForecastPolicy, without its texts */
    convergePolicy *free, *throttled;
} virshEstimatePolicies;

static void
clearPolicy(gpointer opaque)
{
    convergeForecastPolicy *one = opaque;

    convergePolicyFree((convergePolicy *)one->policy);
}

static void
clearPolicies(virshEstimatePolicies *all)
{
    g_clear_pointer(&all->policies, g_array_unref);
    g_clear_pointer(&all->free, convergePolicyFree);
    g_clear_pointer(&all->throttled, convergePolicyFree);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virshEstimatePolicies, clearPolicies)

/* Resolves the policies as the migration would, with the layers of site and domain.
 *
 * @named: the user has named the policies; else one that contradicts the values of the domain
 * or the site is left out */
static gboolean
resolvePolicies(char *const *texts,
                gboolean named,
                const virshConvergeDomain *known,
                virshEstimatePolicies *all,
                GError **error)
{
    all->policies = g_array_new(FALSE, FALSE, sizeof(convergeForecastPolicy));
    g_array_set_clear_func(all->policies, clearPolicy);

    if (!(all->free = virshConvergePolicyResolve("adaptive,throttle=none", known, error)) ||
        !(all->throttled = virshConvergePolicyResolve("adaptive,throttle=adaptive", known, error)))
        return FALSE;

    for (; *texts; texts++) {
        g_autoptr(GError) wrong = NULL;
        convergeForecastPolicy one = { *texts, virshConvergePolicyResolve(*texts, known, &wrong) };

        if (one.policy) {
            g_array_append_val(all->policies, one);
        } else if (!named) {
            virshConvergePrint(_("note: policy '%1$s' is left out: %2$s"), *texts, wrong->message);
        } else {
            g_propagate_error(error, g_steal_pointer(&wrong));
            return FALSE;
        }
    }
    return TRUE;
}

/* What is measured, and whether the user is told. */
typedef struct {
    const char *domain; /* escaped */
    gboolean shown;
} virshEstimateProgress;

/* Shows the progress in the format that virsh uses for migrations. */
static void
showProgress(double done,
             double seconds,
             void *opaque)
{
    const virshEstimateProgress *progress = opaque;
    g_autofree char *what = NULL;

    if (!progress->shown)
        return;

    what = g_strdup_printf(_("Measuring for %1$.3g s how fast '%2$s' writes to its memory"), seconds, progress->domain);
    fprintf(stderr, "\r%s: [%3d %%]", what, (int)(done * 100));
    if (done >= 1)
        fputc('\n', stderr);
    fflush(stderr);
}

void
virshConvergeForecastInput(virDomainPtr dom,
                           const convergeMeasured *measured,
                           double bandwidth,
                           convergeForecastInput *input)
{
    *input = (convergeForecastInput) {
        .memory = measured->memory,
        .used = measured->used,
        .bandwidth = bandwidth,
        .method = convergeMeasureThrottleMethod(dom),
    };
    convergeFitDirtying((const convergeObservation *)(void *)measured->seen->data,
                        measured->seen->len, measured->memory, measured->setMost,
                        convergeFitPages(measured->memory, measured->exact), &input->fit);
}

/* For the recommended policy, or for the first if there is none. */
static void
measureTransports(virDomainPtr dom,
                  const virshEstimatePolicies *all,
                  const convergeReport *report,
                  virshTransports *transports)
{
    guint i = (guint)MAX(report->forecasts->recommended, 0);

    virshTransportsMeasure(dom, 0, NULL, report->input, &g_array_index(all->policies, convergeForecastPolicy, i),
                           report->link, report->cipher ? report->encrypted : 0, transports);
}

char *
virshConvergeEstimate(virDomainPtr dom,
                      const char *words,
                      const virshConvergeDomain *known,
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
    virshEstimateProgress progress = { .domain = domain };
    g_auto(virshTransports) transports = { .unsampled = NULL };
    convergeReportTransports shown = { &transports.input, &transports.choice, NULL };
    gboolean named;

    virshConvergeEstimateParse(words, &options);
    texts = options.policies;
    if (!(named = texts[0] != NULL)) {
        g_strfreev(texts);
        texts = virshConvergePolicyNames();
    }
    progress.shown = options.verbose || isatty(STDERR_FILENO);

    /* Refuse wrong policies before measuring. */
    if (!resolvePolicies(texts, named, known, &all, error))
        return NULL;
    report.link = (double)options.bandwidth * CONVERGE_MIB;
    if (options.bandwidth == 0 &&
        !convergeMeasureLink(dom, &report.link, &report.source, error))
        return NULL;
    if (options.tls && (report.encrypted = convergeCipherSpeed(&report.cipher, error)) <= 0)
        return NULL;

    fflush(stdout);
    if (!(measured = convergeMeasureGuest(dom, options.seconds, options.exact, showProgress,
                                          &progress, error)))
        return NULL;
    virshConvergeForecastInput(dom, measured, report.cipher ? MIN(report.link, report.encrypted) : report.link,
                               &input);

    /* A user who names policies accepts their downtime limits.  Otherwise the domain's own
     * limit applies to all presets, since some of them allow any downtime. */
    if (!named)
        input.pauseMostMs = convergePolicyGet(all.throttled, CONVERGE_FIELD_MAX_DOWNTIME);
    forecasts = convergeForecastsNew(&input, all.free, all.throttled,
                                     (const convergeForecastPolicy *)(void *)all.policies->data,
                                     all.policies->len);
    report.measured = measured;
    report.forecasts = forecasts;
    if (all.policies->len > 0) {
        measureTransports(dom, &all, &report, &transports);
        shown.unsampled = transports.unsampled;
        report.transports = &shown;
    }
    if (options.json)
        return convergeReportJSON(&report);

    /* Only the text needs an escaped name; JSON escapes by itself. */
    report.domain = domain;
    return convergeReportText(&report);
}
