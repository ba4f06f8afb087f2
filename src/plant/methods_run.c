/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methods_run.c: one migration of the plant, under the engine or under another method
 */
#include <string.h>

#include "plant/best.h"
#include "plant/methods_priv.h"
#include "policy/policy_fields.h"

/* Time between two samples for the trace, for methods that do not poll. */
#define WATCH_MS 500

static gboolean
isOver(const convergePlant *plant)
{
    const convergePlantResult *result = convergePlantGetResult(plant);

    return result->completed || result->aborted;
}

void
methodSay(convergeMethodRun *run,
          convergeVerb verb,
          gint64 downtimeMs)
{
    convergeDecision decision = { .verb = verb, .downtimeMs = downtimeMs, .limitMs = downtimeMs };

    convergePlantOps.apply(run->plant, &decision, NULL);
    g_free(run->said);
    run->said = verb == CONVERGE_VERB_DOWNTIME ?
        g_strdup_printf("%s %" G_GINT64_FORMAT " ms", convergeVerbName(verb), downtimeMs) :
        g_strdup(convergeVerbName(verb));
}

void
methodThrottle(convergeMethodRun *run,
               unsigned int throttle)
{
    convergePlantSetThrottle(run->plant, throttle);
    g_free(run->said);
    run->said = g_strdup_printf("throttle %u %%", throttle);
}

static void
trace(const convergeMethodOptions *options,
      const convergePlant *plant,
      const convergeSample *sample,
      const char *said)
{
    if (options->trace)
        options->trace(options->opaque, plant, sample, said);
}

static void
look(convergePlant *plant,
     convergeSample *sample)
{
    memset(sample, 0, sizeof(*sample));
    convergePlantOps.sample(plant, sample, NULL);
}

/* The operator's downtime limit, in the range of the policy's field; 0: there is none. */
static gint64
operatorsDowntime(const convergeMethodOptions *options)
{
    const convergeFieldInfo *field = &convergeFields[CONVERGE_FIELD_MAX_DOWNTIME];

    return options->downtimeMs > 0 ? CLAMP(options->downtimeMs, field->min, field->max) : 0;
}

static void
runRow(const convergeMethod *original,
       const convergePlantConfig *guest,
       const convergeMethodOptions *options,
       convergeMethodOutcome *outcome)
{
    convergePlantConfig config = *guest;
    convergeMethod row = *original;
    const convergeMethod *method = &row;
    convergePlantLaw law = row.law;
    convergeMethodRun run = { .method = method };
    gint64 downtimeMs = operatorsDowntime(options);
    gint64 poll = method->pollMs ? method->pollMs : WATCH_MS;
    gint64 now;

    /* The limit is QEMU's, or that of the step function that decides in QEMU's place. */
    if (downtimeMs > 0 && !row.ownDowntime) {
        if (row.maxDowntimeMs > 0)
            row.maxDowntimeMs = downtimeMs;
        else
            law.downtimeMs = downtimeMs;
    }
    outcome->ownDowntime = row.ownDowntime;
    config.law = &law;
    config.syncEveryMs = 0;
    config.syncInBulk = FALSE;
    run.plant = convergePlantNew(&config);
    run.passes = g_array_new(FALSE, FALSE, sizeof(methodPass));

    for (now = config.setupMs; now < options->giveUpMs && !isOver(run.plant); now += poll) {
        convergePlantAdvance(run.plant, now);
        look(run.plant, &run.sample);
        if (run.sample.active) {
            run.elapsedMs = run.sample.timeMs - config.setupMs;
            if (method->step && !run.done)
                method->step(&run);
            trace(options, run.plant, &run.sample, run.said);
            g_clear_pointer(&run.said, g_free);
            run.last = run.sample;
        }
    }
    look(run.plant, &run.sample);
    trace(options, run.plant, &run.sample, NULL);

    outcome->result = *convergePlantGetResult(run.plant);
    g_array_free(run.passes, TRUE);
    convergePlantFree(run.plant);
}

typedef struct _journalOrder journalOrder;
struct _journalOrder {
    const char *dir;
    const convergePolicy *policy;
    convergeJournal *journal; /* owned by the loop; NULL: not yet open */
};

static convergeJournal *
openJournal(void *opaque,
            GError **error)
{
    journalOrder *order = opaque;
    g_autofree char *policy = convergePolicyFormat(order->policy);

    if ((order->journal = convergeJournalOpen(order->dir, "simulated", error)))
        convergeJournalStart(order->journal, "simulated", "", policy, "simulator");
    return order->journal;
}

/* Waits for the disk, which is slower than virtual time. */
static void
awaitJournal(convergeLoop *loop,
             const journalOrder *order)
{
    g_autofree char *trouble = NULL;

    if (order->journal)
        convergeJournalWait(order->journal);
    if ((trouble = convergeLoopTakeJournalTrouble(loop)))
        g_warning("%s", trouble);
}

void
convergeMethodRunPolicy(const convergePolicy *policy,
                        const convergePlantConfig *config,
                        const convergeMethodOptions *options,
                        convergeMethodOutcome *outcome)
{
    g_autoptr(convergePlant) plant = convergePlantNew(config);
    convergeBackend backend = { &convergePlantOps, plant };
    g_autoptr(convergeLoop) loop = NULL;
    g_autofree char *reason = g_strdup("");
    journalOrder order = { options->journalDir, policy, NULL };
    convergeSample sample;
    gint64 now = 0;

    memset(outcome, 0, sizeof(*outcome));
    loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_AVAILABLE,
                           options->journalDir ? openJournal : NULL, &order);
    if (options->overheadMs > 0)
        convergeLoopSetOverhead(loop, options->overheadMs, NULL);
    while (!isOver(plant) && now < options->giveUpMs) {
        gint64 wait = convergeLoopStep(loop);

        awaitJournal(loop, &order);
        if (options->turn)
            options->turn(options->opaque, plant, convergeLoopStatus(loop), now);
        if (options->trace) {
            const convergeStatus *status = convergeLoopStatus(loop);
            gboolean news = !g_str_equal(reason, status->reason);

            look(plant, &sample);
            trace(options, plant, &sample, news ? status->reason : NULL);
            g_free(reason);
            reason = g_strdup(status->reason);
        }
        now += wait;
        convergePlantAdvance(plant, now);
    }

    look(plant, &sample);
    trace(options, plant, &sample, NULL);
    outcome->result = *convergePlantGetResult(plant);
    convergeLoopEnd(loop, outcome->result.completed, now);
    outcome->engine = TRUE;
    outcome->status = *convergeLoopStatus(loop);
}

/* The policy of @text, with the operator's limit where it states none.
 *
 * @own: set to TRUE if it keeps a limit of its own */
static convergePolicy *
policyWithin(const char *text,
             gint64 downtimeMs,
             gboolean *own)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse(text, NULL);
    g_autofree char *stated = convergePolicyFormat(policy);
    g_autofree char *limited = g_strdup_printf("%s,max-downtime=%" G_GINT64_FORMAT "ms", stated, downtimeMs);
    convergePolicy *within;

    *own = convergePolicyGetLayer(policy, CONVERGE_FIELD_MAX_DOWNTIME) != CONVERGE_LAYER_BUILTIN;
    if (*own || downtimeMs == 0)
        return g_steal_pointer(&policy);

    /* An initial downtime that the text states contradicts a lower limit, and is a limit, too. */
    if ((within = convergePolicyParse(limited, NULL)))
        return within;
    *own = TRUE;
    return g_steal_pointer(&policy);
}

void
convergeMethodRunOne(const convergeMethod *method,
                     const convergePlantConfig *config,
                     const convergeMethodOptions *options,
                     convergeMethodOutcome *outcome)
{
    g_autoptr(convergePolicy) policy = NULL;
    gboolean own = FALSE;

    memset(outcome, 0, sizeof(*outcome));
    if (!method->policy) {
        runRow(method, config, options, outcome);
        return;
    }

    policy = policyWithin(method->policy, operatorsDowntime(options), &own);
    convergeMethodRunPolicy(policy, config, options, outcome);
    outcome->ownDowntime = own;
}

convergeMethodFloor
convergeMethodFindFloor(const convergePlantConfig *original,
                        gint64 downtimeMs,
                        gint64 giveUpMs)
{
    const convergeBestOrder atOnce = { .downtimeMs = downtimeMs, .giveUpMs = giveUpMs };
    convergeBest best = convergeBestFind(original, &atOnce);
    convergePlantConfig quiet = *original;
    unsigned int i;

    quiet.writeRate = 0;
    for (i = 0; i < quiet.nwriters; i++)
        quiet.writers[i].rate = quiet.writers[i].background = 0;

    return (convergeMethodFloor) {
        .totalMs = convergeBestFind(&quiet, &atOnce).totalMs,
        .converges = best.converges,
        .lostMs = best.lostMs,
        .throttle = best.throttle,
    };
}
