/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ladder.c: the limits of a policy, and the fallback when one is hit
 */
#include "engine/ladder.h"
#include "engine/plan.h"

/* A pass made progress when it left this much less than the best before it. */
#define PROGRESS 0.96

/* A rung is cheaper where to go on loses so many times what it loses to stop the guest; and
 * to go on is of no use where that is so many times, and so many ms more: of short times the
 * ratio says nothing. */
#define CHEAPER (1 / 0.9)
#define HOPELESS 1.5
#define HOPELESS_MS 1000

/* Post-copy on a link that has just failed would lose the guest: the newest bandwidth
 * window must have carried this share of the usual, and so must the one that has begun, as
 * soon as it is long enough to tell. */
#define LINK_ALIVE 0.7
#define LINK_LEAST 1e6          /* bytes/s: below, fetching pages is no life either */
#define LINK_TELLS_MS 100

void
convergeLadderNoteSync(convergeControl *control,
                       const convergeModel *model)
{
    guint64 left = model->last.remainingBytes;

    if (model->last.throttle < convergePlanHighestThrottle(control))
        control->strongest = 0;
    else
        control->strongest++;

    if (control->leastBytes == 0 || left < PROGRESS * control->leastBytes) {
        control->leastBytes = MAX(left, 1);
        control->stalled = 0;
        control->disbelieved = 0;
    } else {
        control->stalled++;
    }
}

/* To send all that is dirty while nothing more is dirtied, ms: what is left of this pass,
 * and what the next sync will find. */
static double
shipMs(const convergeModel *model)
{
    gint64 elapsed = model->last.timeMs - model->startMs;
    double dirty = model->last.remainingBytes;
    double speed = model->bandwidth;

    /* In the bulk pass that is zero pages too, which cost next to nothing. */
    if (model->last.iteration < 2 && elapsed > 0)
        speed = MAX(speed, ((double)model->last.totalBytes - dirty) * 1000 / elapsed);

    if (convergeModelReady(model))
        dirty += convergeModelPassDirtied(model);
    return dirty / speed * 1000 + CONVERGE_PAUSE_OVERHEAD_MS;
}

/* Whether it does not converge, or loses more than so many times as much as to stop the guest
 * now, and @ms. */
static gboolean
losesMore(const convergeModel *model,
          const convergePrediction *prediction,
          double times,
          double ms)
{
    return !prediction->converges || prediction->lostMs > times * shipMs(model) + ms;
}

gboolean
convergeLadderIsHopeless(const convergeModel *model,
                         const convergePrediction *prediction)
{
    return losesMore(model, prediction, HOPELESS, HOPELESS_MS);
}

static gboolean
deadlineIsDue(const convergeControl *control,
              const convergeModel *model)
{
    gint64 deadline = convergeControlGet(control, CONVERGE_FIELD_DEADLINE);
    gint64 elapsed = model->last.timeMs - model->startMs;

    if (deadline == 0)
        return FALSE;
    if (model->bandwidth <= 0)
        return elapsed >= deadline;
    /* At the next look it may be too late. */
    if (elapsed + shipMs(model) + CONVERGE_SAMPLE_SLOWEST_MS < deadline)
        return FALSE;

    /* Nothing is left to spare, unless it is as good as done anyway. */
    return !control->prediction.converges ||
        elapsed + control->prediction.remainingMs > deadline;
}

static gboolean
isCheaper(const convergeControl *control,
          const convergeModel *model,
          convergeNews news)
{
    return (news & CONVERGE_NEWS_SYNC) && convergeModelReady(model) &&
        control->class_ != CONVERGE_CLASS_UNKNOWN &&
        losesMore(model, &control->outlook, CHEAPER, 0);
}

/* CONVERGE_REASON_LAST: there is none. */
static convergeReason
whyFallBack(const convergeControl *control,
            const convergeModel *model,
            convergeNews news)
{
    const convergeSample *sample = &model->last;
    gint64 passes = convergeControlGet(control, CONVERGE_FIELD_PASSES);
    gint64 factor = convergeControlGet(control, CONVERGE_FIELD_TRANSFER_FACTOR);
    gint64 stall = convergeControlGet(control, CONVERGE_FIELD_STALL);
    gint64 when = convergeControlGet(control, CONVERGE_FIELD_FALLBACK_WHEN);

    if (deadlineIsDue(control, model))
        return CONVERGE_REASON_DEADLINE;
    /* The first sync ends no pass. */
    if (passes > 0 && sample->iteration > (guint64)passes)
        return CONVERGE_REASON_PASSES;
    /* The product of factor and total might not fit. */
    if (factor > 0 && sample->processedBytes / (guint64)factor >= sample->totalBytes)
        return CONVERGE_REASON_TRANSFER;
    if (stall > 0 && control->stalled >= stall)
        return CONVERGE_REASON_STALL;
    if (when >= CONVERGE_FALLBACK_PREDICTION && control->beyond >= CONVERGE_BEYOND_LOOKS)
        return control->outlook.converges ? CONVERGE_REASON_CHEAPER : CONVERGE_REASON_PREDICTION;
    if (when >= CONVERGE_FALLBACK_CHEAPER && isCheaper(control, model, news))
        return CONVERGE_REASON_CHEAPER;
    return CONVERGE_REASON_LAST;
}

static gboolean
linkIsAlive(const convergeModel *model)
{
    gint64 elapsed = model->last.timeMs - model->windowMs;
    double usual = MAX(LINK_ALIVE * model->bandwidth, LINK_LEAST);

    if (model->recentBandwidth < usual)
        return FALSE;
    return elapsed < LINK_TELLS_MS ||
        (model->last.processedBytes - model->windowProcessed) * 1000.0 / elapsed >= usual;
}

static const convergeReason whyNoPostcopy[] = {
    [CONVERGE_POSTCOPY_NO_FLAG] = CONVERGE_REASON_NO_POSTCOPY,
    [CONVERGE_POSTCOPY_PARALLEL] = CONVERGE_REASON_POSTCOPY_PARALLEL,
    [CONVERGE_POSTCOPY_VFIO] = CONVERGE_REASON_POSTCOPY_VFIO,
};
G_STATIC_ASSERT(G_N_ELEMENTS(whyNoPostcopy) == CONVERGE_POSTCOPY_AVAILABLE);

unsigned int
convergeLadderDecide(convergeControl *control,
                     const convergeModel *model,
                     convergeNews news,
                     convergeDecision *decisions)
{
    gint64 ladder = convergeControlGet(control, CONVERGE_FIELD_FALLBACK);
    convergeReason why;
    unsigned int n = 0;
    int rung = convergeLadderRung(ladder, control->rung);

    if (rung <= CONVERGE_RUNG_CONTINUE ||
        (why = whyFallBack(control, model, news)) == CONVERGE_REASON_LAST)
        return 0;

    if (rung == CONVERGE_RUNG_POSTCOPY && control->postcopy != CONVERGE_POSTCOPY_AVAILABLE) {
        decisions[n++] = (convergeDecision) {
            .verb = CONVERGE_VERB_SKIP,
            .reason = whyNoPostcopy[control->postcopy],
        };
        rung = convergeLadderRung(ladder, ++control->rung);
    }

    switch (rung) {
    case CONVERGE_RUNG_POSTCOPY:
        if (!linkIsAlive(model))
            return n;
        decisions[n].verb = CONVERGE_VERB_POSTCOPY;
        break;
    case CONVERGE_RUNG_SUSPEND:
        decisions[n].verb = CONVERGE_VERB_SUSPEND;
        break;
    case CONVERGE_RUNG_ABORT:
        decisions[n].verb = CONVERGE_VERB_ABORT;
        break;
    default:                    /* continue, or the end of the ladder */
        return n;
    }

    decisions[n] = (convergeDecision) { .verb = decisions[n].verb, .reason = why };
    control->rung++;
    control->fallbackTaken = TRUE;
    return n + 1;
}

void
convergeControlRungFailed(convergeControl *control)
{
    control->fallbackTaken = FALSE;
}
