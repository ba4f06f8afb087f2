/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario.h: guest, link and QEMU of a simulated migration, from a file
 *
 * A GKeyFile with the groups scenario, guest, link, qemu and "writer NAME"; its keys are
 * in converge-sim(1).  Sizes, rates and times carry a unit: "100 GB", "512 MiB/s",
 * "1.59 Gbit/s", "5 s".
 */
#pragma once

#include "plant/plant.h"

typedef struct _convergeScenario convergeScenario;
struct _convergeScenario {
    char *name;                 /* of the file, without directory and .ini */
    char *title;
    gint64 downtimeMs;          /* pause that the operator allows; 0: the methods' own */
    gint64 giveUpMs;            /* of virtual time */
    convergePlantConfig config;
};

/* Returns NULL with CONVERGE_ERROR_IO set when the file cannot be read, has a key or group
 * that is unknown, or a value that makes no sense; the message names file and key. */
convergeScenario *convergeScenarioLoad(const char *path, GError **error);
void convergeScenarioFree(convergeScenario *scenario);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeScenario, convergeScenarioFree)
