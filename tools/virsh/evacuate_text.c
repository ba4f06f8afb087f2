/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evacuate_text.c: the plan of an evacuation, and what came of it, for people and programs
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>

#include "estimate/measure.h"
#include "util/json.h"
#include "util/text.h"

#include "evacuate.h"

#define NAME_WIDTH 20
#define TIME_WIDTH 10
#define UNKNOWN "-"

static void
appendTime(GString *text,
           gboolean known,
           double ms)
{
    g_autofree char *cell = known ? g_strdup_printf(_("%1$.1f s"), ms / 1000) : g_strdup(UNKNOWN);

    convergeTextAppendNumber(text, cell, TIME_WIDTH);
}

static void
appendPause(GString *text,
            gboolean known,
            gint64 ms)
{
    g_autofree char *cell = known ? g_strdup_printf(_("%1$lld ms"), (long long)ms) : g_strdup(UNKNOWN);

    convergeTextAppendNumber(text, cell, TIME_WIDTH);
}

static void
appendName(GString *text,
           const char *name)
{
    g_autofree char *escaped = convergeTextEscape(name);

    convergeTextAppendCell(text, escaped, NAME_WIDTH);
}

static const char *
destinationOf(const virshEvacuation *evacuation,
              const convergeEvacuee *planned)
{
    return g_array_index(evacuation->destinations, virshEvacuateDestination, planned->destination).name;
}

/* --- The plan --- */

static void
appendLeaving(GString *text,
              const virshEvacuation *evacuation)
{
    guint i;

    convergeTextAppendCell(text, _("GUEST"), NAME_WIDTH);
    convergeTextAppendCell(text, _("DESTINATION"), NAME_WIDTH);
    convergeTextAppendNumber(text, _("BEGIN"), TIME_WIDTH);
    convergeTextAppendNumber(text, _("END"), TIME_WIDTH);
    convergeTextAppendNumber(text, _("LOST"), TIME_WIDTH);
    convergeTextAppendNumber(text, _("PAUSE"), TIME_WIDTH);
    g_string_append_printf(text, "%s\n", _("NOTE"));
    for (i = 0; i < evacuation->plan->order->len; i++) {
        convergeEvacuee *planned;
        const virshEvacuee *guest = virshEvacuationNth(evacuation, i, &planned);
        g_autofree char *why = convergeTextEscape(guest->why ? guest->why : guest->uncertain ? _("the migration may not end") :
                                                                                               "");

        appendName(text, guest->name);
        appendName(text, destinationOf(evacuation, planned));
        appendTime(text, TRUE, (double)planned->beginMs);
        appendTime(text, TRUE, (double)planned->endMs);
        appendTime(text, guest->forecast, (double)planned->lostMs);
        appendPause(text, guest->forecast, planned->pauseMs);
        g_string_append_printf(text, "%s\n", why);
    }
}

static void
appendStaying(GString *text,
              const virshEvacuation *evacuation)
{
    gboolean first = TRUE;
    guint i;

    for (i = 0; i < evacuation->guests->len; i++) {
        const virshEvacuee *guest = g_ptr_array_index(evacuation->guests, i);
        g_autofree char *why = convergeTextEscape(guest->why);

        if (g_array_index(evacuation->planned, convergeEvacuee, i).stay == CONVERGE_STAY_NOT)
            continue;
        if (first)
            g_string_append_printf(text, "\n%s\n", _("These guests stay:"));
        first = FALSE;
        appendName(text, guest->name);
        g_string_append_printf(text, "%s\n", why);
    }
}

char *
virshEvacuationPlanText(const virshEvacuation *evacuation)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const convergeEvacuation *plan = evacuation->plan;
    guint i;

    if (plan->order->len > 0) {
        g_string_append_printf(text, _("Guests that leave: %1$u; link: %2$.0f MiB/s; migrations at the same time: %3$u"),
                               plan->order->len, evacuation->bandwidth / CONVERGE_MIB, evacuation->parallel);
        g_string_append(text, "\n\n");
        appendLeaving(text, evacuation);
    } else {
        g_string_append_printf(text, "%s\n", _("No guest leaves"));
    }
    appendStaying(text, evacuation);
    if (plan->order->len > 0) {
        g_string_append_c(text, '\n');
        g_string_append_printf(text, _("The plan takes %1$.1f s; no plan takes less than %2$.1f s, in which the link carries the memory once"),
                               (double)plan->totalMs / 1000, (double)plan->boundMs / 1000);
        g_string_append_c(text, '\n');
        g_string_append_printf(text, _("The guests lose %1$.1f s together; in the best case that the forecasts hold possible, %2$.1f s"),
                               (double)plan->lostMs / 1000, (double)plan->lostBoundMs / 1000);
        g_string_append_c(text, '\n');
    }
    for (i = 0; i < evacuation->notes->len; i++) {
        g_autofree char *note = convergeTextEscape(g_ptr_array_index(evacuation->notes, i));

        g_string_append_printf(text, _("note: %1$s"), note);
        g_string_append_c(text, '\n');
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *
virshEvacuationLateText(const virshEvacuation *evacuation)
{
    const convergeEvacuation *plan = evacuation->plan;
    g_autoptr(GString) late = g_string_new(NULL);
    g_autofree char *names = NULL;
    guint i;

    if (plan->lateMs == 0)
        return NULL;
    for (i = 0; i < plan->order->len; i++) {
        convergeEvacuee *planned;
        const virshEvacuee *guest = virshEvacuationNth(evacuation, i, &planned);

        if (planned->endMs > evacuation->options.deadlineMs)
            g_string_append_printf(late, "%s%s", late->len > 0 ? ", " : "", guest->name);
    }
    names = convergeTextEscape(late->str);
    return g_strdup_printf(_("the deadline cannot be met: the plan takes %1$.1f s, which is %2$.1f s too long, and %3$u of %4$u guests leave in time. What helps: a deadline of %5$.0f s; to leave out guests such as those that are late (%6$s); a faster link, in any case of %7$.0f MiB/s or more"),
                           (double)plan->totalMs / 1000, (double)plan->lateMs / 1000, (unsigned int)plan->nInTime,
                           plan->order->len, (double)(plan->totalMs + 999) / 1000, names, plan->bandwidthLeast / CONVERGE_MIB);
}

/* --- What came --- */

/* FALSE: libvirt did not tell, or nothing came. */
static gboolean
camePause(const virshEvacuee *guest,
          guint64 *ms)
{
    *ms = 0;
    return guest->state == VIRSH_EVACUEE_DONE && guest->row &&
        virshWatchRowNumber(guest->row, VIR_DOMAIN_JOB_DOWNTIME, ms);
}

static const char *
resultText(const virshEvacuee *guest)
{
    if (guest->state == VIRSH_EVACUEE_DONE)
        return _("done");
    return guest->tries > 0 ? _("failed") : _("not begun");
}

static void
appendResult(GString *text,
             const virshEvacuee *guest,
             const convergeEvacuee *planned)
{
    gboolean done = guest->state == VIRSH_EVACUEE_DONE;
    guint64 ms;
    gboolean known;

    appendName(text, guest->name);
    convergeTextAppendCell(text, resultText(guest), TIME_WIDTH);
    appendTime(text, TRUE, (double)planned->endMs);
    appendTime(text, done, (double)guest->endMs);
    appendTime(text, guest->forecast, (double)planned->lostMs);
    appendTime(text, done && guest->lostMs >= 0, (double)guest->lostMs);
    appendPause(text, guest->forecast, planned->pauseMs);
    known = camePause(guest, &ms);
    appendPause(text, known, (gint64)ms);
    g_string_append_c(text, '\n');
}

static void
appendReasons(GString *text,
              const virshEvacuee *guest)
{
    g_autofree char *name = convergeTextEscape(guest->name);
    g_autofree char *error = convergeTextEscape(guest->error);

    if (guest->state != VIRSH_EVACUEE_DONE && guest->error) {
        g_string_append_printf(text, _("%1$s has stayed: %2$s"), name, error);
        g_string_append_c(text, '\n');
    }
    if (guest->notes && *guest->notes)
        g_string_append_printf(text, "%s: %s\n", name, guest->notes);
}

void
virshEvacuationCount(const virshEvacuation *evacuation,
                     guint *nDone,
                     guint *nLeft)
{
    guint i;

    *nDone = 0;
    for (i = 0; i < evacuation->plan->order->len; i++)
        *nDone += virshEvacuationNth(evacuation, i, NULL)->state == VIRSH_EVACUEE_DONE;
    *nLeft = evacuation->plan->order->len - *nDone;
}

char *
virshEvacuationSummary(const virshEvacuation *evacuation)
{
    g_autoptr(GString) text = g_string_new(NULL);
    convergeEvacuee *planned;
    guint nDone, nLeft, i;

    convergeTextAppendCell(text, _("GUEST"), NAME_WIDTH);
    convergeTextAppendCell(text, _("RESULT"), TIME_WIDTH);
    convergeTextAppendNumber(text, _("END"), TIME_WIDTH);
    convergeTextAppendNumber(text, _("...CAME"), TIME_WIDTH);
    convergeTextAppendNumber(text, _("LOST"), TIME_WIDTH);
    convergeTextAppendNumber(text, _("...CAME"), TIME_WIDTH);
    convergeTextAppendNumber(text, _("PAUSE"), TIME_WIDTH);
    convergeTextAppendNumber(text, _("...CAME"), TIME_WIDTH);
    g_string_append_c(text, '\n');
    for (i = 0; i < evacuation->plan->order->len; i++) {
        const virshEvacuee *guest = virshEvacuationNth(evacuation, i, &planned);

        appendResult(text, guest, planned);
    }
    for (i = 0; i < evacuation->plan->order->len; i++)
        appendReasons(text, virshEvacuationNth(evacuation, i, NULL));
    virshEvacuationCount(evacuation, &nDone, &nLeft);
    g_string_append_printf(text, _("Guests that have left: %1$u, that have not: %2$u; %3$.1f s, planned were %4$.1f s"), nDone,
                           nLeft, (double)evacuation->tookMs / 1000, (double)evacuation->plan->totalMs / 1000);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* --- JSON --- */

static void
setText(JsonObject *object,
        const char *name,
        const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    if (valid)
        json_object_set_string_member(object, name, valid);
}

static void
setNumber(JsonObject *object,
          const char *name,
          gboolean known,
          gint64 number)
{
    if (known)
        json_object_set_int_member(object, name, number);
}

static JsonObject *
guestJSON(const virshEvacuation *evacuation,
          const virshEvacuee *guest,
          const convergeEvacuee *planned)
{
    JsonObject *object = json_object_new();
    gboolean leaves = planned->stay == CONVERGE_STAY_NOT;
    gboolean known;
    guint64 ms;

    setText(object, "guest", guest->name);
    setText(object, "stays", leaves ? NULL : convergeStayName(planned->stay));
    setText(object, "why", guest->why);
    setText(object, "policy", guest->policy);
    setNumber(object, "priority", planned->priority > 0, planned->priority);
    setNumber(object, "memory", TRUE, (gint64)planned->memory);
    if (!leaves)
        return object;

    setNumber(object, "bytes", TRUE, (gint64)planned->bytes);
    setText(object, "destination", g_array_index(evacuation->destinations, virshEvacuateDestination, planned->destination).uri);
    setNumber(object, "begin_ms", TRUE, planned->beginMs);
    setNumber(object, "end_ms", TRUE, planned->endMs);
    setNumber(object, "total_ms", TRUE, planned->totalMs);
    setNumber(object, "lost_ms", guest->forecast, planned->lostMs);
    setNumber(object, "pause_ms", guest->forecast, planned->pauseMs);
    json_object_set_boolean_member(object, "may_not_end", guest->uncertain);
    if (evacuation->options.dryRun)
        return object;

    setText(object, "result", guest->state == VIRSH_EVACUEE_DONE ? "done" : guest->tries > 0 ? "failed" :
                                                                                               "not-begun");
    setNumber(object, "tries", TRUE, guest->tries);
    setNumber(object, "came_begin_ms", guest->tries > 0, guest->beginMs);
    setNumber(object, "came_end_ms", guest->tries > 0, guest->endMs);
    setNumber(object, "came_lost_ms", guest->state == VIRSH_EVACUEE_DONE && guest->lostMs >= 0, guest->lostMs);
    known = camePause(guest, &ms);
    setNumber(object, "came_pause_ms", known, (gint64)ms);
    setText(object, "error", guest->state == VIRSH_EVACUEE_DONE ? NULL : guest->error);
    return object;
}

char *
virshEvacuationJSON(const virshEvacuation *evacuation)
{
    const convergeEvacuation *plan = evacuation->plan;
    JsonObject *object = json_object_new();
    JsonArray *guests = json_array_new();
    JsonArray *notes = json_array_new();
    guint i;

    setNumber(object, "bandwidth", TRUE, (gint64)evacuation->bandwidth);
    setNumber(object, "parallel", TRUE, evacuation->parallel);
    json_object_set_boolean_member(object, "module", evacuation->module);
    setNumber(object, "total_ms", TRUE, plan->totalMs);
    setNumber(object, "total_bound_ms", TRUE, plan->boundMs);
    setNumber(object, "lost_ms", TRUE, plan->lostMs);
    setNumber(object, "lost_bound_ms", TRUE, plan->lostBoundMs);
    setNumber(object, "deadline_ms", evacuation->options.deadlineMs > 0, evacuation->options.deadlineMs);
    setNumber(object, "late_ms", evacuation->options.deadlineMs > 0, plan->lateMs);
    setNumber(object, "in_time", evacuation->options.deadlineMs > 0, (gint64)plan->nInTime);
    setNumber(object, "came_total_ms", evacuation->tookMs > 0, evacuation->tookMs);

    /* Those that leave come first, in their order. */
    for (i = 0; i < plan->order->len; i++) {
        convergeEvacuee *planned;
        const virshEvacuee *guest = virshEvacuationNth(evacuation, i, &planned);

        json_array_add_object_element(guests, guestJSON(evacuation, guest, planned));
    }
    for (i = 0; i < evacuation->guests->len; i++) {
        const convergeEvacuee *planned = &g_array_index(evacuation->planned, convergeEvacuee, i);

        if (planned->stay != CONVERGE_STAY_NOT)
            json_array_add_object_element(guests, guestJSON(evacuation, g_ptr_array_index(evacuation->guests, i), planned));
    }
    for (i = 0; i < evacuation->notes->len; i++) {
        g_autofree char *note = g_utf8_make_valid(g_ptr_array_index(evacuation->notes, i), -1);

        json_array_add_string_element(notes, note);
    }
    json_object_set_array_member(object, "guests", guests);
    json_object_set_array_member(object, "notes", notes);
    return convergeJSONWrite(object, TRUE);
}
