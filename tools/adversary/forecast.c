/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast.c: compares predictions with what came
 */
#include "adversary/forecast.h"

typedef struct _forecastNote forecastNote;
struct _forecastNote {
    gint64 nowMs;
    double lostMs;
    convergeInterval intervals[ADVERSARY_QUANTITY_LAST];
};

struct _adversaryForecasts {
    GArray *notes;  /* forecastNote */
    char last[512]; /* the newest decision, to see when there is another one */
};

static const char *const quantityNames[] = {
    [ADVERSARY_REMAINING] = "remaining",
    [ADVERSARY_PAUSE] = "pause",
    [ADVERSARY_LOST] = "lost",
};

const char *
adversaryQuantityName(adversaryQuantity quantity)
{
    return quantityNames[quantity];
}

adversaryForecasts *
adversaryForecastsNew(void)
{
    adversaryForecasts *forecasts = g_new0(adversaryForecasts, 1);

    forecasts->notes = g_array_new(FALSE, FALSE, sizeof(forecastNote));
    return forecasts;
}

void
adversaryForecastsFree(adversaryForecasts *forecasts)
{
    g_array_free(forecasts->notes, TRUE);
    g_free(forecasts);
}

static gboolean
isStated(const convergeInterval *interval)
{
    return interval->leastMs != 0 || interval->mostMs != 0;
}

void
adversaryForecastsNote(adversaryForecasts *forecasts,
                       const convergeStatus *status,
                       gint64 nowMs,
                       double lostMs)
{
    const convergePrediction *prediction = &status->prediction;
    forecastNote note = {
        .nowMs = nowMs,
        .lostMs = lostMs,
        .intervals = {
            [ADVERSARY_REMAINING] = prediction->remaining,
            [ADVERSARY_PAUSE] = prediction->pause,
            [ADVERSARY_LOST] = prediction->lost,
        },
    };

    if (g_str_equal(forecasts->last, status->reason))
        return;
    g_strlcpy(forecasts->last, status->reason, sizeof(forecasts->last));
    if (prediction->converges)
        g_array_append_val(forecasts->notes, note);
}

void
adversaryForecastsJudge(const adversaryForecasts *forecasts,
                        const convergePlantResult *result,
                        gint64 endMs,
                        adversaryCoverage coverage[ADVERSARY_QUANTITY_LAST])
{
    guint i;
    unsigned int q;

    for (i = 0; i < forecasts->notes->len; i++) {
        const forecastNote *note = &g_array_index(forecasts->notes, forecastNote, i);
        double came[ADVERSARY_QUANTITY_LAST] = {
            [ADVERSARY_REMAINING] = (double)(endMs - note->nowMs),
            [ADVERSARY_PAUSE] = (double)result->pauseMs,
            [ADVERSARY_LOST] = result->lostMs - note->lostMs,
        };

        for (q = 0; q < ADVERSARY_QUANTITY_LAST; q++) {
            const convergeInterval *interval = &note->intervals[q];

            coverage[q].predictions++;
            if (!isStated(interval))
                continue;
            coverage[q].stated++;
            if (!result->completed || came[q] > (double)interval->mostMs)
                coverage[q].above++;
            else if (came[q] >= (double)interval->leastMs)
                coverage[q].inside++;
        }
    }
}
