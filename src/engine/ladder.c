/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ladder.c: the limits of a policy, and the fallback when one is hit
 */
#include "engine/ladder.h"
#include "util/number.h"

/* A pass made progress if it left less than this part of the least that was left before. */
#define PROGRESS 0.96

/* For a migration that has stalled, see below. */
#define STALL_DEADLINES 2

/* A rung is cheaper if going on loses more than CHEAPER times what a stop-and-copy now would lose.
 * Going on is hopeless if it loses more than HOPELESS times that, and HOPELESS_MS besides: of short
 * times the ratio alone means nothing. */
#define CHEAPER (1 / 0.9)
#define HOPELESS 1.5
#define HOPELESS_MS 1000

/* Over a link that has just failed, post-copy would lose the guest, and a pause would have no end.
 * The newest bandwidth window must have reached LINK_ALIVE of the bandwidth, and so must the window
 * that has begun, once it is LINK_TELLS_MS long. */
#define LINK_ALIVE 0.7
#define LINK_LEAST 1e6 /* bytes/s; below this the guest could not get its pages in time */
#define LINK_TELLS_MS 100

/* From the decision to switch to post-copy until the guest runs at the destination, ms. */
#define POSTCOPY_MS 1000

/* A bandwidth has settled after this many windows (model_link.c), which take 3 s.  Then it is taken to
 * be off by no more than SETTLED_ERROR.  A rung that would miss the deadline by more than MISSED_MS
 * even so does not keep it. */
#define SETTLED_WINDOWS 10
#define SETTLED_ERROR 0.5
#define MISSED_MS 2000

/* A pause takes too long after OVERDUE_FACTOR times what was foretold, and OVERDUE_MS besides.  After
 * that it is begun again, RESUMED_MOST times at most. */
#define OVERDUE_FACTOR 2
#define OVERDUE_MS 2000
#define RESUMED_MOST 2

void
convergeLadderNotePass(convergeLadder *ladder,
                       const convergeControlState *state,
                       const convergeModel *model)
{
    guint64 left = model->last.remainingBytes;
    gint64 stallMs = convergeControlGet(state, CONVERGE_FIELD_STALL_TIME);

    if (stallMs > 0)
        convergeStallNotePass(&ladder->stall, model->last.timeMs, left, stallMs,
                              convergeControlGet(state, CONVERGE_FIELD_STALL_MARGIN));

    if (ladder->leastBytes == 0 || left < PROGRESS * ladder->leastBytes) {
        ladder->leastBytes = MAX(left, 1);
        ladder->nStalledPasses = 0;
    } else {
        ladder->nStalledPasses++;
    }
}

/* How long a stop-and-copy now would take, ms: it sends what is left of this pass, and what the
 * next sync will find. */
static double
stopAndCopyMs(const convergeModel *model)
{
    gint64 elapsed = model->last.timeMs - model->startMs;
    double dirty = model->last.remainingBytes;
    double speed = model->bandwidth;

    /* What is left in the bulk pass includes zero pages, which take next to no time. */
    if (model->pass.n == 0 && elapsed > 0)
        speed = MAX(speed, ((double)model->last.totalBytes - dirty) * 1000 / elapsed);

    if (convergeModelReady(model))
        dirty += convergeModelPassDirtied(model);
    return dirty / speed * 1000 + CONVERGE_PAUSE_OVERHEAD_MS;
}

/* Whether @prediction does not converge, or loses more than @times what a stop-and-copy now would
 * lose, and @ms. */
static gboolean
losesMore(const convergeModel *model,
          const convergePrediction *prediction,
          double times,
          double ms)
{
    return !prediction->converges || prediction->lostMs > times * stopAndCopyMs(model) + ms;
}

static gboolean
isHopeless(const convergeModel *model,
           const convergePrediction *prediction)
{
    return losesMore(model, prediction, HOPELESS, HOPELESS_MS);
}

void
convergeLadderNoteLook(convergeLadder *ladder,
                       const convergeControlState *state,
                       const convergeModel *model,
                       convergeNews news)
{
    convergePlan strongest = convergePlanStrongest(&state->limits);
    convergePrediction least;

    if (state->class_ == CONVERGE_CLASS_UNKNOWN || !isHopeless(model, &state->outlook)) {
        ladder->nHopelessLooks = 0;
        return;
    }

    least = convergePlanPredictFor(&state->limits, model, &model->least, &strongest);
    if (isHopeless(model, &least))
        ladder->nHopelessLooks = CONVERGE_HOPELESS_LOOKS;
    else if ((news & CONVERGE_NEWS_PASS) || state->throttle->immediate)
        ladder->nHopelessLooks++;
}

/* How long @rung takes until the guest runs at the destination, or the migration is over, ms. */
static double
rungMs(const convergeModel *model,
       int rung)
{
    switch (rung) {
    case CONVERGE_RUNG_POSTCOPY:
        return POSTCOPY_MS;
    case CONVERGE_RUNG_SUSPEND:
        return stopAndCopyMs(model);
    default:
        return 0;
    }
}

/* What a rung does is not easily taken back.  So it is due when it has just enough time to keep the
 * deadline, by an estimate that has settled.  A rung that takes no time, or cannot keep the deadline
 * any more, is due when the deadline is over. */
static gboolean
deadlineIsDue(const convergeControlState *state,
              const convergeModel *model,
              int rung)
{
    gint64 deadline = convergeControlGet(state, CONVERGE_FIELD_DEADLINE);
    gint64 elapsed = model->last.timeMs - model->startMs;
    double need = rungMs(model, rung);

    if (deadline == 0)
        return FALSE;
    if (elapsed >= deadline)
        return TRUE;
    if (need > 0 && (model->nWindows < SETTLED_WINDOWS || convergeModelLinkSlowMs(model) > 0))
        return FALSE;
    /* Whether there is still time: by the next sample it may be too late. */
    if (need <= 0 || elapsed + need * (1 + MIN(model->bandwidthError, SETTLED_ERROR)) + CONVERGE_SAMPLE_SLOWEST_MS < deadline)
        return FALSE;
    if (elapsed + need * (1 - MIN(model->bandwidthError, SETTLED_ERROR)) > deadline + MISSED_MS)
        return FALSE;

    /* No time is left to spare, unless the migration is predicted to end in time anyway. */
    return !state->prediction.converges ||
        elapsed + state->prediction.remainingMs > deadline;
}

static gboolean
isCheaper(const convergeControlState *state,
          const convergeModel *model,
          convergeNews news)
{
    return (news & CONVERGE_NEWS_PASS) && convergeModelReady(model) &&
        state->class_ != CONVERGE_CLASS_UNKNOWN &&
        losesMore(model, &state->outlook, CHEAPER, 0);
}

gboolean
convergeLadderNextIsDue(const convergeLadder *ladder,
                        const convergeControlState *state,
                        const convergeModel *model)
{
    gint64 after = convergeControlGet(state, CONVERGE_FIELD_FALLBACK_AFTER);

    return after > 0 && ladder->takenMs > 0 && model->last.timeMs >= ladder->takenMs + after &&
        convergeLadderRung(convergeControlGet(state, CONVERGE_FIELD_FALLBACK), ladder->nTaken) > CONVERGE_RUNG_CONTINUE;
}

/* Counts the time that the rung has, from when it is taken first. */
static void
noteTaken(convergeLadder *ladder,
          const convergeModel *model)
{
    ladder->rung++;
    ladder->fallbackTaken = TRUE;
    if (ladder->rung > ladder->nTaken) {
        ladder->nTaken = ladder->rung;
        ladder->takenMs = model->last.timeMs;
    }
}

/* With a deadline, the rest must be sent within twice as long, at the bandwidth of now: a link that fails
 * looks like a stall, and is no time for post-copy. */
static gboolean
stallIsDue(const convergeLadder *ladder,
           const convergeControlState *state,
           const convergeModel *model,
           convergeNews news)
{
    gint64 deadline = convergeControlGet(state, CONVERGE_FIELD_DEADLINE);
    gint64 elapsed = model->last.timeMs - model->startMs;
    double bandwidth = MIN(model->bandwidth, model->recentBandwidth);

    if (!(news & CONVERGE_NEWS_PASS) || !ladder->stall.due)
        return FALSE;
    return deadline == 0 ||
        (bandwidth > 0 && model->last.remainingBytes / bandwidth * 1000 <= STALL_DEADLINES * deadline - elapsed);
}

/* CONVERGE_REASON_LAST: there is no reason to. */
static convergeReason
whyFallBack(const convergeLadder *ladder,
            const convergeControlState *state,
            const convergeModel *model,
            convergeNews news,
            int rung)
{
    const convergeSample *sample = &model->last;
    gint64 passes = convergeControlGet(state, CONVERGE_FIELD_PASSES);
    gint64 factor = convergeControlGet(state, CONVERGE_FIELD_TRANSFER_FACTOR);
    gint64 stall = convergeControlGet(state, CONVERGE_FIELD_STALL);
    gint64 when = convergeControlGet(state, CONVERGE_FIELD_FALLBACK_WHEN);

    if (convergeLadderNextIsDue(ladder, state, model))
        return CONVERGE_REASON_AFTER;
    if (deadlineIsDue(state, model, rung))
        return CONVERGE_REASON_DEADLINE;
    if (passes > 0 && model->pass.n >= (guint64)passes)
        return CONVERGE_REASON_PASSES;
    /* The product of factor and total might overflow. */
    if (factor > 0 && sample->processedBytes / (guint64)factor >= sample->totalBytes)
        return CONVERGE_REASON_TRANSFER;
    if (stall > 0 && ladder->nStalledPasses >= stall)
        return CONVERGE_REASON_STALL;
    if (stallIsDue(ladder, state, model, news))
        return CONVERGE_REASON_STALL_TIME;
    if (state->limits.lostLeftMs > 0 && !state->outlook.converges &&
        ladder->nHopelessLooks >= CONVERGE_HOPELESS_LOOKS)
        return CONVERGE_REASON_BUDGET;
    if (when >= CONVERGE_FALLBACK_PREDICTION && ladder->nHopelessLooks >= CONVERGE_HOPELESS_LOOKS)
        return state->outlook.converges ? CONVERGE_REASON_CHEAPER : CONVERGE_REASON_PREDICTION;
    if (when >= CONVERGE_FALLBACK_CHEAPER && isCheaper(state, model, news))
        return CONVERGE_REASON_CHEAPER;
    return CONVERGE_REASON_LAST;
}

/* @least: what the link has to carry in any case, bytes/s */
static gboolean
linkIsAlive(const convergeModel *model,
            double least)
{
    gint64 elapsed = model->last.timeMs - model->windowMs;
    double usual = MAX(LINK_ALIVE * model->bandwidth, least);

    if (model->recentBandwidth < usual)
        return FALSE;
    return elapsed < LINK_TELLS_MS ||
        convergeModelCarried(model) * 1000 / elapsed >= usual;
}

/* Whether the rung suspend would pause the guest for longer than the policy allows. */
static gboolean
pauseIsTooLong(const convergeControlState *state,
               const convergeModel *model)
{
    gint64 most = convergeControlGet(state, CONVERGE_FIELD_MAX_SUSPEND);

    return most > 0 && model->bandwidth > 0 && stopAndCopyMs(model) > most;
}

static const convergeReason whyNoPostcopy[] = {
    [CONVERGE_POSTCOPY_NO_FLAG] = CONVERGE_REASON_NO_POSTCOPY,
    [CONVERGE_POSTCOPY_PARALLEL] = CONVERGE_REASON_POSTCOPY_PARALLEL,
    [CONVERGE_POSTCOPY_VFIO] = CONVERGE_REASON_POSTCOPY_VFIO,
};
G_STATIC_ASSERT(G_N_ELEMENTS(whyNoPostcopy) == CONVERGE_POSTCOPY_AVAILABLE);

unsigned int
convergeLadderDecide(convergeLadder *ladder,
                     const convergeControlState *state,
                     const convergeModel *model,
                     convergeNews news,
                     convergeDecision *decisions)
{
    gint64 rungs = convergeControlGet(state, CONVERGE_FIELD_FALLBACK);
    convergeReason why;
    unsigned int n = 0;
    int rung;

    /* A pause that took too long is not begun again. */
    if (convergeLadderNextIsDue(ladder, state, model))
        ladder->rung = ladder->nTaken;
    rung = convergeLadderRung(rungs, ladder->rung);

    if (rung <= CONVERGE_RUNG_CONTINUE ||
        (why = whyFallBack(ladder, state, model, news, rung)) == CONVERGE_REASON_LAST)
        return 0;

    if (rung == CONVERGE_RUNG_POSTCOPY && state->postcopy != CONVERGE_POSTCOPY_AVAILABLE) {
        decisions[n++] = (convergeDecision) {
            .verb = CONVERGE_VERB_SKIP,
            .reason = whyNoPostcopy[state->postcopy],
        };
        rung = convergeLadderRung(rungs, ++ladder->rung);
    }

    if (rung == CONVERGE_RUNG_SUSPEND && pauseIsTooLong(state, model)) {
        decisions[n++] = (convergeDecision) {
            .verb = CONVERGE_VERB_SKIP,
            .reason = CONVERGE_REASON_OVERDUE,
        };
        rung = convergeLadderRung(rungs, ++ladder->rung);
    }

    switch (rung) {
    case CONVERGE_RUNG_POSTCOPY:
        if (!linkIsAlive(model, LINK_LEAST))
            return n;
        decisions[n].verb = CONVERGE_VERB_POSTCOPY;
        break;
    case CONVERGE_RUNG_SUSPEND:
        if (!linkIsAlive(model, 0) || convergeModelLinkSlowMs(model) > 0)
            return n;
        decisions[n].verb = CONVERGE_VERB_SUSPEND;
        ladder->suspendedMs = model->last.timeMs;
        ladder->promisedMs = convergeRound(stopAndCopyMs(model));
        break;
    case CONVERGE_RUNG_ABORT:
        decisions[n].verb = CONVERGE_VERB_ABORT;
        break;
    default: /* "continue", or the end of the ladder */
        return n;
    }

    decisions[n] = (convergeDecision) { .verb = decisions[n].verb, .reason = why };
    noteTaken(ladder, model);
    return n + 1;
}

/* Ends the pause by the rung suspend, since the next rung is due. */
static unsigned int
leavePause(convergeLadder *ladder,
           convergeControlState *state,
           const convergeModel *model,
           convergeDecision *decision)
{
    int rung = convergeLadderRung(convergeControlGet(state, CONVERGE_FIELD_FALLBACK), ladder->nTaken);

    *decision = (convergeDecision) {
        .verb = rung == CONVERGE_RUNG_ABORT ? CONVERGE_VERB_ABORT : CONVERGE_VERB_RESUME,
        .reason = CONVERGE_REASON_AFTER,
    };
    ladder->rung = ladder->nTaken;
    state->prediction = (convergePrediction) { 0 };
    if (rung == CONVERGE_RUNG_ABORT) {
        noteTaken(ladder, model);
    } else {
        ladder->suspendedMs = 0;
        ladder->fallbackTaken = FALSE;
    }
    return 1;
}

unsigned int
convergeLadderWatchPause(convergeLadder *ladder,
                         convergeControlState *state,
                         const convergeModel *model,
                         convergeDecision *decisions)
{
    gint64 most = convergeControlGet(state, CONVERGE_FIELD_MAX_SUSPEND);
    gint64 due = ladder->promisedMs * OVERDUE_FACTOR + OVERDUE_MS;

    if (most > 0)
        due = MIN(due, most);
    /* Somebody else has let the guest run: from then on a pause is none of the ladder's. */
    if (!model->last.paused && model->last.timeMs > ladder->suspendedMs)
        ladder->suspendedMs = 0;
    if (ladder->suspendedMs == 0)
        return 0;
    if (convergeLadderNextIsDue(ladder, state, model))
        return leavePause(ladder, state, model, decisions);
    if (model->last.timeMs < ladder->suspendedMs + due)
        return 0;

    ladder->suspendedMs = 0;
    ladder->fallbackTaken = FALSE;
    if (ladder->nResumed++ < RESUMED_MOST)
        ladder->rung--;
    state->prediction = (convergePrediction) { 0 };
    decisions[0] = (convergeDecision) {
        .verb = CONVERGE_VERB_RESUME,
        .reason = CONVERGE_REASON_OVERDUE,
    };
    return 1;
}

void
convergeLadderResumeFailed(convergeLadder *ladder,
                           const convergeModel *model)
{
    ladder->suspendedMs = model->last.timeMs;
    ladder->fallbackTaken = TRUE;
    if (ladder->nResumed-- <= RESUMED_MOST)
        ladder->rung++;
}

void
convergeLadderRungFailed(convergeLadder *ladder,
                         convergeVerb verb)
{
    ladder->fallbackTaken = FALSE;
    ladder->takenMs = 0;
    /* A guest that an earlier rung has paused is still watched. */
    if (verb == CONVERGE_VERB_SUSPEND)
        ladder->suspendedMs = 0;
}
