/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show.c: writes scenario files
 */
#include <math.h>

#include "adversary/show.h"

/* Writes @value with the largest unit in which it is a whole number, so that reading the
 * file gives the same number. */
static void
printBytes(FILE *file,
           double value,
           const char *suffix)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = { { "GB", 1e9 }, { "MB", 1e6 }, { "kB", 1e3 }, { "B", 1 } };
    gsize i;

    for (i = 0; i + 1 < G_N_ELEMENTS(units) && fmod(value, units[i].factor) != 0; i++)
        continue;
    fprintf(file, "%.0f %s%s", value / units[i].factor, units[i].unit, suffix);
}

/* @suffix: "" for a size, "/s" for a rate */
static void
printAmount(FILE *file,
            const char *key,
            double value,
            const char *suffix)
{
    if (value <= 0)
        return;
    fprintf(file, "%s = ", key);
    printBytes(file, value, suffix);
    fputc('\n', file);
}

static void
printMs(FILE *file,
        const char *key,
        gint64 ms)
{
    if (ms > 0)
        fprintf(file, "%s = %" G_GINT64_FORMAT " ms\n", key, ms);
}

static void
printWriter(FILE *file,
            const convergePlantWriter *writer,
            unsigned int i)
{
    fprintf(file, "\n[writer w%u]\nvcpus = %u\n", i, writer->vcpus);
    printAmount(file, "set", writer->set, "");
    printAmount(file, "rate", writer->rate, "/s");
    printAmount(file, "growth", writer->growth, "/s");
    printAmount(file, "grow-to", writer->growTo, "");
    printAmount(file, "background", writer->background, "/s");
    if (writer->fixedShare > 0)
        fprintf(file, "fixed-share = %.0f %%\n", writer->fixedShare * 100);
    if (writer->sweep)
        fprintf(file, "sweep = yes\n");
}

static void
printGuest(FILE *file,
           const convergePlantConfig *config)
{
    unsigned int i;

    fprintf(file, "\n[guest]\nmemory = %.0f MiB\n", config->memory / (1024 * 1024));
    printAmount(file, "used", config->used, "");
    fprintf(file, "vcpus = %u\n", config->vcpus);
    for (i = 0; i < config->nphases; i++)
        fprintf(file, "%s%" G_GINT64_FORMAT " ms:%.0f %%", i > 0 ? ", " : "phases = ", config->phases[i].ms,
                config->phases[i].rate * 100);
    if (config->nphases > 0)
        fputc('\n', file);
    for (i = 0; i < config->nwriters; i++)
        printWriter(file, &config->writers[i], i);
}

static void
printLink(FILE *file,
          const convergePlantConfig *config)
{
    unsigned int i;

    fprintf(file, "\n[link]\n");
    printAmount(file, "bandwidth", config->bandwidth, "/s");
    for (i = 0; i < config->nlinkChanges; i++) {
        fprintf(file, "%s%" G_GINT64_FORMAT " ms:", i > 0 ? ", " : "changes = ", config->linkChanges[i].ms);
        printBytes(file, config->linkChanges[i].bandwidth, "/s");
    }
    if (config->nlinkChanges > 0)
        fputc('\n', file);
    printAmount(file, "tls", config->tlsBandwidth, "/s");
    if (config->recovery > 0)
        fprintf(file, "recovery = %.0f %%\n", config->recovery * 100);
}

static void
printQemu(FILE *file,
          const convergePlantConfig *config)
{
    fprintf(file, "\n[qemu]\n");
    printAmount(file, "scan-rate", config->scanRate, "/s");
    printMs(file, "sync-every", config->syncEveryMs);
    if (config->syncInBulk)
        fprintf(file, "sync-in-bulk = yes\n");
    printMs(file, "setup", config->setupMs);
    if (config->syncMsPerGB > 0) {
        char text[G_ASCII_DTOSTR_BUF_SIZE];

        fprintf(file, "sync-ms-per-gb = %s\n",
                g_ascii_dtostr(text, sizeof(text), config->syncMsPerGB));
    }
    printMs(file, "switchover", config->switchoverMs);
    printMs(file, "probe", config->probeMs);
    if (config->noProbe)
        fprintf(file, "no-probe = yes\n");
    if (config->blindProbe)
        fprintf(file, "blind-probe = yes\n");
    if (config->probesMost > 0)
        fprintf(file, "# Scenario files cannot say: QEMU takes no more than %u probes.\n", config->probesMost);
}

void
adversaryShowWorld(FILE *file,
                   const adversaryWorld *world)
{
    g_autofree char *traits = adversaryWorldTraits(world);

    fprintf(file, "# SPDX-License-Identifier: LGPL-2.1-or-later\n[scenario]\n");
    fprintf(file, "title = adversary %" G_GUINT64_FORMAT ": %s, %s\n", world->seed, world->kind->name, traits);
    printMs(file, "downtime", world->downtimeMs);
    printMs(file, "give-up", world->giveUpMs);
    fprintf(file, "seed = %" G_GUINT64_FORMAT "\n", world->config.seed);
    if (world->config.noise > 0)
        fprintf(file, "noise = %.0f %%\n", world->config.noise * 100);
    printGuest(file, &world->config);
    printLink(file, &world->config);
    printQemu(file, &world->config);
}
