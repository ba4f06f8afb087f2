/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.c: runs the methods, and watches for how long the guest is held
 */
#include "adversary/run.h"

static const char *const throttleNames[] = {
    [ADVERSARY_QEMU] = "qemu",
    [ADVERSARY_QUOTA] = "vcpu-quota",
};

const char *
adversaryThrottleName(adversaryThrottle throttle)
{
    return throttleNames[throttle];
}

/* What is seen from one sample to the next. */
typedef struct _runWatch runWatch;
struct _runWatch {
    gint64 timeMs;
    unsigned int throttle;
    gint64 heldMs;
};

static void
watch(void *opaque,
      const convergePlant *plant G_GNUC_UNUSED,
      const convergeSample *sample,
      const char *said G_GNUC_UNUSED)
{
    runWatch *seen = opaque;

    if (seen->throttle >= ADVERSARY_HELD)
        seen->heldMs += sample->timeMs - seen->timeMs;
    seen->timeMs = sample->timeMs;
    seen->throttle = sample->active ? sample->throttle : 0;
}

static void
note(const adversaryWorld *world,
     const runWatch *seen,
     const convergePlantResult *result,
     adversaryOutcome *outcome)
{
    *outcome = (adversaryOutcome) {
        .completed = result->completed,
        .totalMs = result->completed || result->aborted ? result->totalMs : world->giveUpMs,
        .lostMs = result->lostMs,
        .pauseMs = result->pauseMs,
        .peak = result->peakThrottle,
        .heldMs = seen->heldMs,
    };
}

const convergeMethod *
adversaryStock(const adversaryWorld *world)
{
    return convergeMethodFind(world->config.syncEveryMs > 0 ? "qemu-9.2" : "qemu-7.2");
}

void
adversaryRunStock(const adversaryWorld *world,
                  adversaryOutcome *outcome)
{
    runWatch seen = { 0 };
    convergeMethodOptions options = {
        .giveUpMs = world->giveUpMs,
        .downtimeMs = world->downtimeMs,
        .trace = watch,
        .opaque = &seen,
    };
    convergeMethodOutcome done;

    convergeMethodRunOne(adversaryStock(world), &world->config, &options, &done);
    note(world, &seen, &done.result, outcome);
}

void
adversaryRunOurs(const adversaryWorld *world,
                 const char *policy,
                 adversaryThrottle throttle,
                 const char *journalDir,
                 adversaryOutcome *outcome)
{
    g_autofree char *text = g_strdup_printf("%s,actuator=%s,max-downtime=%" G_GINT64_FORMAT "ms", policy,
                                            adversaryThrottleName(throttle), world->downtimeMs);
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicy) parsed = convergePolicyParse(text, &error);
    runWatch seen = { 0 };
    convergeMethodOptions options = {
        .giveUpMs = world->giveUpMs,
        .trace = watch,
        .opaque = &seen,
        .journalDir = journalDir,
    };
    convergeMethodOutcome done;

    /* The caller has tried @policy; the rest always parses. */
    if (!parsed)
        g_error("%s", error->message);
    convergeMethodRunPolicy(parsed, &world->config, &options, &done);
    note(world, &seen, &done.result, outcome);
}

void
adversaryRowClear(adversaryRow *row)
{
    g_free(row->traits);
}
