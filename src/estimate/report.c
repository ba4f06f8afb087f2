/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.c: prints a forecast as text and as JSON
 */
#include <math.h>

#include <glib/gi18n-lib.h>

#include "estimate/report_priv.h"
#include "util/json.h"
#include "util/text.h"

/* Above this, the guest does not behave the same all the time. */
#define SCATTERED 3

/* A narrower range is shown as one number. */
#define NARROW 0.02

static const char *const classWords[] = {
    [CONVERGE_CLASS_UNKNOWN] = N_("unknown"),
    [CONVERGE_CLASS_CONVERGES] = N_("converges by itself"),
    [CONVERGE_CLASS_MIDDLE] = N_("middle: throttle helps"),
    [CONVERGE_CLASS_BEYOND] = N_("beyond any allowed throttle and downtime"),
};
G_STATIC_ASSERT(G_N_ELEMENTS(classWords) == CONVERGE_CLASS_LAST);

static const char *const endWords[] = {
    [CONVERGE_END_LIMITS] = N_("completes"),
    [CONVERGE_END_PAUSE] = N_("completes with a longer downtime"),
    [CONVERGE_END_POSTCOPY] = N_("completes with post-copy"),
    [CONVERGE_END_ABORT] = N_("aborts"),
    [CONVERGE_END_NEVER] = N_("does not end"),
};
G_STATIC_ASSERT(G_N_ELEMENTS(endWords) == CONVERGE_END_LAST);

static const char *const sourceWords[] = {
    [CONVERGE_LINK_STATED] = N_("as stated"),
    [CONVERGE_LINK_LIMIT] = N_("assumed: the domain's speed limit for migrations"),
    [CONVERGE_LINK_LAST] = N_("assumed: the bandwidth of the domain's last completed migration"),
};
G_STATIC_ASSERT(G_N_ELEMENTS(sourceWords) == CONVERGE_LINK_SOURCES);

static const char *const sourceNames[] = {
    [CONVERGE_LINK_STATED] = "stated",
    [CONVERGE_LINK_LIMIT] = "speed-limit",
    [CONVERGE_LINK_LAST] = "last-migration",
};
G_STATIC_ASSERT(G_N_ELEMENTS(sourceNames) == CONVERGE_LINK_SOURCES);

char *
convergeReportRange(const convergeRange *range,
                    double scale,
                    int digits,
                    const char *unit)
{
    double resolution = pow(10, -digits);

    if ((range->high - range->low) * scale < MAX(NARROW * range->value * scale, resolution))
        return g_strdup_printf("%.*f %s", digits, range->value * scale, unit);
    return g_strdup_printf("%.*f (%.*f..%.*f) %s", digits, range->value * scale, digits,
                           range->low * scale, digits, range->high * scale, unit);
}

static char *
formatOpen(const convergeRange *range,
           gboolean open,
           const char *unit)
{
    if (open)
        return g_strdup_printf(_("at least %1$.0f %2$s"), range->low / CONVERGE_MIB, unit);
    return convergeReportRange(range, 1 / CONVERGE_MIB, 0, unit);
}

/* The shortest time over which the guest was measured, seconds. */
static double
shortest(const convergeMeasured *measured)
{
    double seconds = INFINITY;
    guint i;

    for (i = 0; i < measured->seen->len; i++)
        seconds = MIN(seconds, g_array_index(measured->seen, convergeObservation, i).seconds);
    return seconds;
}

/* Sentences about the basis of the figures, and about their uncertainty. */
static GPtrArray *
notes(const convergeReport *report)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    const convergeSampledFit *fit = &report->input->fit;

    if (fit->quiet)
        g_ptr_array_add(list, g_strdup(_("no sampled page has changed")));
    if (fit->rateOpen)
        g_ptr_array_add(list, g_strdup_printf(_("the guest rewrites its whole working set within %1$.3g s, the shortest time that "
                                                "was measured: it writes at least %2$.0f MiB/s, but the actual rate and the "
                                                "effect of a throttle are uncertain"),
                                              shortest(report->measured), fit->writeRate.low / CONVERGE_MIB));
    if (fit->setOpen)
        g_ptr_array_add(list, g_strdup(_("the guest still writes to memory that it has not "
                                         "written to before: measure longer, with --seconds, to "
                                         "find its whole working set")));
    if (fit->scatter > SCATTERED)
        g_ptr_array_add(list, g_strdup(_("the measurements disagree: the guest changes its "
                                         "behaviour, or other programs use its processor")));
    if (!report->measured->usedKnown)
        g_ptr_array_add(list, g_strdup(_("it is unknown how much of the guest's memory is in use: "
                                         "the forecast assumes that all of it must be sent")));
    if (report->cipher && report->elsewhere)
        g_ptr_array_add(list, g_strdup_printf(_("the encryption speed is that of this machine, not that of '%1$s'"), report->elsewhere));
    return list;
}

/* One or more sentences, joined by "; ", without a final period. */
static char *
reason(const convergeForecasts *forecasts)
{
    const convergeForecast *chosen, *least;
    g_autoptr(GString) text = NULL;
    /* TRANSLATORS: between two sentences */
    const char *semicolon = _("; ");

    if (forecasts->recommended < 0)
        return g_strdup(_("no policy completes the migration"));

    chosen = &g_array_index(forecasts->policies, convergeForecast, forecasts->recommended);
    text = g_string_new(NULL);

    if (chosen->end == CONVERGE_END_LIMITS)
        g_string_append_printf(text, _("of the policies that stay within their limits, this one "
                                       "costs the guest least: %1$.1f s"),
                               chosen->lostMs.value / 1000);
    else
        g_string_append_printf(text, _("no policy stays within its limits; of those that complete "
                                       "the migration, this one costs the guest least: %1$.1f s"),
                               chosen->lostMs.value / 1000);
    if (chosen->worst >= CONVERGE_END_ABORT)
        g_string_append_printf(text, "%s%s", semicolon, _("it is not certain that the migration completes"));

    if (forecasts->cheaper >= 0) {
        least = &g_array_index(forecasts->policies, convergeForecast, forecasts->cheaper);
        g_string_append(text, semicolon);
        if (least->end == CONVERGE_END_POSTCOPY)
            g_string_append_printf(text, _("%1$s would cost only %2$.1f s, but the guest is lost "
                                           "if a host or the link fails in the last %3$.1f s"),
                                   least->text, least->lostMs.value / 1000,
                                   (least->totalMs.value - least->switchMs) / 1000);
        else
            g_string_append_printf(text, _("%1$s would cost only %2$.1f s, but with a downtime of "
                                           "%3$.1f s"),
                                   least->text, least->lostMs.value / 1000,
                                   least->pauseMs.value / 1000);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static const char *
recommended(const convergeForecasts *forecasts)
{
    if (forecasts->recommended < 0)
        return NULL;
    return g_array_index(forecasts->policies, convergeForecast, forecasts->recommended).text;
}

/* --- Text --- */

void
convergeReportRow(GString *text,
                  const char *label,
                  const char *format,
                  ...)
{
    g_autofree char *words = NULL;
    va_list args;

    va_start(args, format);
    words = g_strdup_vprintf(format, args);
    va_end(args);

    convergeTextAppendCell(text, label, CONVERGE_REPORT_LABEL);
    convergeTextAppendWrapped(text, words, ' ', CONVERGE_REPORT_LABEL + 1, convergeTextColumns());
    g_string_append_c(text, '\n');
}

static void
appendGuest(GString *text,
            const convergeReport *report)
{
    const convergeSampledFit *fit = &report->input->fit;
    g_autofree char *used = convergeReportRange(&report->input->used, 1 / CONVERGE_MIB, 0, "MiB");
    g_autofree char *rate = formatOpen(&fit->writeRate, fit->rateOpen, "MiB/s");
    g_autofree char *set = formatOpen(&fit->workingSet, fit->setOpen, "MiB");
    double seconds = 0;
    guint i;

    for (i = 0; i < report->measured->seen->len; i++)
        seconds += g_array_index(report->measured->seen, convergeObservation, i).seconds;

    convergeReportRow(text, _("guest"), _("%1$s: %2$.0f MiB of memory, used: %3$s"),
                      report->domain, report->input->memory / CONVERGE_MIB, used);
    convergeReportRow(text, _("writes"), _("%1$s to a working set of %2$s (%3$u measurements, %4$.3g s)"),
                      rate, set, report->measured->seen->len, seconds);
    convergeReportRow(text, _("link"), _("%1$.0f MiB/s, %2$s"), report->link / CONVERGE_MIB,
                      _(sourceWords[report->source]));
    if (report->cipher)
        convergeReportRow(text, _("encryption"), _("%1$.0f MiB/s, %2$s"), report->encrypted / CONVERGE_MIB,
                          report->cipher);
    convergeReportRow(text, _("throttle"), "%s", convergeThrottleMethodName(report->input->method));
    if (report->input->pauseMostMs > 0)
        convergeReportRow(text, _("downtime"), _("up to %1$lld ms, which 'adaptive' allows with the settings of domain and host"),
                          (long long)report->input->pauseMostMs);
}

static void
appendClass(GString *text,
            const convergeForecasts *forecasts)
{
    g_autoptr(GString) others = g_string_new(NULL);
    gsize i;

    for (i = 0; i < CONVERGE_CLASS_LAST; i++) {
        if (forecasts->mayBe[i] && i != forecasts->class_)
            /* TRANSLATORS: appended to a class; %1$s is another possible class */
            g_string_append_printf(others, _("; or %1$s"), _(classWords[i]));
    }
    if (others->len > 0)
        /* TRANSLATORS: appended to a list of classes */
        g_string_append(others, _(" (uncertain)"));
    convergeReportRow(text, _("class"), "%s%s", _(classWords[forecasts->class_]), others->str);
}

void
convergeReportTable(GString *text,
                    const GPtrArray *cells,
                    gsize columns)
{
    g_autofree glong *width = g_new0(glong, columns);
    gsize i;

    for (i = 0; i < cells->len; i++)
        width[i % columns] = MAX(width[i % columns], convergeTextWidth(cells->pdata[i]));

    for (i = 0; i < cells->len; i++) {
        if (i % columns < columns - 1)
            convergeTextAppendCell(text, cells->pdata[i], width[i % columns] + 1);
        else
            g_string_append_printf(text, "%s\n", (const char *)cells->pdata[i]);
    }
}

char *
convergeReportEnd(const convergeForecast *one)
{
    if (one->worst == one->end)
        return g_strdup(_(endWords[one->end]));
    /* TRANSLATORS: two results; %2$s is the worst possible one */
    return g_strdup_printf(_("%1$s, or: %2$s"), _(endWords[one->end]), _(endWords[one->worst]));
}

void
convergeReportCourse(GPtrArray *cells,
                     const convergeForecast *one)
{
    g_ptr_array_add(cells, one->completes ? convergeReportRange(&one->totalMs, 1e-3, 1, "s") : g_strdup("-"));
    g_ptr_array_add(cells, one->completes ? convergeReportRange(&one->pauseMs, 1, 0, "ms") : g_strdup("-"));
    g_ptr_array_add(cells, one->completes ? convergeReportRange(&one->lostMs, 1e-3, 1, "s") : g_strdup("-"));
}

#define COLUMNS 5

static void
appendTable(GString *text,
            const convergeForecasts *forecasts)
{
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    gsize i;

    g_ptr_array_add(cells, g_strdup(_("policy")));
    g_ptr_array_add(cells, g_strdup(_("total")));
    g_ptr_array_add(cells, g_strdup(_("downtime")));
    g_ptr_array_add(cells, g_strdup(_("guest time lost")));
    g_ptr_array_add(cells, g_strdup(_("result")));
    for (i = 0; i < forecasts->policies->len; i++) {
        const convergeForecast *one = &g_array_index(forecasts->policies, convergeForecast, i);

        g_ptr_array_add(cells, g_strdup(one->text));
        convergeReportCourse(cells, one);
        g_ptr_array_add(cells, convergeReportEnd(one));
    }
    convergeReportTable(text, cells, COLUMNS);
}

char *
convergeReportText(const convergeReport *report)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GPtrArray) list = notes(report);
    g_autofree char *why = reason(report->forecasts);
    const char *name = recommended(report->forecasts);
    guint i;

    appendGuest(text, report);
    appendClass(text, report->forecasts);
    for (i = 0; i < list->len; i++)
        convergeReportRow(text, _("note"), "%s", (const char *)list->pdata[i]);
    g_string_append_c(text, '\n');

    appendTable(text, report->forecasts);
    g_string_append_c(text, '\n');
    convergeReportRow(text, _("recommended"), _("%1$s: %2$s"), name ? name : _("none"), why);
    if (report->transports)
        convergeReportAppendTransports(text, report->transports);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* --- JSON --- */

void
convergeReportAddNumber(JsonObject *object,
                        const char *name,
                        double value)
{
    json_object_set_int_member(object, name, llrint(value));
}

void
convergeReportAddRange(JsonObject *object,
                       const char *name,
                       const convergeRange *range,
                       gboolean open)
{
    JsonObject *member = json_object_new();

    convergeReportAddNumber(member, "value", range->value);
    convergeReportAddNumber(member, "low", range->low);
    if (open)
        json_object_set_null_member(member, "high");
    else
        convergeReportAddNumber(member, "high", range->high);
    json_object_set_object_member(object, name, member);
}

static void
addGuest(JsonObject *top,
         const convergeReport *report)
{
    const convergeSampledFit *fit = &report->input->fit;
    JsonArray *array = json_array_new();
    guint i;

    convergeReportAddNumber(top, "memory", report->input->memory);
    convergeReportAddRange(top, "used", &report->input->used, FALSE);
    convergeReportAddRange(top, "working_set", &fit->workingSet, fit->setOpen);
    convergeReportAddRange(top, "write_rate", &fit->writeRate, fit->rateOpen);

    for (i = 0; i < report->measured->seen->len; i++) {
        const convergeObservation *o = &g_array_index(report->measured->seen,
                                                      convergeObservation, i);
        JsonObject *element = json_object_new();

        json_object_set_double_member(element, "seconds", o->seconds);
        convergeReportAddNumber(element, "dirtied", o->bytes);
        json_array_add_object_element(array, element);
    }
    json_object_set_array_member(top, "measurements", array);
}

static void
addLink(JsonObject *top,
        const convergeReport *report)
{
    JsonObject *link = json_object_new();

    convergeReportAddNumber(link, "bandwidth", report->link);
    json_object_set_string_member(link, "from", sourceNames[report->source]);
    json_object_set_object_member(top, "link", link);

    if (report->cipher) {
        JsonObject *tls = json_object_new();

        convergeReportAddNumber(tls, "bandwidth", report->encrypted);
        json_object_set_string_member(tls, "cipher", report->cipher);
        json_object_set_object_member(top, "tls", tls);
    }
    convergeReportAddNumber(top, "bandwidth", report->input->bandwidth);
}

static void
addClass(JsonObject *top,
         const convergeForecasts *forecasts)
{
    JsonArray *array = json_array_new();
    gsize i;

    for (i = 0; i < CONVERGE_CLASS_LAST; i++) {
        if (forecasts->mayBe[i])
            json_array_add_string_element(array, convergeClassName(i));
    }
    json_object_set_string_member(top, "class", convergeClassName(forecasts->class_));
    json_object_set_array_member(top, "class_may_be", array);
    json_object_set_boolean_member(top, "class_certain", json_array_get_length(array) == 1);
}

void
convergeReportAddCourse(JsonObject *object,
                        const convergeForecast *one)
{
    if (!one->completes)
        return;
    convergeReportAddRange(object, "total_ms", &one->totalMs, FALSE);
    convergeReportAddRange(object, "pause_ms", &one->pauseMs, FALSE);
    convergeReportAddRange(object, "lost_ms", &one->lostMs, FALSE);
}

static JsonObject *
policyObject(const convergeForecast *one)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "policy", one->text);
    json_object_set_string_member(object, "end", convergeEndName(one->end));
    json_object_set_string_member(object, "worst_end", convergeEndName(one->worst));
    convergeReportAddNumber(object, "peak_throttle", one->peakThrottle);
    convergeReportAddCourse(object, one);
    return object;
}

char *
convergeReportJSON(const convergeReport *report)
{
    const GArray *forecasts = report->forecasts->policies;
    JsonObject *top = json_object_new();
    JsonArray *policies = json_array_new();
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) list = notes(report);
    g_autofree char *why = reason(report->forecasts);
    g_autofree char *text = NULL;
    guint i;

    json_object_set_string_member(top, "domain", report->domain);
    addGuest(top, report);
    addLink(top, report);
    addClass(top, report->forecasts);

    json_object_set_string_member(top, "actuator",
                                  convergeThrottleMethodName(report->input->method));
    if (report->input->pauseMostMs > 0)
        json_object_set_int_member(top, "pause_most_ms", report->input->pauseMostMs);
    for (i = 0; i < forecasts->len; i++)
        json_array_add_object_element(policies, policyObject(&g_array_index(forecasts, convergeForecast, i)));
    json_object_set_array_member(top, "policies", policies);
    json_object_set_string_member(top, "recommended", recommended(report->forecasts));
    json_object_set_string_member(top, "why", why);
    if (report->transports)
        json_object_set_object_member(top, "transports", convergeReportTransportsObject(report->transports));
    for (i = 0; i < list->len; i++)
        json_array_add_string_element(array, list->pdata[i]);
    json_object_set_array_member(top, "notes", array);

    text = convergeJSONWrite(top, TRUE);
    return g_strconcat(text, "\n", NULL);
}
