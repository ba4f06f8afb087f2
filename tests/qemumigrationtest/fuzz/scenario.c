/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario.c: whatever a scenario file says, it is refused with a reason, or its guest can be
 * migrated, suspended and resumed, and no memory is lost or invented
 */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "plant/scenario.h"

/* Long enough for every verb; a step is no multiple of the plant's 50 ms. */
#define STEPS 60
#define STEP_MS 730
#define VERB_EVERY 15

static const convergeVerb verbs[] = {
    CONVERGE_VERB_SUSPEND,
    CONVERGE_VERB_RESUME,
    CONVERGE_VERB_POSTCOPY,
};

static void
migrate(const convergePlantConfig *config)
{
    g_autoptr(convergePlant) plant = convergePlantNew(config);
    const convergePlantResult *result = convergePlantGetResult(plant);
    int step;

    for (step = 1; step <= STEPS; step++) {
        convergeSample sample = { 0 };

        convergePlantAdvance(plant, config->setupMs + (gint64)step * STEP_MS);
        convergePlantOps.sample(plant, &sample, NULL);
        convergePlantOps.probe(plant, NULL);
        if (step % VERB_EVERY == 0 && !result->completed) {
            convergeDecision decision = {
                .verb = verbs[(step / VERB_EVERY - 1) % G_N_ELEMENTS(verbs)],
                .downtimeMs = 300,
            };

            convergePlantOps.apply(plant, &decision, NULL);
        }
        g_assert_true(isfinite(result->lostMs) && result->lostMs >= 0);
        g_assert_true(result->totalMs >= 0 && result->allMs >= result->totalMs && result->pauseMs >= 0);
        g_assert_true(fabs(convergePlantAccount(plant) / config->memory - 1) < 1e-6);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(convergeScenario) scenario = convergeScenarioParse("fuzz", text, &error);

    g_assert_true((scenario != NULL) == (error == NULL));
    if (scenario)
        migrate(&scenario->config);
    return 0;
}
