/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * script.c: a loop whose backend does what a test has written down
 */
#include <string.h>

#include "script.h"
#include "throttle/throttle.h"

static gboolean
takeSample(void *opaque,
           convergeSample *sample,
           GError **error)
{
    script *s = opaque;

    if (s->unreachable) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, "no answer");
        return FALSE;
    }
    *sample = s->sample;
    return TRUE;
}

/* What happens to the migration meanwhile. */
static void
goOn(script *s)
{
    s->unreachable = s->unreachableAfterApply;
    if (s->afterApply.timeMs > 0)
        s->sample = s->afterApply;
}

static const convergeThrottleTraits *
choose(void *opaque,
       convergeThrottleMethod wanted,
       char **why G_GNUC_UNUSED,
       GError **error)
{
    script *s = opaque;

    s->wanted = wanted;
    if (s->failingChoice) {
        goOn(s);
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "the script cannot choose");
        return NULL;
    }
    return &convergeThrottles[s->method]->traits;
}

static gboolean
apply(void *opaque,
      const convergeDecision *decision,
      GError **error)
{
    script *s = opaque;

    g_assert_cmpuint(s->nsaid, <, SAID_MOST);
    s->said[s->nsaid++] = *decision;
    goOn(s);
    if (s->refusing) {
        g_set_error(error, CONVERGE_ERROR,
                    s->unrecorded ? CONVERGE_ERROR_RECORD : CONVERGE_ERROR_QEMU, "the script refuses");
        return FALSE;
    }
    if (s->method != CONVERGE_METHOD_QEMU &&
        (decision->verb == CONVERGE_VERB_THROTTLE || decision->verb == CONVERGE_VERB_HOLD))
        s->sample.throttle = decision->throttle;
    return TRUE;
}

static gboolean
poll(void *opaque,
     const convergeThrottleTraits **throttle G_GNUC_UNUSED,
     char **why G_GNUC_UNUSED,
     GError **error)
{
    script *s = opaque;

    s->polls++;
    if (!s->failingPoll)
        return TRUE;
    goOn(s);
    g_set_error(error, CONVERGE_ERROR, s->unrecorded ? CONVERGE_ERROR_RECORD : CONVERGE_ERROR_QEMU,
                "the script cannot keep the throttle");
    return FALSE;
}

static gboolean
startProbe(void *opaque,
           GError **error)
{
    script *s = opaque;

    s->probes++;
    if (s->refusingProbes)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "the script has no probe");
    return !s->refusingProbes;
}

static gboolean
release(void *opaque,
        GError **error G_GNUC_UNUSED)
{
    script *s = opaque;

    s->releases++;
    return TRUE;
}

static gboolean
restore(void *opaque,
        GError **error)
{
    script *s = opaque;

    s->restores++;
    if (s->failingRestore)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "the script keeps it");
    return !s->failingRestore;
}

static const convergeBackendOps ops = {
    .sample = takeSample,
    .choose = choose,
    .poll = poll,
    .apply = apply,
    .probe = startProbe,
    .release = release,
    .restore = restore,
};

void
scriptInit(script *s,
           const char *policy,
           convergeThrottleMethod method)
{
    g_autoptr(GError) error = NULL;

    memset(s, 0, sizeof(*s));
    s->policy = convergePolicyParse(policy, &error);
    g_assert_no_error(error);
    s->backend = (convergeBackend) { &ops, s };
    s->loop = convergeLoopNew(s->policy, &s->backend, CONVERGE_POSTCOPY_AVAILABLE, NULL, NULL);
    s->method = method;
    s->sample = (convergeSample) {
        .active = TRUE,
        .iteration = 1,
        .timeMs = 1000,
        .totalBytes = (guint64)TOTAL,
        .remainingBytes = (guint64)USED,
    };
}

void
scriptClear(script *s)
{
    convergeLoopFree(s->loop);
    convergePolicyFree(s->policy);
}

void
scriptSend(script *s,
           gint64 ms)
{
    convergeSample *sample = &s->sample;
    gint64 until = sample->timeMs + ms;

    while (sample->timeMs < until && sample->active) {
        guint64 sent = (guint64)(BANDWIDTH / 10);

        convergeLoopStep(s->loop);
        sample->timeMs += 100;
        sample->processedBytes += sent;
        sample->normalBytes += sent;
        sample->remainingBytes -= MIN(sample->remainingBytes, sent);
    }
}

void
scriptSync(script *s,
           double bytes)
{
    s->sample.iteration++;
    s->sample.remainingBytes = (guint64)bytes;
    convergeLoopStep(s->loop);
}

void
scriptPass(script *s,
           double bytes)
{
    while (s->sample.remainingBytes > 0 && s->sample.active)
        scriptSend(s, 100);
    scriptSync(s, bytes);
}

void
scriptProbe(script *s,
            double bps)
{
    s->sample.probeId++;
    s->sample.probeMs = 1000;
    s->sample.probeBps = (guint64)bps;
    s->sample.probeThrottle = s->sample.throttle;
    convergeLoopStep(s->loop);
}

unsigned int
scriptCount(const script *s,
            convergeVerb verb)
{
    unsigned int count = 0;
    unsigned int i;

    for (i = 0; i < s->nsaid; i++)
        count += s->said[i].verb == verb;
    return count;
}

const convergeDecision *
scriptLast(const script *s,
           convergeVerb verb)
{
    unsigned int i;

    for (i = s->nsaid; i > 0; i--) {
        if (s->said[i - 1].verb == verb)
            return &s->said[i - 1];
    }
    return NULL;
}
