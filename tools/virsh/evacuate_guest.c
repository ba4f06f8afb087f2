/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evacuate_guest.c: whether a guest can leave, and what that is forecast to take
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "estimate/forecast.h"
#include "estimate/measure.h"
#include "qemu/qmp.h"

#include "client_calls.h"
#include "evacuate.h"
#include "shim.h"

/* The text of the call's policy.  The guest's own layers name the preset if the caller does not.  With
 * the module, those that leave take turns unless the caller says otherwise. */
static gboolean
resolvePolicy(const virshEvacuation *evacuation,
              const virshConvergeDomain *known,
              virshEvacuee *guest,
              convergePolicy **policy,
              GError **error)
{
    const char *text = evacuation->options.policy;
    g_autoptr(convergePolicy) own = NULL;
    g_autoptr(convergePolicySpec) call = NULL;

    if (!text) {
        if (!(own = virshConvergePolicyResolve(NULL, known, error)))
            return FALSE;
        text = convergePolicyGetPreset(own);
    }
    if (!(call = convergePolicySpecParse(text, error)))
        return FALSE;

    guest->policy = evacuation->module && !convergePolicySpecHas(call, CONVERGE_FIELD_LINK) ?
        g_strconcat(text, ",link=turns", NULL) :
        g_strdup(text);
    if (!(*policy = virshConvergePolicyResolve(guest->policy, known, error)))
        return FALSE;
    guest->turns = evacuation->module && convergePolicyGet(*policy, CONVERGE_FIELD_LINK) == CONVERGE_LINK_USE_TURNS;
    return TRUE;
}

/* What QEMU says that keeps the guest from being migrated; NULL: nothing, or QEMU cannot be asked. */
static char *
findBlockers(virDomainPtr dom)
{
    convergeMonitor monitor = { &virshConvergeCalls, dom };
    g_autoptr(JsonObject) reply = convergeQmpRunObject(&monitor, "query-migrate", NULL, NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    JsonArray *reasons;
    guint i;

    if (!reply || !json_object_has_member(reply, "blocked-reasons") ||
        !JSON_NODE_HOLDS_ARRAY(json_object_get_member(reply, "blocked-reasons")))
        return NULL;

    reasons = json_object_get_array_member(reply, "blocked-reasons");
    for (i = 0; i < json_array_get_length(reasons); i++) {
        JsonNode *reason = json_array_get_element(reasons, i);

        if (JSON_NODE_HOLDS_VALUE(reason) && json_node_get_value_type(reason) == G_TYPE_STRING)
            g_string_append_printf(text, "%s%s", text->len > 0 ? "; " : "", json_node_get_string(reason));
    }
    return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static void
noProgress(double done G_GNUC_UNUSED,
           double seconds G_GNUC_UNUSED,
           void *opaque G_GNUC_UNUSED)
{
}

static void
takeForecast(virshEvacuee *guest,
             convergeEvacuee *planned,
             const convergeForecast *forecast)
{
    guest->forecast = forecast->completes;
    guest->uncertain = forecast->worst >= CONVERGE_END_ABORT;
    if (!forecast->completes) {
        planned->stay = CONVERGE_STAY_HOPELESS;
        guest->why = g_strdup(forecast->end == CONVERGE_END_ABORT ? _("under its policy, the migration is aborted") :
                                                                    _("under its policy, the migration does not end"));
        return;
    }
    planned->totalMs = (gint64)forecast->totalMs.value;
    planned->pauseMs = (gint64)forecast->pauseMs.value;
    planned->lostMs = (gint64)forecast->lostMs.value;
    planned->lostLeastMs = (gint64)forecast->lostMs.low;
}

static void
forecastGuest(const virshEvacuation *evacuation,
              virDomainPtr dom,
              const convergePolicy *policy,
              virshEvacuee *guest,
              convergeEvacuee *planned)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(convergeMeasured) measured = convergeMeasureGuest(dom, evacuation->options.seconds, FALSE, noProgress,
                                                                NULL, &error);
    convergeForecastPolicy one = { guest->policy, policy };
    g_autoptr(convergeForecasts) forecasts = NULL;
    convergeForecastInput input;

    if (!measured) {
        guest->why = g_strdup_printf(_("there is no forecast: %1$s"), error->message);
        return;
    }
    planned->bytes = measured->used.value;
    virshConvergeForecastInput(dom, measured, evacuation->bandwidth, &input);
    forecasts = convergeForecastsNew(&input, NULL, NULL, &one, 1);
    takeForecast(guest, planned, &g_array_index(forecasts->policies, convergeForecast, 0));
}

void
virshEvacueeLook(const virshEvacuation *evacuation,
                 virDomainPtr dom,
                 virshEvacuee *guest,
                 convergeEvacuee *planned)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(convergePolicySpec) spec = NULL;
    g_autoptr(convergeDomainFacts) facts = NULL;
    gboolean missing = FALSE;
    int stated;

    spec = virshConvergeReadSpec(dom, VIR_DOMAIN_AFFECT_CURRENT, &missing, &error);
    facts = virshConvergeReadFacts(dom);
    if ((!spec && !missing) ||
        !resolvePolicy(evacuation, &(virshConvergeDomain) { spec, facts }, guest, &policy, &error)) {
        planned->stay = CONVERGE_STAY_POLICY;
        guest->why = g_strdup_printf(_("its policy is wrong: %1$s"), error ? error->message : virGetLastErrorMessage());
        return;
    }
    stated = virshEvacuatePriority(evacuation->options.priority, guest->name);
    planned->priority = stated > 0 ? stated : (int)convergePolicyGet(policy, CONVERGE_FIELD_PRIORITY);

    if (convergeMeasureHasJob(dom)) {
        planned->stay = CONVERGE_STAY_BUSY;
        guest->why = g_strdup(_("another job of the guest runs"));
        return;
    }
    /* A caller who states a time does not want QEMU's monitor to be used. */
    if (evacuation->options.seconds == 0 && (guest->why = findBlockers(dom))) {
        planned->stay = CONVERGE_STAY_DEVICE;
        return;
    }
    forecastGuest(evacuation, dom, policy, guest, planned);
}
