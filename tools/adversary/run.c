/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.c: runs methods, and watches for how long the guest is held
 */
#include "adversary/run.h"

/* The plant's switchover if a configuration has none. */
#define SWITCHOVER_MS 15

/* The search's last start after the bulk pass. */
#define BEST_PASSES 64

/* A best throttle may be this much slower than stock. */
#define BEST_SLOWER 1.05

/* What is seen in the course of a migration. */
typedef struct _runWatch runWatch;
struct _runWatch {
    gint64 timeMs;
    unsigned int throttle;
    gint64 heldMs;
    adversaryForecasts *forecasts;
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
watchTurn(void *opaque,
          const convergePlant *plant,
          const convergeStatus *status,
          gint64 nowMs)
{
    runWatch *seen = opaque;

    adversaryForecastsNote(seen->forecasts, status, nowMs, convergePlantGetResult(plant)->lostMs);
}

static adversaryOutcome
outcomeOf(const adversaryWorld *world,
          const runWatch *seen,
          const convergePlantResult *result)
{
    return (adversaryOutcome) {
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
    if (world->config.syncInBulk)
        return convergeMethodFind("qemu-11.1-post-copy");
    return convergeMethodFind(world->config.syncEveryMs > 0 ? "qemu-9.2" : "qemu-7.2");
}

static adversaryOutcome
runMethod(const adversaryWorld *world,
          const convergeMethod *method)
{
    runWatch seen = { 0 };
    convergeMethodOptions options = {
        .giveUpMs = world->giveUpMs,
        .downtimeMs = world->downtimeMs,
        .trace = watch,
        .opaque = &seen,
    };
    convergeMethodOutcome done;

    convergeMethodRunOne(method, &world->config, &options, &done);
    return outcomeOf(world, &seen, &done.result);
}

void
adversaryRunStock(const adversaryWorld *world,
                  adversaryRow *row)
{
    g_autofree char *traits = adversaryWorldTraits(world);

    *row = (adversaryRow) {
        .seed = world->seed,
        .kind = world->kind->name,
        .traits = g_intern_string(traits),
        .downtimeMs = world->downtimeMs,
        .giveUpMs = world->giveUpMs,
        .bulkMs = adversaryWorldBulkMs(world),
        .stock = runMethod(world, adversaryStock(world)),
    };
}

void
adversaryRunBest(const adversaryWorld *world,
                 adversaryRow *row)
{
    const convergePlantConfig *config = &world->config;
    double fixed = (double)(config->switchoverMs > 0 ? config->switchoverMs : SWITCHOVER_MS) +
        config->syncMsPerGB * config->memory / 1e9;
    convergeBestOrder order = {
        .downtimeMs = MAX((gint64)((double)world->downtimeMs - fixed), 1),
        .giveUpMs = world->giveUpMs,
        .totalMostMs = row->stock.completed ? (gint64)((double)row->stock.totalMs * BEST_SLOWER) : 0,
        .passesMost = BEST_PASSES,
    };

    row->best = convergeBestFind(config, &order);
}

/* What an earlier migration from this host has taught of the downtime besides memory, ms: within
 * 10 % of the truth. */
static gint64
learnt(const adversaryWorld *world)
{
    const convergePlantConfig *config = &world->config;
    double fixed = (double)(config->switchoverMs > 0 ? config->switchoverMs : SWITCHOVER_MS) +
        config->syncMsPerGB * config->memory / 1e9;

    return (gint64)(fixed * (0.9 + 0.2 * (double)(world->seed * 2654435761U >> 8 & 255) / 255));
}

static void
runPolicy(const adversaryWorld *world,
          const adversaryContender *contender,
          const char *journalDir,
          adversaryRow *row)
{
    g_autofree char *text = g_strdup_printf("%s,max-downtime=%" G_GINT64_FORMAT "ms", contender->policy, world->downtimeMs);
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicy) parsed = convergePolicyParse(text, &error);
    g_autoptr(adversaryForecasts) forecasts = adversaryForecastsNew();
    runWatch seen = { .forecasts = forecasts };
    convergeMethodOptions options = {
        .giveUpMs = world->giveUpMs,
        .overheadMs = contender->first ? 0 : learnt(world),
        .trace = watch,
        .turn = watchTurn,
        .opaque = &seen,
        .journalDir = journalDir,
    };
    convergeMethodOutcome done;

    /* The caller has tried the policy, and a limit can be added to any. */
    if (!parsed)
        g_error("%s", error->message);
    convergeMethodRunPolicy(parsed, &world->config, &options, &done);
    row->ours = outcomeOf(world, &seen, &done.result);
    adversaryForecastsJudge(forecasts, &done.result, world->config.setupMs + done.result.totalMs, row->coverage);
}

void
adversaryRunContender(const adversaryWorld *world,
                      const adversaryContender *contender,
                      const char *journalDir,
                      adversaryRow *row)
{
    row->contender = g_intern_string(contender->name);
    if (contender->policy)
        runPolicy(world, contender, journalDir, row);
    else
        row->ours = runMethod(world, contender->method);
}
