/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_presets.c: the methods that the field knows, each a row of the fields
 */
#include <glib/gi18n-lib.h>

#include "policy/policy_fields.h"

const convergePreset convergePresets[] = {
    /* Ours.  Strong and brief loses least where dirtying costs CPU time; 95 %
     * is the strongest throttle whose vCPU stalls (10 ms x p / (1 - p), QEMU's
     * cpu-throttle) stay near 200 ms.  300 ms is QEMU's own downtime-limit. */
    {
        "adaptive",
        N_("predict, throttle once and only as hard as it pays, release, switch over"),
        {
            [CONVERGE_FIELD_THROTTLE] = CONVERGE_THROTTLE_ADAPTIVE,
            [CONVERGE_FIELD_INITIAL_THROTTLE] = 20,
            [CONVERGE_FIELD_THROTTLE_INCREMENT] = 10,
            [CONVERGE_FIELD_MAX_THROTTLE] = 95,
            [CONVERGE_FIELD_DOWNTIME] = CONVERGE_DOWNTIME_ADAPTIVE,
            [CONVERGE_FIELD_INITIAL_DOWNTIME] = 100,
            [CONVERGE_FIELD_MAX_DOWNTIME] = 300,
            [CONVERGE_FIELD_OUTSIDE_DOWNTIME] = CONVERGE_OUTSIDE_CEILING,
        },
    },
    /* QEMU's auto-converge since 2.5: 20 %, then 10 % more after every second
     * bad pass, up to 99 % (migration/ram.c, mig_throttle_guest_down). */
    {
        "stepped",
        N_("QEMU's own auto-converge: 20 %, then 10 % more every two passes"),
        {
            [CONVERGE_FIELD_THROTTLE] = CONVERGE_THROTTLE_STEPPED,
            [CONVERGE_FIELD_INITIAL_THROTTLE] = 20,
            [CONVERGE_FIELD_THROTTLE_INCREMENT] = 10,
            [CONVERGE_FIELD_MAX_THROTTLE] = 99,
            [CONVERGE_FIELD_DOWNTIME] = CONVERGE_DOWNTIME_FIXED,
            [CONVERGE_FIELD_INITIAL_DOWNTIME] = 300,
            [CONVERGE_FIELD_MAX_DOWNTIME] = 300,
            [CONVERGE_FIELD_OUTSIDE_DOWNTIME] = CONVERGE_OUTSIDE_CEILING,
        },
    },
};

const gsize convergePresetCount = G_N_ELEMENTS(convergePresets);
