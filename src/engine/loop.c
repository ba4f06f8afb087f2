/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop.c: sample, model, control, act, note; again
 */
#include <glib/gi18n-lib.h>

#include "engine/loop.h"
#include "engine/outlook.h"
#include "engine/probes.h"
#include "util/text.h"

/* Between samples before memory moves (disks may be copied for hours), and after this many failed
 * samples in a row: libvirt writes a line into its log for each failure. */
#define SAMPLE_WAITING_MS 200
#define SAMPLE_FAILING_MS 5000
#define FAILING_AFTER 10

/* Another process may write to the same files at the same time, and a disk may be slow once: the
 * loop stands aside when the throttle could not be kept this many times in a row. */
#define POLL_FAILURES 3

/* QEMU's own downtime-limit, which holds where nobody sets another one. */
#define QEMU_DOWNTIME_MS 300

struct _convergeLoop {
    const convergePolicy *policy; /* .own, once there is one */
    convergePolicy *own;          /* for the guest's memory; NULL until memory has moved, or if that does not matter */
    const convergeBackend *backend;
    convergeLoopOpenJournal openJournal; /* NULL: no journal */
    gboolean observes;                   /* decisions are written down only */
    gboolean begun;                      /* memory has moved, and the journal was opened */
    void *openOpaque;
    convergeJournal *journal;
    convergeModel model;
    convergeControl control;
    convergeStatus status;
    gboolean postcopy; /* the loop has switched to it */
    convergeProbes probes;
    char *overheadWhy;           /* how the switchover's overhead is known, or NULL */
    char *transportWhy;          /* why memory goes over the link as it does, or NULL */
    unsigned int nFailedSamples; /* in a row */
    char *skipped;               /* why a rung was skipped, or NULL */
    char *trouble;
    char *unreleased;          /* why the throttle is still in force after the migration */
    unsigned int nFailedPolls; /* in a row */
    char *journalTrouble;      /* not yet taken by the caller */
};

convergeLoop *
convergeLoopNew(const convergePolicy *policy,
                const convergeBackend *backend,
                convergePostcopy postcopy,
                convergeLoopOpenJournal openJournal,
                void *opaque)
{
    convergeLoop *loop = g_new0(convergeLoop, 1);

    loop->policy = policy;
    loop->backend = backend;
    loop->openJournal = openJournal;
    loop->openOpaque = opaque;
    loop->control.state.policy = policy;
    loop->control.state.postcopy = postcopy;
    loop->control.state.overheadMs = CONVERGE_PAUSE_OVERHEAD_MS;

    loop->observes = convergePolicyObserves(policy);

    /* A probe is worth its cost only if its result can change a decision. */
    if (loop->observes || !backend->ops->probe || !convergePolicyGet(policy, CONVERGE_FIELD_QMP) ||
        convergePolicyGet(policy, CONVERGE_FIELD_THROTTLE) != CONVERGE_THROTTLE_ADAPTIVE)
        convergeProbesGiveUp(&loop->probes);

    return loop;
}

void
convergeLoopFree(convergeLoop *loop)
{
    if (!loop)
        return;
    convergeJournalClose(loop->journal);
    convergePolicyFree(loop->own);
    g_free(loop->overheadWhy);
    g_free(loop->transportWhy);
    g_free(loop->skipped);
    g_free(loop->trouble);
    g_free(loop->unreleased);
    g_free(loop->journalTrouble);
    g_free(loop);
}

void
convergeLoopSetCeiling(convergeLoop *loop,
                       gint64 ceilingMs)
{
    /* Nobody else sets a limit then. */
    if (loop->observes && ceilingMs > 0)
        convergeModelNoteDowntime(&loop->model, ceilingMs);
    convergeControlSetCeiling(&loop->control, ceilingMs);
}

void
convergeLoopSetOverhead(convergeLoop *loop,
                        gint64 overheadMs,
                        const char *why)
{
    loop->control.state.overheadMs = MAX(overheadMs, 0);
    g_free(loop->overheadWhy);
    loop->overheadWhy = g_strdup(why);
}

void
convergeLoopSetTransport(convergeLoop *loop,
                         const char *why)
{
    g_free(loop->transportWhy);
    loop->transportWhy = g_strdup(why);
}

const convergeStatus *
convergeLoopStatus(const convergeLoop *loop)
{
    return &loop->status;
}

const char *
convergeLoopTrouble(const convergeLoop *loop)
{
    return loop->trouble ? loop->trouble : loop->unreleased;
}

static void
setReason(convergeLoop *loop,
          const char *text)
{
    convergeTextCopy(loop->status.reason, sizeof(loop->status.reason), text);
}

/* Takes @trouble; does nothing if it is NULL. */
static void
noteJournalTrouble(convergeLoop *loop,
                   char *trouble)
{
    if (!trouble)
        return;
    g_free(loop->journalTrouble);
    loop->journalTrouble = trouble;
    loop->status.unjournaled = TRUE;
}

char *
convergeLoopTakeJournalTrouble(convergeLoop *loop)
{
    return g_steal_pointer(&loop->journalTrouble);
}

/* Whether the migration has ended, or the guest stands still.  A command that fails then came too
 * late, which is no trouble. */
static gboolean
isOver(convergeLoop *loop)
{
    convergeSample sample = { 0 };

    return !loop->backend->ops->sample(loop->backend->opaque, &sample, NULL) ||
        !sample.active || sample.paused;
}

static gboolean
isRung(convergeVerb verb)
{
    return verb == CONVERGE_VERB_POSTCOPY || verb == CONVERGE_VERB_SUSPEND ||
        verb == CONVERGE_VERB_ABORT;
}

static void
noteRung(convergeLoop *loop,
         const convergeDecision *decision,
         const char *text)
{
    loop->status.rungs++;
    loop->status.rung = decision->verb;
    convergeTextCopy(loop->status.rungText, sizeof(loop->status.rungText), text);
}

/* When in doubt, the migration goes on as stock. */
void
convergeLoopStandAside(convergeLoop *loop,
                       const GError *why)
{
    g_autoptr(GError) error = NULL;

    loop->status.state = g_error_matches(why, CONVERGE_ERROR, CONVERGE_ERROR_RECORD) ?
        CONVERGE_STATE_UNRECORDED :
        CONVERGE_STATE_ASIDE;
    loop->status.throttleTarget = 0;
    g_free(loop->trouble);
    loop->trouble = g_strdup(why->message);
    setReason(loop, why->message);

    if (!loop->backend->ops->restore(loop->backend->opaque, &error)) {
        g_free(loop->trouble);
        loop->trouble = g_strdup_printf(_("%1$s; putting back what was changed failed too: %2$s"),
                                        why->message, error->message);
    }
}

/* @why: may be NULL */
static void
noteThrottleMethod(convergeLoop *loop,
                   const convergeSample *sample,
                   const convergeThrottleTraits *throttle,
                   const char *why)
{
    loop->control.state.throttle = throttle;
    loop->status.throttle = loop->observes ? NULL : throttle;
    if (loop->journal && why)
        convergeJournalThrottleMethod(loop->journal, sample->timeMs,
                                      convergeThrottleMethodName(throttle->method), why);
}

static void
noteThrottle(convergeLoop *loop,
             unsigned int throttle)
{
    loop->status.throttleTarget = throttle;
    if (!loop->control.state.throttle->immediate)
        return;

    /* The throttle is in force already.  What matters most now is how the guest answers to it, so
     * that a probe is due at once. */
    convergeModelNoteThrottle(&loop->model, throttle);
    convergeProbesHurry(&loop->probes, loop->model.last.timeMs);
}

/* The decision changes nothing, so that neither model nor status may take it for done. */
static void
observe(convergeLoop *loop,
        const convergeDecision *decision)
{
    g_autofree char *text = convergeDecisionExplain(decision, &loop->model);
    g_autofree char *reason = g_strdup_printf(_("observed only, not done: %1$s"), text);

    if (loop->journal)
        convergeJournalDecision(loop->journal, &loop->model, decision, reason, NULL);
    convergeTallyDecide(&loop->status.tally, &loop->model, decision, text);
    setReason(loop, reason);
}

static void
act(convergeLoop *loop,
    const convergeDecision *decision)
{
    g_autofree char *text = convergeDecisionExplain(decision, &loop->model);
    g_autofree char *reason = NULL;
    g_autoptr(GError) error = NULL;
    gboolean done;

    done = loop->backend->ops->apply(loop->backend->opaque, decision, &error);
    if (!done && decision->verb == CONVERGE_VERB_RESUME)
        convergeLadderResumeFailed(&loop->control.ladder, &loop->model);
    if (!done && isOver(loop))
        return;

    if (loop->journal)
        convergeJournalDecision(loop->journal, &loop->model, decision, text, error);

    if (!done && isRung(decision->verb)) {
        convergeLadderRungFailed(&loop->control.ladder, decision->verb);
        return;
    }
    if (!done) {
        convergeLoopStandAside(loop, error);
        return;
    }
    if (isRung(decision->verb))
        noteRung(loop, decision, text);
    convergeTallyDecide(&loop->status.tally, &loop->model, decision, text);

    if (decision->verb == CONVERGE_VERB_THROTTLE || decision->verb == CONVERGE_VERB_HOLD)
        noteThrottle(loop, decision->throttle);
    if (decision->verb == CONVERGE_VERB_DOWNTIME) {
        loop->status.downtimeMs = decision->downtimeMs;
        convergeModelNoteDowntime(&loop->model, decision->limitMs);
    }
    loop->postcopy = loop->postcopy || decision->verb == CONVERGE_VERB_POSTCOPY;

    /* The next decision follows a skipped rung at once; the reason for skipping must stay
     * visible. */
    reason = loop->skipped ? g_strdup_printf("%s; %s", text, loop->skipped) : g_strdup(text);
    setReason(loop, reason);
    if (decision->verb == CONVERGE_VERB_SKIP)
        loop->skipped = g_steal_pointer(&text);
}

gboolean
convergeLoopExpectsThrottle(const convergeLoop *loop)
{
    return !loop->observes && loop->control.state.throttle && loop->control.state.throttle->immediate &&
        loop->model.pass.n == 0;
}

static void
keepProbing(convergeLoop *loop,
            const convergeSample *sample)
{
    g_autoptr(GError) error = NULL;

    if (sample->paused || loop->control.ladder.fallbackTaken ||
        !convergeProbesAreDue(&loop->probes, &loop->model, convergeLoopExpectsThrottle(loop)))
        return;

    /* If QEMU refuses, the jump of the remaining bytes at each sync has to do, and no further
     * probe is tried. */
    loop->backend->ops->probe(loop->backend->opaque, &error);
    convergeProbesNoteStart(&loop->probes, sample->timeMs);
}

static void
updateStatus(convergeLoop *loop,
             const convergeSample *sample)
{
    convergeStatus *status = &loop->status;
    g_autofree char *next = NULL;

    if (convergeStateIsAside(status->state))
        return;

    if (sample->postcopy)
        status->state = CONVERGE_STATE_POSTCOPY;
    else if (loop->model.pass.n == 0)
        status->state = CONVERGE_STATE_BULK;
    else if (status->throttleTarget > 0 || sample->throttle > 0)
        status->state = CONVERGE_STATE_THROTTLING;
    else
        status->state = CONVERGE_STATE_WATCHING;

    status->class_ = loop->control.state.class_;
    status->bandwidth = loop->model.bandwidth;
    status->saved = loop->model.saved;
    status->dirtyRate = loop->model.guest.writeRate;
    status->workingSet = loop->model.guest.workingSet;
    status->prediction = loop->control.state.prediction;
    next = convergeOutlookNext(&loop->control, &loop->model);
    convergeTextCopy(status->next, sizeof(status->next), next ? next : "");
    status->progress = MAX(status->progress, convergeOutlookProgress(&loop->control, &loop->model));
}

static void
beginJournal(convergeLoop *loop,
             const convergeSample *sample)
{
    g_autoptr(GError) error = NULL;

    if (!loop->openJournal)
        return;

    if ((loop->journal = loop->openJournal(loop->openOpaque, &error)))
        convergeTextCopy(loop->status.journal, sizeof(loop->status.journal),
                         convergeJournalName(loop->journal));
    else if (error)
        noteJournalTrouble(loop, g_strdup(error->message));
    if (loop->journal && loop->transportWhy)
        convergeJournalTransport(loop->journal, sample->timeMs, loop->transportWhy);
    if (loop->journal && loop->overheadWhy)
        convergeJournalOverhead(loop->journal, sample->timeMs, loop->control.state.overheadMs,
                                loop->overheadWhy);
}

/* Memory has moved, so that its size is known. */
static void
resolvePolicy(convergeLoop *loop,
              const convergeSample *sample)
{
    g_autofree char *text = NULL;
    g_autofree char *why = NULL;

    if (!convergePolicyIsScaled(loop->policy))
        return;

    loop->own = convergePolicyForMemory(loop->policy, sample->totalBytes);
    loop->policy = loop->control.state.policy = loop->own;
    text = convergePolicyFormat(loop->policy);
    why = g_strdup_printf(_("the policy of this guest, which has %1$.1f GiB: %2$s"),
                          sample->totalBytes / 1024.0 / 1024 / 1024, text);
    if (loop->journal)
        convergeJournalPolicy(loop->journal, sample->timeMs, text, sample->totalBytes, why);
}

/* Asks the backend for a throttle method.  Until there is one, nothing is decided. */
static void
chooseThrottle(convergeLoop *loop,
               const convergeSample *sample)
{
    const convergeBackend *backend = loop->backend;
    convergeThrottleMethod wanted = convergePolicyGet(loop->policy, CONVERGE_FIELD_ACTUATOR);
    gint64 law = convergePolicyGet(loop->policy, CONVERGE_FIELD_THROTTLE);
    gboolean throttles = law == CONVERGE_THROTTLE_ADAPTIVE || law == CONVERGE_THROTTLE_PROGRESSIVE;
    g_autofree char *why = NULL;
    g_autoptr(GError) error = NULL;

    /* QEMU itself applies the stepped law. */
    loop->control.state.throttle = backend->ops->choose(backend->opaque,
                                                        throttles ? wanted : CONVERGE_METHOD_QEMU,
                                                        &why, &error);
    if (!loop->control.state.throttle && !isOver(loop))
        convergeLoopStandAside(loop, error);
    if (loop->control.state.throttle && throttles)
        noteThrottleMethod(loop, sample, loop->control.state.throttle, why);
}

/* Called in every turn, even after the loop has stood aside: the backend then tries again what it
 * could not put back. */
static void
pollThrottle(convergeLoop *loop,
             const convergeSample *sample)
{
    const convergeBackend *backend = loop->backend;
    const convergeThrottleTraits *now = loop->control.state.throttle;
    g_autofree char *why = NULL;
    g_autoptr(GError) error = NULL;

    if (!backend->ops->poll || !now)
        return;

    if (backend->ops->poll(backend->opaque, &now, &why, &error))
        loop->nFailedPolls = 0;
    else if (++loop->nFailedPolls >= POLL_FAILURES &&
             !convergeStateIsAside(loop->status.state) && !isOver(loop))
        convergeLoopStandAside(loop, error);
    if (why && !convergeStateIsAside(loop->status.state))
        noteThrottleMethod(loop, sample, now, why);
}

/* The migration has ended in QEMU.  libvirt's part may take longer, if the destination is slow. */
static void
releaseThrottle(convergeLoop *loop)
{
    const convergeBackend *backend = loop->backend;
    g_autoptr(GError) error = NULL;

    if (!loop->begun || !backend->ops->release)
        return;

    g_clear_pointer(&loop->unreleased, g_free);
    if (!backend->ops->release(backend->opaque, &error))
        loop->unreleased = g_strdup(error->message);
}

gint64
convergeLoopStep(convergeLoop *loop)
{
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeSample sample = { 0 };
    convergeSample before;
    g_autoptr(GError) error = NULL;
    convergeNews news;
    unsigned int n, i;

    /* The domain may be gone, or busy for a moment.  The migration call itself reports that. */
    if (!loop->backend->ops->sample(loop->backend->opaque, &sample, &error))
        return ++loop->nFailedSamples < FAILING_AFTER ? SAMPLE_WAITING_MS : SAMPLE_FAILING_MS;
    loop->nFailedSamples = 0;

    if (!sample.active) {
        releaseThrottle(loop);
        return SAMPLE_WAITING_MS;
    }

    if (!loop->begun) {
        beginJournal(loop, &sample);
        resolvePolicy(loop, &sample);
    }
    if (loop->observes && loop->model.downtimeMs == 0)
        convergeModelNoteDowntime(&loop->model, QEMU_DOWNTIME_MS);
    loop->begun = TRUE;
    if (!loop->control.state.throttle && !convergeStateIsAside(loop->status.state))
        chooseThrottle(loop, &sample);

    before = loop->model.last;
    news = convergeModelUpdate(&loop->model, &sample);
    if (loop->journal)
        convergeJournalSample(loop->journal, &loop->model, news);

    pollThrottle(loop, &sample);
    /* What follows a plan that is not carried out tells nothing of the plan. */
    if (loop->control.state.throttle && !convergeStateIsAside(loop->status.state) &&
        !(loop->observes && loop->status.tally.planned)) {
        convergeProbesNote(&loop->probes, &loop->model);
        n = convergeControlDecide(&loop->control, &loop->model, news, decisions);
        for (i = 0; i < n && !convergeStateIsAside(loop->status.state); i++)
            (loop->observes ? observe : act)(loop, &decisions[i]);
    }
    if (!convergeStateIsAside(loop->status.state))
        keepProbing(loop, &sample);

    if (loop->journal)
        noteJournalTrouble(loop, convergeJournalTrouble(loop->journal));
    updateStatus(loop, &sample);
    convergeTallyNote(&loop->status.tally, &loop->model, &before, &loop->status.prediction);
    return convergeProbesNextSample(&loop->probes, &loop->model);
}

void
convergeLoopEnd(convergeLoop *loop,
                gboolean succeeded,
                gint64 nowMs)
{
    /* For libvirt a migration has succeeded once the guest runs at the destination: with
     * post-copy that is long before all of its memory is there. */
    if (!succeeded)
        loop->status.state = CONVERGE_STATE_FAILED;
    else if (loop->postcopy || loop->model.last.postcopy)
        loop->status.state = CONVERGE_STATE_POSTCOPY;
    else
        loop->status.state = CONVERGE_STATE_DONE;
    convergeTallyEnd(&loop->status.tally, &loop->model, nowMs);

    if (loop->journal)
        convergeJournalEnd(loop->journal, &loop->model,
                           convergeStateName(loop->status.state), nowMs, convergeLoopTrouble(loop));
}

void
convergeLoopCloseJournal(convergeLoop *loop)
{
    if (!loop->journal)
        return;

    convergeJournalWait(loop->journal);
    noteJournalTrouble(loop, convergeJournalTrouble(loop->journal));
    g_clear_pointer(&loop->journal, convergeJournalClose);
}
