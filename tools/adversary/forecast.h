/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast.h: predictions of a migration, and whether they came true
 *
 * A prediction states intervals, which should hold what happens in nine of ten cases.
 */
#pragma once

#include "plant/methods.h"

/* What is predicted. */
typedef enum {
    ADVERSARY_REMAINING, /* time left, ms */
    ADVERSARY_PAUSE,     /* ms */
    ADVERSARY_LOST,      /* guest time lost from then on, ms */
    ADVERSARY_QUANTITY_LAST
} adversaryQuantity;

const char *adversaryQuantityName(adversaryQuantity quantity);

/* How one quantity was predicted in a migration. */
typedef struct _adversaryCoverage adversaryCoverage;
struct _adversaryCoverage {
    unsigned int predictions; /* all */
    unsigned int stated;      /* those with an interval */
    unsigned int inside;      /* came true: no less and no more than stated */
    unsigned int above;       /* more came than stated, or no end at all */
};

/* The predictions of one migration, in the order in which they were made. */
typedef struct _adversaryForecasts adversaryForecasts;

adversaryForecasts *adversaryForecastsNew(void);
void adversaryForecastsFree(adversaryForecasts *forecasts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(adversaryForecasts, adversaryForecastsFree)

/* Takes down the prediction of @status if there is a new decision since the last call.
 *
 * @lostMs: guest time lost until now */
void adversaryForecastsNote(adversaryForecasts *forecasts, const convergeStatus *status,
                            gint64 nowMs, double lostMs);

/* Compares all with what came.
 *
 * @endMs: time at which the guest ran at the destination, on the clock of the notes; without
 * an end, every stated interval has failed */
void adversaryForecastsJudge(const adversaryForecasts *forecasts, const convergePlantResult *result,
                             gint64 endMs, adversaryCoverage coverage[ADVERSARY_QUANTITY_LAST]);
