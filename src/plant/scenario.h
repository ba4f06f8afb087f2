/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario.h: guest, link and QEMU of a simulated migration, from a file
 *
 * A scenario is a GKeyFile with the groups scenario, guest, link, qemu and "writer NAME";
 * converge-sim(1) describes its keys.  Sizes, rates and times have a unit: "100 GB",
 * "512 MiB/s", "1.59 Gbit/s", "5 s".
 */
#pragma once

#include "plant/plant.h"

typedef struct _convergeScenario convergeScenario;
struct _convergeScenario {
    char *name; /* the file's, without directory and .ini */
    char *title;
    gint64 downtimeMs;   /* the operator's downtime limit; 0: those of the methods */
    gint64 giveUpMs;     /* in virtual time */
    unsigned int copies; /* number of such guests, for converge-sim --together; at least 1 */
    convergePlantConfig config;
};

/* Returns NULL with CONVERGE_ERROR_IO set when the file cannot be read, or has an unknown or
 * repeated key or group, or an invalid value; the message names file and key, and what is
 * allowed. */
convergeScenario *convergeScenarioLoad(const char *path, GError **error);

/* The same for the text of a scenario called @name.  Errors of the key file's syntax are those
 * of GLib. */
convergeScenario *convergeScenarioParse(const char *name, const char *text, GError **error);
void convergeScenarioFree(convergeScenario *scenario);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeScenario, convergeScenarioFree)
