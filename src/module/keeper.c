/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper.c: writes down in the host's history what the jobs of this daemon come to
 */
#include "module/keeper.h"
#include <string.h>

#include "engine/journal.h"
#include "history/history_store.h"
#include "module/libvirt_next.h"
#include "module/metrics_writer.h"
#include "policy/policy_fields.h"
#include "util/number.h"
#include "util/worker.h"

/* What a thread may go on using for as long as the disk takes. */
typedef struct _keeperCall keeperCall;
struct _keeperCall {
    char *dir;
    convergeHistoryEntry *entry;
    GError *error;
};

static void
keeperCallFree(void *opaque)
{
    keeperCall *call = opaque;

    convergeHistoryEntryFree(call->entry);
    g_clear_error(&call->error);
    g_free(call->dir);
    g_free(call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(keeperCall, keeperCallFree)

static char *
historyDir(void)
{
    g_autofree char *journals = convergeJournalDefaultDir();

    return convergeHistoryDir(journals);
}

/* --- From the job to the entry --- */

static void
addPolicy(convergeHistoryEntry *entry,
          const convergePolicy *policy)
{
    gsize i;

    entry->policy = convergePolicyFormat(policy);
    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_autofree char *value = convergeFieldFormat(i, convergePolicyGet(policy, i));

        convergeHistoryEntryAddField(entry, convergeFields[i].name, value,
                                     convergeLayerName(convergePolicyGetLayer(policy, i)));
    }
}

static void
setRange(convergeHistoryRange *range,
         gint64 value,
         const convergeInterval *interval)
{
    range->value = value;
    if (interval->mostMs == 0)
        return;
    range->least = interval->leastMs;
    range->most = interval->mostMs;
}

static void
addPlan(convergeHistoryEntry *entry,
        const convergeTally *tally)
{
    const convergePrediction *prediction = &tally->planPrediction;

    if (!tally->planned)
        return;

    entry->plan = g_strdup(tally->plan);
    entry->planAtMs = tally->planAtMs;
    entry->planConverges = prediction->converges;
    if (!prediction->converges)
        return;
    setRange(&entry->planTotalMs, prediction->remainingMs, &prediction->remaining);
    setRange(&entry->planLostMs, prediction->lostMs, &prediction->lost);
    setRange(&entry->planDowntimeMs, prediction->pauseMs, &prediction->pause);
}

static gint64
unlessZero(gint64 value)
{
    return value > 0 ? value : CONVERGE_HISTORY_UNKNOWN;
}

static char *
unlessEmpty(const char *text)
{
    return text[0] ? g_strdup(text) : NULL;
}

static void
addTally(convergeHistoryEntry *entry,
         const convergeTally *tally,
         gint64 downtimeMs)
{
    if (!tally->begun)
        return;

    entry->totalMs = tally->totalMs;
    entry->passes = (gint64)tally->passes;
    entry->bytes = (gint64)tally->bytes;
    /* What libvirt reports begins when the guest was paused, by whomever. */
    entry->lostMs = convergeRound(tally->throttledMs) + (downtimeMs > 0 ? downtimeMs : tally->pausedMs);
    entry->strongestThrottle = tally->strongestThrottle;
    entry->strongestMs = tally->strongestMs;
    entry->heldMs = tally->heldMs;
    entry->downtimePredictedMs = unlessZero(tally->downtimePredictedMs);
    addPlan(entry, tally);
}

static convergeHistoryEntry *
entryOf(convergeJob *job)
{
    convergeHistoryEntry *entry = convergeHistoryEntryNew();
    gint64 downtimeMs = convergeJobGetDowntime(job);
    convergeStatus status;

    convergeJobGetStatus(job, &status);
    entry->id = convergeJobGetHistoryId(job);
    entry->guest = g_strdup(convergeJobGetName(job));
    entry->uuid = g_strdup(convergeJobGetUUID(job));
    entry->from = g_strdup(g_get_host_name());
    entry->to = g_strdup(convergeJobGetDestination(job));
    entry->beginMs = convergeJobGetBegin(job);
    entry->observed = convergePolicyObserves(convergeJobGetPolicy(job));
    entry->reason = unlessEmpty(status.reason);
    entry->fallback = status.rungs > 0 ? g_strdup(convergeVerbName(status.rung)) : NULL;
    entry->trouble = convergeJobExplainAside(job);
    entry->journal = unlessEmpty(status.journal);
    entry->downtimeLimitMs = unlessZero(status.downtimeMs);
    entry->downtimeMs = unlessZero(downtimeMs);
    addPolicy(entry, convergeJobGetPolicy(job));
    addTally(entry, &status.tally, downtimeMs);
    return entry;
}

/* --- The disk --- */

static void
writeEntry(void *opaque)
{
    keeperCall *call = opaque;

    if (call->entry->id > 0)
        convergeHistoryReplace(call->dir, call->entry, &call->error);
    else
        convergeHistoryAdd(call->dir, call->entry, CONVERGE_HISTORY_MOST, &call->error);
}

/* Takes @entry.  Returns its ID, or 0.
 *
 * @tell: log trouble */
static gint64
keep(convergeHistoryEntry *entry,
     gboolean tell)
{
    g_autoptr(keeperCall) call = g_new0(keeperCall, 1);

    call->dir = historyDir();
    call->entry = entry;
    if (!convergeRunBounded("converge-keep", writeEntry, call, keeperCallFree, CONVERGE_KEEPER_MS)) {
        g_steal_pointer(&call); /* the thread frees it */
        if (tell)
            convergeDaemonLog("an entry of the history may be missing, since the disk does not answer");
        return 0;
    }
    if (call->error) {
        if (tell)
            convergeDaemonLog("%s: %s", entry->guest, call->error->message);
        return 0;
    }
    return entry->id;
}

void
convergeKeeperBegin(convergeJob *job)
{
    convergeJobSetHistoryId(job, keep(entryOf(job), TRUE));
}

void
convergeKeeperEnd(convergeJob *job,
                  convergeOutcome outcome,
                  const char *error)
{
    convergeHistoryEntry *entry = entryOf(job);
    convergeStatus status;

    convergeJobGetStatus(job, &status);
    if (outcome == CONVERGE_OUTCOME_DONE && status.state == CONVERGE_STATE_POSTCOPY)
        outcome = CONVERGE_OUTCOME_POSTCOPY;
    entry->outcome = outcome;
    entry->error = g_strdup(error);
    entry->endMs = g_get_real_time() / 1000;
    convergeMetricsWriterEnded(entry);
    /* Without an ID, the entry could not be written at the beginning, which was told. */
    keep(entry, entry->id > 0);
}

/* --- Reading --- */

/* What the remote protocol carries is 4 MiB at most. */
#define TOLD_BYTES (1024 * 1024)

typedef struct _tellCall tellCall;
struct _tellCall {
    char *dir;
    char *uuid;
    GString *text; /* NULL: the directory cannot be read */
};

static void
tellCallFree(void *opaque)
{
    tellCall *call = opaque;

    if (call->text)
        g_string_free(call->text, TRUE);
    g_free(call->uuid);
    g_free(call->dir);
    g_free(call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(tellCall, tellCallFree)

static void
readEntries(void *opaque)
{
    tellCall *call = opaque;
    guint skipped;
    g_autoptr(GPtrArray) entries = convergeHistoryLoad(call->dir, &skipped, NULL);
    guint told = 0;
    guint i;

    if (!entries)
        return;

    call->text = g_string_new(NULL);
    for (i = entries->len; i-- > 0 && told < CONVERGE_KEEPER_ENTRIES;) {
        const convergeHistoryEntry *entry = g_ptr_array_index(entries, i);
        g_autofree char *line = NULL;

        if (g_strcmp0(entry->uuid, call->uuid) != 0)
            continue;
        line = convergeHistoryEntryFormat(entry);
        if (call->text->len + strlen(line) > TOLD_BYTES)
            return;
        g_string_prepend_c(call->text, '\n');
        g_string_prepend(call->text, line);
        told++;
    }
}

char *
convergeKeeperTell(const char *uuid)
{
    g_autoptr(tellCall) call = g_new0(tellCall, 1);

    call->dir = historyDir();
    call->uuid = g_strdup(uuid);
    if (!convergeRunBounded("converge-tell", readEntries, call, tellCallFree, CONVERGE_KEEPER_MS)) {
        g_steal_pointer(&call); /* the thread frees it */
        return NULL;
    }
    return call->text ? g_strdup(call->text->str) : NULL;
}

/* --- A killed daemon --- */

static gpointer
recover(gpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *dir = historyDir();

    convergeHistoryCloseInterrupted(dir);
    return NULL;
}

void
convergeKeeperRecover(void)
{
    static gsize started;
    GThread *thread;

    if (!g_once_init_enter(&started))
        return;
    g_once_init_leave(&started, 1);

    if ((thread = g_thread_try_new("converge-keep", recover, NULL, NULL)))
        g_thread_unref(thread);
}
