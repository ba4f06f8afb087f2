/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outlook.c: how far a migration has come, and what comes next
 */
#include <glib/gi18n-lib.h>

#include "engine/outlook.h"
#include "policy/policy_fields.h"

#define PROGRESS_MOST 99 /* %, before the end */
#define BULK_SHARE 0.5   /* of the progress, as long as nothing is predicted */

static unsigned int
percent(double share)
{
    return MIN(PROGRESS_MOST, (unsigned int)(share * 100));
}

unsigned int
convergeOutlookProgress(const convergeControl *control,
                        const convergeModel *model)
{
    const convergePrediction *prediction = &control->state.prediction;
    const convergeSample *sample = &model->last;
    gint64 elapsed = sample->timeMs - model->startMs;
    double sent = 0;

    if (sample->totalBytes > 0)
        sent = 1 - MIN((double)sample->remainingBytes / (double)sample->totalBytes, 1);

    if (sample->postcopy)
        return percent(sent);
    if (model->pass.n == 0)
        return percent(BULK_SHARE * sent);
    if (prediction->converges && elapsed > 0)
        return percent((double)elapsed / (double)(elapsed + MAX(prediction->remainingMs, 0)));
    return 0;
}

/* The next rung of the fallback, and when it is taken; NULL: there is none. */
static char *
nextRung(const convergeControl *control,
         const convergeModel *model)
{
    const convergeControlState *state = &control->state;
    gint64 ladder = convergeControlGet(state, CONVERGE_FIELD_FALLBACK);
    int rung = convergeLadderRung(ladder, control->ladder.rung);
    gint64 deadlineMs = convergeControlGet(state, CONVERGE_FIELD_DEADLINE);
    gint64 leftMs = model->startMs + deadlineMs - model->last.timeMs;
    const char *name;

    if (rung < 0 || rung == CONVERGE_RUNG_CONTINUE)
        return NULL;
    name = convergeFields[CONVERGE_FIELD_FALLBACK].words[rung];
    if (deadlineMs > 0 && leftMs > 0)
        return g_strdup_printf(_("%1$s in %2$.0f s, when the deadline is reached, or sooner"), name, leftMs / 1000.0);
    return g_strdup_printf(_("%1$s, when a limit of the policy is reached"), name);
}

char *
convergeOutlookNext(const convergeControl *control,
                    const convergeModel *model)
{
    const convergeControlState *state = &control->state;
    const convergeSample *sample = &model->last;
    double passMs = model->bandwidth > 0 ? (double)sample->remainingBytes * 1000 / model->bandwidth : 0;

    if (sample->postcopy)
        return g_strdup(_("send the rest while the guest runs at the destination"));
    if (sample->paused)
        return g_strdup(_("complete while the guest is paused"));
    if (control->ladder.fallbackTaken || !control->started)
        return NULL;
    if (model->pass.n == 0 && passMs > 0)
        return g_strdup_printf(_("decide at the end of the first pass, in %1$.0f s at most"), passMs / 1000);
    if (model->pass.n == 0 || !convergeModelReady(model))
        return g_strdup(_("decide at the end of this pass"));
    if (state->limits.waits)
        return g_strdup_printf(_("decide at the end of this pass, in %1$.1f s, since a throttle may cost less then"), passMs / 1000);
    if (state->prediction.converges)
        return g_strdup_printf(_("switch over with a pause of %1$lld ms, once what is left fits it"),
                               (long long)state->prediction.pauseMs);
    return nextRung(control, model);
}
