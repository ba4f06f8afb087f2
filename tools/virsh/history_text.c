/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history_text.c: the history of a host as text
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "util/text.h"

#include "history_text.h"

#define ID_WIDTH 5
#define WHEN_WIDTH 16
#define GUEST_WIDTH 18
#define OUTCOME_WIDTH 12
#define NUMBER_WIDTH 7

/* Of the table of observed migrations. */
#define WHO_WIDTH 10
#define RANGE_WIDTH 14

#define LABEL_WIDTH 10
#define LABEL_INDENT 2

/* --- Numbers --- */

static char *
seconds(gint64 ms)
{
    if (ms < 0)
        return g_strdup("-");
    return g_strdup_printf(ms < 100 * 1000 ? "%.1f" : "%.0f", (double)ms / 1000);
}

static char *
milliseconds(gint64 ms)
{
    return ms < 0 ? g_strdup("-") : g_strdup_printf("%" G_GINT64_FORMAT, ms);
}

static char *
localTime(gint64 ms,
          const char *format)
{
    g_autoptr(GDateTime) utc = ms >= 0 ? g_date_time_new_from_unix_utc(ms / 1000) : NULL;
    g_autoptr(GDateTime) when = utc ? g_date_time_to_local(utc) : NULL;
    char *text = when ? g_date_time_format(when, format) : NULL;

    return text ? text : g_strdup("-");
}

/* --- Cells --- */

/* A text of others, cut to @width. */
static void
appendName(GString *text,
           const char *name,
           glong width)
{
    g_autofree char *safe = convergeTextEscape(name ? name : "-");
    g_autofree char *cut = NULL;

    if (g_utf8_strlen(safe, -1) > width) {
        g_autofree char *begin = g_utf8_substring(safe, 0, width - 1);

        cut = g_strconcat(begin, "…", NULL);
    }
    convergeTextAppendCell(text, cut ? cut : safe, width);
}

/* Padded on the left; takes @number. */
static void
appendNumber(GString *text,
             char *number,
             glong width,
             gboolean last)
{
    g_string_append_printf(text, "%*s%s", (int)MAX(width - g_utf8_strlen(number, -1), 0), "", number);
    if (!last)
        g_string_append_c(text, ' ');
    g_free(number);
}

static const char *
outcomeText(convergeOutcome outcome)
{
    switch (outcome) {
    case CONVERGE_OUTCOME_RUNNING:
        return _("running");
    case CONVERGE_OUTCOME_DONE:
        return _("done");
    case CONVERGE_OUTCOME_POSTCOPY:
        return _("post-copy");
    case CONVERGE_OUTCOME_FAILED:
        return _("failed");
    case CONVERGE_OUTCOME_ABORTED:
        return _("aborted");
    case CONVERGE_OUTCOME_INTERRUPTED:
    case CONVERGE_OUTCOME_LAST:
    default:
        return _("interrupted");
    }
}

/* --- The list --- */

static void
appendEntry(GString *text,
            const convergeHistoryEntry *entry)
{
    g_autofree char *when = localTime(entry->beginMs, "%Y-%m-%d %H:%M");

    appendNumber(text, milliseconds(entry->id), ID_WIDTH, FALSE);
    convergeTextAppendCell(text, when, WHEN_WIDTH);
    appendName(text, entry->guest, GUEST_WIDTH);
    convergeTextAppendCell(text, outcomeText(entry->outcome), OUTCOME_WIDTH);
    appendNumber(text, seconds(entry->totalMs), NUMBER_WIDTH, FALSE);
    appendNumber(text, milliseconds(entry->downtimeMs), NUMBER_WIDTH, FALSE);
    appendNumber(text, seconds(entry->lostMs), NUMBER_WIDTH, TRUE);
    g_string_append_c(text, '\n');
}

char *
virshHistoryList(const GPtrArray *entries)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint i;

    appendNumber(text, g_strdup(_("ID")), ID_WIDTH, FALSE);
    convergeTextAppendCell(text, _("Begin"), WHEN_WIDTH);
    convergeTextAppendCell(text, _("Guest"), GUEST_WIDTH);
    convergeTextAppendCell(text, _("Outcome"), OUTCOME_WIDTH);
    appendNumber(text, g_strdup(_("Total s")), NUMBER_WIDTH, FALSE);
    appendNumber(text, g_strdup(_("Down ms")), NUMBER_WIDTH, FALSE);
    appendNumber(text, g_strdup(_("Lost s")), NUMBER_WIDTH, TRUE);
    g_string_append_c(text, '\n');
    for (i = 0; i < entries->len; i++)
        appendEntry(text, g_ptr_array_index(entries, i));
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* --- Observed --- */

/* "8.1 (6.2-14.0)" */
static char *
range(const convergeHistoryRange *value,
      char *(*format)(gint64 ms))
{
    g_autofree char *likely = format(value->value);
    g_autofree char *least = format(value->least);
    g_autofree char *most = format(value->most);

    return value->most < 0 ? g_strdup(likely) : g_strdup_printf("%s (%s-%s)", likely, least, most);
}

static void
appendWho(GString *text,
          const char *who)
{
    convergeTextAppendCell(text, who, WHO_WIDTH);
}

static void
appendOurs(GString *text,
           const convergeHistoryEntry *entry)
{
    g_string_append_printf(text, "%*s", ID_WIDTH + GUEST_WIDTH + 2, "");
    appendWho(text, _("policy"));
    if (!entry->plan) {
        g_string_append(text, _("would have done nothing else"));
    } else if (entry->planConverges != 1) {
        g_autofree char *plan = convergeTextEscape(entry->plan);

        convergeTextAppendWrapped(text, plan, ' ', ID_WIDTH + GUEST_WIDTH + WHO_WIDTH + 3, 80);
    } else {
        appendNumber(text, range(&entry->planTotalMs, seconds), RANGE_WIDTH, FALSE);
        appendNumber(text, range(&entry->planDowntimeMs, milliseconds), RANGE_WIDTH, FALSE);
        appendNumber(text, range(&entry->planLostMs, seconds), RANGE_WIDTH, TRUE);
    }
    g_string_append_c(text, '\n');
}

typedef struct {
    guint n;
    gint64 total, downtime, lost, planTotal, planDowntime, planLost; /* ms */
} observedSums;

static void
appendSums(GString *text,
           const observedSums *sums)
{
    if (sums->n == 0)
        return;

    g_string_append_printf(text, "%*u ", ID_WIDTH, sums->n);
    convergeTextAppendCell(text, _("in all, with both"), GUEST_WIDTH);
    appendWho(text, _("stock"));
    appendNumber(text, seconds(sums->total), RANGE_WIDTH, FALSE);
    appendNumber(text, milliseconds(sums->downtime), RANGE_WIDTH, FALSE);
    appendNumber(text, seconds(sums->lost), RANGE_WIDTH, TRUE);
    g_string_append_printf(text, "\n%*s", ID_WIDTH + GUEST_WIDTH + 2, "");
    appendWho(text, _("policy"));
    appendNumber(text, seconds(sums->planTotal), RANGE_WIDTH, FALSE);
    appendNumber(text, milliseconds(sums->planDowntime), RANGE_WIDTH, FALSE);
    appendNumber(text, seconds(sums->planLost), RANGE_WIDTH, TRUE);
    g_string_append_c(text, '\n');
}

/* Only what has ended on both sides can be compared. */
static void
addSums(observedSums *sums,
        const convergeHistoryEntry *entry)
{
    if (entry->outcome != CONVERGE_OUTCOME_DONE || entry->planConverges != 1 || entry->totalMs < 0 ||
        entry->lostMs < 0 || entry->downtimeMs < 0)
        return;
    sums->n++;
    sums->total += entry->totalMs;
    sums->downtime += entry->downtimeMs;
    sums->lost += entry->lostMs;
    sums->planTotal += entry->planTotalMs.value;
    sums->planDowntime += entry->planDowntimeMs.value;
    sums->planLost += entry->planLostMs.value;
}

char *
virshHistoryObserved(const GPtrArray *entries)
{
    g_autoptr(GString) text = g_string_new(NULL);
    observedSums sums = { 0 };
    guint i;

    appendNumber(text, g_strdup(_("ID")), ID_WIDTH, FALSE);
    convergeTextAppendCell(text, _("Guest"), GUEST_WIDTH);
    appendWho(text, "");
    appendNumber(text, g_strdup(_("Total s")), RANGE_WIDTH, FALSE);
    appendNumber(text, g_strdup(_("Down ms")), RANGE_WIDTH, FALSE);
    appendNumber(text, g_strdup(_("Lost s")), RANGE_WIDTH, TRUE);
    g_string_append_c(text, '\n');
    for (i = 0; i < entries->len; i++) {
        const convergeHistoryEntry *entry = g_ptr_array_index(entries, i);

        if (!entry->observed)
            continue;
        appendNumber(text, milliseconds(entry->id), ID_WIDTH, FALSE);
        appendName(text, entry->guest, GUEST_WIDTH);
        appendWho(text, _("stock"));
        appendNumber(text, seconds(entry->totalMs), RANGE_WIDTH, FALSE);
        appendNumber(text, milliseconds(entry->downtimeMs), RANGE_WIDTH, FALSE);
        appendNumber(text, seconds(entry->lostMs), RANGE_WIDTH, TRUE);
        g_string_append_c(text, '\n');
        appendOurs(text, entry);
        addSums(&sums, entry);
    }
    appendSums(text, &sums);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* --- The story --- */

/* Takes @words. */
static void
appendFact(GString *text,
           const char *label,
           char *words)
{
    g_autofree char *safe = convergeTextEscape(words);
    glong columns = convergeTextColumns();

    g_string_append_printf(text, "%*s", LABEL_INDENT, "");
    convergeTextAppendCell(text, label, LABEL_WIDTH);
    convergeTextAppendWrapped(text, safe, ' ', LABEL_INDENT + LABEL_WIDTH + 1, columns);
    g_string_append_c(text, '\n');
    g_free(words);
}

static char *
bytes(gint64 n)
{
    return n < 0 ? g_strdup("-") : g_format_size_full((guint64)n, G_FORMAT_SIZE_IEC_UNITS);
}

/* The fields that call, domain or host have stated. */
static char *
statedFields(const convergeHistoryEntry *entry)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint i;

    for (i = 0; i < entry->fields->len; i++) {
        const convergeHistoryField *field = g_ptr_array_index(entry->fields, i);

        if (!g_str_equal(field->layer, "preset") && !g_str_equal(field->layer, "built-in"))
            g_string_append_printf(text, "%s%s=%s (%s)", text->len ? ", " : "", field->name, field->value,
                                   field->layer);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
appendTimes(GString *text,
            const convergeHistoryEntry *entry)
{
    g_autofree char *begin = localTime(entry->beginMs, "%Y-%m-%d %H:%M:%S");
    g_autofree char *total = seconds(entry->totalMs);
    g_autofree char *sent = bytes(entry->bytes);

    appendFact(text, _("began"), g_strdup(begin));
    if (entry->endMs >= 0)
        appendFact(text, _("ended"), localTime(entry->endMs, "%Y-%m-%d %H:%M:%S"));
    if (entry->totalMs >= 0)
        appendFact(text, _("took"),
                   g_strdup_printf(_("%1$s s from the first byte on; passes: %2$lld, sent: %3$s"), total,
                                   (long long)entry->passes, sent));
}

/* Takes @words. */
static void
addWords(GString *text,
         char *words)
{
    g_string_append_printf(text, "%s%s", text->len ? "; " : "", words);
    g_free(words);
}

/* Of the pause only what is known. */
static void
appendDowntime(GString *text,
               const convergeHistoryEntry *entry)
{
    g_autoptr(GString) words = g_string_new(NULL);

    if (entry->downtimeMs >= 0)
        addWords(words, g_strdup_printf(_("%1$lld ms"), (long long)entry->downtimeMs));
    if (entry->downtimeLimitMs >= 0)
        addWords(words, g_strdup_printf(_("allowed: %1$lld ms"), (long long)entry->downtimeLimitMs));
    if (entry->downtimePredictedMs >= 0)
        addWords(words, g_strdup_printf(_("predicted: %1$lld ms"), (long long)entry->downtimePredictedMs));
    if (words->len > 0)
        appendFact(text, _("downtime"), g_strdup(words->str));
}

static void
appendCosts(GString *text,
            const convergeHistoryEntry *entry)
{
    g_autofree char *lost = seconds(entry->lostMs);
    g_autofree char *strongest = seconds(entry->strongestMs);
    g_autofree char *held = seconds(entry->heldMs);

    if (entry->totalMs < 0)
        return;
    appendDowntime(text, entry);
    appendFact(text, _("lost"), g_strdup_printf(_("%1$s s of guest time, by throttle and downtime"), lost));
    if (entry->strongestThrottle > 0)
        appendFact(text, _("throttle"),
                   g_strdup_printf(_("%1$lld %% for %2$s s at the strongest; 90 %% or more for %3$s s"),
                                   (long long)entry->strongestThrottle, strongest, held));
}

static void
appendPlan(GString *text,
           const convergeHistoryEntry *entry)
{
    g_autofree char *at = seconds(entry->planAtMs);
    g_autofree char *total = range(&entry->planTotalMs, seconds);
    g_autofree char *downtime = range(&entry->planDowntimeMs, milliseconds);
    g_autofree char *lost = range(&entry->planLostMs, seconds);

    if (!entry->plan)
        return;
    appendFact(text, _("plan"), g_strdup_printf(_("%1$s s after the first byte: %2$s"), at, entry->plan));
    if (entry->planConverges == 1)
        appendFact(text, _("predicted"),
                   g_strdup_printf(_("total %1$s s, downtime %2$s ms, lost %3$s s"), total, downtime, lost));
}

static void
appendText(GString *text,
           const char *label,
           const char *words)
{
    if (words && *words)
        appendFact(text, label, g_strdup(words));
}

char *
virshHistoryStory(const convergeHistoryEntry *entry)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *guest = convergeTextEscape(entry->guest ? entry->guest : "-");
    g_autofree char *from = convergeTextEscape(entry->from ? entry->from : "-");
    g_autofree char *to = convergeTextEscape(entry->to ? entry->to : "-");
    g_autofree char *fields = statedFields(entry);

    g_string_append_printf(text, _("Migration %1$lld of '%2$s' from '%3$s' to '%4$s': %5$s"), (long long)entry->id,
                           guest, from, to, outcomeText(entry->outcome));
    g_string_append_c(text, '\n');
    appendText(text, _("UUID"), entry->uuid);
    appendText(text, _("policy"), entry->policy);
    appendText(text, _("stated"), fields);
    if (entry->observed)
        appendText(text, _("mode"), _("the policy observed, and did nothing to the guest"));
    appendTimes(text, entry);
    appendCosts(text, entry);
    appendPlan(text, entry);
    appendText(text, _("fallback"), entry->fallback);
    appendText(text, _("why"), entry->reason);
    appendText(text, _("error"), entry->error);
    appendText(text, _("trouble"), entry->trouble);
    appendText(text, _("journal"), entry->journal);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* --- JSON --- */

char *
virshHistoryJSON(const GPtrArray *entries)
{
    g_autoptr(GString) text = g_string_new("[");
    guint i;

    for (i = 0; i < entries->len; i++) {
        g_autofree char *line = convergeHistoryEntryFormat(g_ptr_array_index(entries, i));

        g_string_append_printf(text, "%s\n%s", i ? "," : "", line);
    }
    g_string_append(text, "\n]\n");
    return g_string_free(g_steal_pointer(&text), FALSE);
}
