/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tally.c: what a migration has come to so far, for its record in the history
 */
#include "engine/tally.h"
#include "util/number.h"
#include "util/text.h"

static void
noteThrottle(convergeTally *tally,
             unsigned int throttle,
             gint64 ms)
{
    if (throttle > tally->strongestThrottle) {
        tally->strongestThrottle = throttle;
        tally->strongestMs = 0;
    }
    if (throttle > 0 && throttle == tally->strongestThrottle)
        tally->strongestMs += ms;
    if (throttle >= CONVERGE_TALLY_HELD)
        tally->heldMs += ms;
}

void
convergeTallyNote(convergeTally *tally,
                  const convergeModel *model,
                  const convergeSample *before,
                  const convergePrediction *prediction)
{
    const convergeSample *now = &model->last;

    tally->begun = TRUE;
    tally->totalMs = now->timeMs - model->startMs;
    tally->passes = model->pass.n;
    tally->bytes = MAX(tally->bytes, now->processedBytes);
    tally->throttledMs = convergeRound(model->lostMs);

    /* A throttle is known at samples only; it has been in force since the one before. */
    noteThrottle(tally, now->throttle, before->active ? now->timeMs - before->timeMs : 0);
    if (prediction->converges)
        tally->downtimePredictedMs = prediction->pauseMs;
}

static void
shift(convergeInterval *interval,
      gint64 ms)
{
    if (interval->mostMs == 0)
        return;
    interval->leastMs += ms;
    interval->mostMs += ms;
}

static gboolean
takesRung(const convergeDecision *decision)
{
    return decision->verb == CONVERGE_VERB_POSTCOPY || decision->verb == CONVERGE_VERB_SUSPEND ||
        decision->verb == CONVERGE_VERB_ABORT;
}

void
convergeTallyDecide(convergeTally *tally,
                    const convergeModel *model,
                    const convergeDecision *decision,
                    const char *text)
{
    gint64 lostMs = convergeRound(model->lostMs);

    if (tally->planned || !(decision->predicted || takesRung(decision)))
        return;

    tally->planned = TRUE;
    tally->planAtMs = model->last.timeMs - model->startMs;
    convergeTextCopy(tally->plan, sizeof(tally->plan), text);
    if (!decision->predicted)
        return;
    tally->planPrediction = decision->prediction;
    tally->planPrediction.remainingMs += tally->planAtMs;
    shift(&tally->planPrediction.remaining, tally->planAtMs);
    tally->planPrediction.lostMs += lostMs;
    shift(&tally->planPrediction.lost, lostMs);
}

void
convergeTallyEnd(convergeTally *tally,
                 const convergeModel *model,
                 gint64 nowMs)
{
    if (tally->begun)
        tally->totalMs = MAX(nowMs - model->startMs, 0);
}
