/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * law_progressive.c: a throttle step after every bad pass
 */
#include "engine/laws.h"

unsigned int
convergeLawProgressiveDecide(convergeControlState *state,
                             const convergeModel *model,
                             convergeNews news,
                             convergeDecision *decisions)
{
    gint64 threshold = convergeControlGet(state, CONVERGE_FIELD_THROTTLE_THRESHOLD);
    gint64 highest = convergeControlGet(state, CONVERGE_FIELD_MAX_THROTTLE);
    gint64 throttle = state->plan.throttle;

    if (!convergeControlLawIs(state, CONVERGE_THROTTLE_PROGRESSIVE) ||
        !(news & CONVERGE_NEWS_PASS) ||
        model->pass.dirtied * 100 <= model->pass.sent * threshold || throttle >= highest)
        return 0;

    throttle = throttle == 0 ? convergeControlGet(state, CONVERGE_FIELD_INITIAL_THROTTLE) :
                               throttle + convergeControlGet(state, CONVERGE_FIELD_THROTTLE_INCREMENT);
    return convergeControlSetThrottle(state, (unsigned int)MIN(throttle, highest),
                                      CONVERGE_REASON_BAD_PASS, decisions);
}
