/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * numbers.c: whatever libvirt and QEMU report of a migration, decisions stay within the policy
 * and can be explained; UBSan's float-cast-overflow sees what does not fit its type
 */
#include <stdlib.h>
#include <string.h>

#include "engine/control.h"
#include "fuzz.h"
#include "libvirt/job_sample.h"
#include "policy/policy_fields.h"
#include "qemu/dirty_probe.h"
#include "util/number.h"

#define STEPS_MOST 64

/* The input, from which bytes are taken; after its end come zeroes. */
typedef struct _fuzzInput fuzzInput;
struct _fuzzInput {
    const uint8_t *data;
    size_t left;
};

static uint8_t
takeByte(fuzzInput *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

/* A number derived from its last value, so that a few bytes make a plausible migration, or
 * anything. */
static guint64
takeNumber(fuzzInput *input,
           guint64 before)
{
    uint8_t how = takeByte(input);
    guint64 value = 0;
    int i;

    switch (how & 3) {
    case 0:
        return before + ((guint64)(how >> 2) << 20);
    case 1:
        return before - ((guint64)(how >> 2) << 20);
    case 2:
        return G_GUINT64_CONSTANT(1) << (how >> 2);
    default:
        for (i = 0; i < 8; i++)
            value = value << 8 | takeByte(input);
        return value;
    }
}

/* The traits of QEMU's own throttle, and of one that acts at once. */
static const convergeThrottleTraits throttles[] = {
    { .method = CONVERGE_METHOD_QEMU, .least = 20, .gentle = 95, .waitMs = 1 },
    { .method = CONVERGE_METHOD_VCPU_QUOTA, .immediate = TRUE, .gentle = 97, .waitMs = 0.5 },
};

static fuzzInput *replies;

static int
answer(virDomainPtr dom G_GNUC_UNUSED,
       const char *command G_GNUC_UNUSED,
       char **result,
       unsigned int flags G_GNUC_UNUSED)
{
    uint8_t length = takeByte(replies);

    /* Any text, or a valid reply with any number. */
    if (length > 0) {
        length = MIN(length, replies->left);
        *result = strndup((const char *)replies->data, length);
        replies->data += length;
        replies->left -= length;
    } else {
        g_autofree char *text = g_strdup_printf(
            "{\"return\":{\"status\":\"measured\",\"dirty-rate\":%" G_GINT64_FORMAT "}}",
            (gint64)takeNumber(replies, 1 << 20));

        *result = strdup(text);
    }
    return *result ? 0 : -1;
}

static void
takeSample(fuzzInput *input,
           guint64 *numbers,
           convergeDirtyProbe *probe,
           convergeSample *sample)
{
    static const char *const names[] = {
        VIR_DOMAIN_JOB_MEMORY_TOTAL,
        VIR_DOMAIN_JOB_MEMORY_REMAINING,
        VIR_DOMAIN_JOB_MEMORY_PROCESSED,
        VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES,
        VIR_DOMAIN_JOB_MEMORY_CONSTANT,
        VIR_DOMAIN_JOB_COMPRESSION_PAGES,
        VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE,
        VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE,
        VIR_DOMAIN_JOB_MEMORY_ITERATION,
    };
    static const convergeLibvirt libvirt = { .qemuMonitorCommand = answer };
    const convergeMonitor monitor = { &libvirt, NULL };
    gint64 last = sample->timeMs;
    uint8_t how = takeByte(input);
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        gboolean counts = i == G_N_ELEMENTS(names) - 1;

        if (counts && (how & 1))
            numbers[i]++;
        else if (!counts || (how & 2))
            numbers[i] = takeNumber(input, numbers[i]);
        virTypedParamsAddULLong(&params, &nparams, &maxparams, names[i], numbers[i]);
    }
    virTypedParamsAddInt(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddInt(&params, &nparams, &maxparams, VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE,
                         (int)(gint8)takeByte(input));

    convergeSampleFromJobStats(sample, VIR_DOMAIN_JOB_UNBOUNDED, params, nparams);
    virTypedParamsFree(params, nparams);

    /* The clock is not part of the input from outside: it neither goes back nor overflows. */
    sample->timeMs = MIN(last + takeByte(input) * (how & 4 ? G_GINT64_CONSTANT(1000000000000) : 50),
                         CONVERGE_COUNT_MOST);
    sample->paused = (how & 8) != 0;
    sample->postcopy = (how & 48) == 48;
    if (how & 64) {
        probe->startMs = sample->timeMs - 2000;
        probe->throttle = sample->throttle;
        probe->spoilt = FALSE;
    }
    replies = input;
    convergeDirtyProbeCollect(probe, &monitor, sample);
}

static void
check(const convergeControl *control,
      const convergeModel *model,
      const convergeDecision *decision)
{
    g_autofree char *text = convergeDecisionExplain(decision, model);
    const convergePrediction *prediction = &decision->prediction;

    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_cmpuint(decision->throttle, <=, 99);
    g_assert_cmpint(decision->downtimeMs, >=, 0);
    g_assert_cmpint(decision->downtimeMs, <=,
                    convergeControlGet(&control->state, CONVERGE_FIELD_MAX_DOWNTIME));
    if (decision->predicted && prediction->converges) {
        g_assert_cmpint(prediction->remainingMs, >=, 0);
        g_assert_cmpint(prediction->pauseMs, >=, 0);
        g_assert_cmpint(prediction->lostMs, >=, 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    fuzzInput input = { data, size };
    const char *preset = convergePresets[takeByte(&input) % convergePresetCount].name;
    g_autoptr(convergePolicy) policy = convergePolicyParse(preset, NULL);
    convergeControl control = {
        .state = {
            .policy = policy,
            .throttle = &throttles[takeByte(&input) % G_N_ELEMENTS(throttles)],
            .postcopy = takeByte(&input) % CONVERGE_POSTCOPY_LAST,
        },
    };
    convergeDecision decisions[CONVERGE_DECISIONS_MAX];
    convergeDirtyProbe probe = { 0 };
    convergeSample sample = { .timeMs = 1 };
    convergeModel model = { 0 };
    guint64 numbers[9] = { 1 << 30, 1 << 30, 0, 0, 0, 0, 0, 4096, 1 };
    unsigned int step, n, i;

    /* libvirt's typed parameters keep the last error in a thread-local. */
    g_assert_cmpint(virInitialize(), ==, 0);
    for (step = 0; step < STEPS_MOST && input.left > 0; step++) {
        takeSample(&input, numbers, &probe, &sample);
        if (!sample.active)
            continue;
        n = convergeControlDecide(&control, &model, convergeModelUpdate(&model, &sample),
                                  decisions);
        g_assert_cmpuint(n, <=, CONVERGE_DECISIONS_MAX);
        for (i = 0; i < n; i++) {
            check(&control, &model, &decisions[i]);
            if (decisions[i].verb == CONVERGE_VERB_THROTTLE)
                convergeModelNoteThrottle(&model, decisions[i].throttle);
        }
    }
    return 0;
}
