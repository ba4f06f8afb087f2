/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * world.c: guest and link of a random migration
 */
#include <math.h>

#include "adversary/world.h"

#define GIB 1073741824.0
#define GBIT (1e9 / 8)

#define GIVE_UP_LEAST_MS (30 * 60 * 1000)
#define GIVE_UP_MOST_MS (24 * 3600 * 1000)
#define GIVE_UP_BULKS 12

/* Small guests are mostly seen on slow links with few vCPUs, large ones on fast links with
 * many; one world in four has any combination. */
#define ANY_COMBINATION 0.25

static void
makeGuest(adversaryWorld *world,
          adversaryDice *dice)
{
    convergePlantConfig *config = &world->config;
    double gib = rint(adversaryDiceLog(dice, 1, 1024));
    double usual = pow(gib, 0.6);
    gboolean any = adversaryDiceChance(dice, ANY_COMBINATION);
    double vcpus = any ? adversaryDiceLog(dice, 1, 128) :
                         adversaryDiceLog(dice, MAX(usual / 4, 1), MIN(usual * 4, 128));

    config->memory = gib * GIB;
    config->used = fmin(adversaryRound(config->memory * adversaryDiceBetween(dice, 0.1, 1)),
                        floor(config->memory / 1e6) * 1e6);
    config->vcpus = (unsigned int)rint(vcpus);
    config->scanRate = adversaryRound(adversaryDiceLog(dice, 1e9, 8e9));
    config->seed = world->seed;
}

static void
makeLink(adversaryWorld *world,
         adversaryDice *dice)
{
    convergePlantConfig *config = &world->config;
    gboolean any = adversaryDiceChance(dice, ANY_COMBINATION);
    double usual = pow(config->memory / GIB, 0.5);
    double gbit = any ? adversaryDiceLog(dice, 0.1, 100) :
                        adversaryDiceLog(dice, MAX(usual / 10, 0.1), MIN(usual * 6, 100));

    config->bandwidth = adversaryRound(MAX(gbit * GBIT, config->used / ADVERSARY_BULK_MOST_S));
    world->downtimeMs = llrint(adversaryDiceLog(dice, 50, 2000));
    world->linkBps = config->bandwidth;
}

static void
makeTraits(adversaryWorld *world,
           gboolean early)
{
    gsize i;

    for (i = 0; i < adversaryTraitCount; i++) {
        const adversaryTrait *trait = &adversaryTraits[i];
        adversaryDice dice = adversaryDiceNew(world->seed, trait->name);

        if (trait->early != early || !adversaryDiceChance(&dice, trait->chance))
            continue;
        if (trait->make(world, &dice))
            world->traits |= 1U << i;
    }
}

static const adversaryKind *
chooseKind(guint64 seed)
{
    adversaryDice dice = adversaryDiceNew(seed, "kind");
    double sum = 0;
    double at;
    gsize i;

    for (i = 0; i < adversaryKindCount; i++)
        sum += adversaryKinds[i].weight;
    at = adversaryDiceBetween(&dice, 0, sum);
    for (i = 0; i + 1 < adversaryKindCount && at >= adversaryKinds[i].weight; i++)
        at -= adversaryKinds[i].weight;
    return &adversaryKinds[i];
}

double
adversaryWorldBulkMs(const adversaryWorld *world)
{
    const convergePlantConfig *config = &world->config;

    return (config->used / world->linkBps + (config->memory - config->used) / config->scanRate) * 1000;
}

void
adversaryWorldMake(guint64 seed,
                   adversaryWorld *world)
{
    adversaryDice guest = adversaryDiceNew(seed, "guest");
    adversaryDice link = adversaryDiceNew(seed, "link");
    adversaryDice writers;
    unsigned int vcpus = 0;
    unsigned int i;

    *world = (adversaryWorld) { .seed = seed, .kind = chooseKind(seed) };
    makeGuest(world, &guest);
    makeLink(world, &link);
    makeTraits(world, TRUE);
    writers = adversaryDiceNew(seed, world->kind->name);
    world->kind->make(world, &writers);
    makeTraits(world, FALSE);

    for (i = 0; i < world->config.nwriters; i++)
        vcpus += world->config.writers[i].vcpus;
    world->config.vcpus = MAX(world->config.vcpus, vcpus);
    world->giveUpMs = CLAMP(llrint(adversaryWorldBulkMs(world) * GIVE_UP_BULKS), GIVE_UP_LEAST_MS,
                            GIVE_UP_MOST_MS);
}

char *
adversaryWorldTraits(const adversaryWorld *world)
{
    GString *names = g_string_new("");
    gsize i;

    for (i = 0; i < adversaryTraitCount; i++) {
        if (world->traits & 1U << i)
            g_string_append_printf(names, "%s%s", names->len > 0 ? "+" : "", adversaryTraits[i].name);
    }
    if (names->len == 0)
        g_string_append_c(names, '-');
    return g_string_free(names, FALSE);
}
