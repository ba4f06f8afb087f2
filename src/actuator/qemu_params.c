/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_params.c: QEMU's migration parameters, changed and put back
 */
#include "actuator/qemu_params.h"

#define ABSENT CONVERGE_PARAM_ABSENT

/* Nobody gets beyond max-cpu-throttle in one step. */
#define SET_POINT_INCREMENT 99

static const struct {
    const char *name;
    gboolean boolean;
} migrationParams[] = {
    [CONVERGE_PARAM_INITIAL] = { "cpu-throttle-initial", FALSE },
    [CONVERGE_PARAM_INCREMENT] = { "cpu-throttle-increment", FALSE },
    [CONVERGE_PARAM_MAX] = { "max-cpu-throttle", FALSE },
    [CONVERGE_PARAM_THRESHOLD] = { "throttle-trigger-threshold", FALSE },
    [CONVERGE_PARAM_TAILSLOW] = { "cpu-throttle-tailslow", TRUE },
    [CONVERGE_PARAM_DOWNTIME] = { "downtime-limit", FALSE },
};
G_STATIC_ASSERT(G_N_ELEMENTS(migrationParams) == CONVERGE_PARAM_LAST);

const char *
convergeParamName(convergeParam param)
{
    return migrationParams[param].name;
}

gboolean
convergeParamIsBoolean(convergeParam param)
{
    return migrationParams[param].boolean;
}

void
convergeQemuParamsInit(convergeQemuParams *params,
                       gboolean callerThrottle)
{
    gsize i;

    *params = (convergeQemuParams) { .callerThrottle = callerThrottle };
    for (i = 0; i < CONVERGE_PARAM_LAST; i++)
        params->original[i] = params->written[i] = ABSENT;
}

static gboolean
queryParams(const convergeMonitor *monitor,
            gint64 values[CONVERGE_PARAM_LAST],
            GError **error)
{
    g_autoptr(JsonObject) reply = convergeQmpRunObject(monitor, "query-migrate-parameters",
                                                       NULL, error);
    gsize i;

    if (!reply)
        return FALSE;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        values[i] = ABSENT;
        if (!json_object_has_member(reply, migrationParams[i].name))
            continue;
        if (migrationParams[i].boolean)
            values[i] = json_object_get_boolean_member_with_default(
                reply, migrationParams[i].name, FALSE);
        else
            values[i] = json_object_get_int_member_with_default(
                reply, migrationParams[i].name, ABSENT);
    }
    return TRUE;
}

static gboolean
setParams(const convergeMonitor *monitor,
          const gint64 values[CONVERGE_PARAM_LAST],
          GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonObject) reply = NULL;
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (values[i] == ABSENT)
            continue;
        if (migrationParams[i].boolean)
            json_object_set_boolean_member(arguments, migrationParams[i].name, values[i] != 0);
        else
            json_object_set_int_member(arguments, migrationParams[i].name, values[i]);
    }

    reply = convergeQmpRunObject(monitor, "migrate-set-parameters", arguments, error);
    return reply != NULL;
}

gboolean
convergeQemuParamsRemember(convergeQemuParams *params,
                           const convergeMonitor *monitor,
                           GError **error)
{
    if (!params->remembered)
        params->remembered = queryParams(monitor, params->original, error);
    return params->remembered;
}

/* libvirt puts cpu-throttle-initial back in one command with all else that it knows,
 * and knows nothing of max-cpu-throttle: were that lower, QEMU would refuse the whole
 * command.  So max-cpu-throttle never goes below what libvirt will ask for: QEMU's
 * default, unless somebody had set more before the migration. */
static gint64
lowestMax(const convergeQemuParams *params)
{
    if (params->callerThrottle)
        return CONVERGE_THROTTLE_FLOOR;
    return MAX(CONVERGE_THROTTLE_FLOOR, params->original[CONVERGE_PARAM_INITIAL]);
}

void
convergeQemuParamsFor(const convergeQemuParams *params,
                      const convergeDecision *decision,
                      gint64 values[CONVERGE_PARAM_LAST])
{
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++)
        values[i] = ABSENT;

    switch (decision->verb) {
    case CONVERGE_VERB_STEP:
        values[CONVERGE_PARAM_INITIAL] = decision->throttle;
        values[CONVERGE_PARAM_INCREMENT] = decision->increment;
        values[CONVERGE_PARAM_MAX] = decision->maxThrottle;
        values[CONVERGE_PARAM_THRESHOLD] = decision->threshold;
        values[CONVERGE_PARAM_TAILSLOW] = decision->tailslow;
        break;

    case CONVERGE_VERB_THROTTLE:
        values[CONVERGE_PARAM_INITIAL] = MAX(decision->throttle, 1);
        values[CONVERGE_PARAM_INCREMENT] = SET_POINT_INCREMENT;
        values[CONVERGE_PARAM_MAX] = decision->throttle;
        values[CONVERGE_PARAM_THRESHOLD] = 1;
        values[CONVERGE_PARAM_TAILSLOW] = FALSE;
        break;

    case CONVERGE_VERB_PRIME:
    case CONVERGE_VERB_HOLD:
        /* QEMU acts at the second bad pass.  Primed, it counts the bulk pass as one,
         * so that a set-point stated during the next pass is in force right after
         * it; held, it counts only what dirties more than it sends, and acts by the
         * smallest step that it has.  Unless it throttles: then it has to act once more,
         * to come down as far as it can. */
        values[CONVERGE_PARAM_INITIAL] = 1;
        values[CONVERGE_PARAM_INCREMENT] = 1;
        values[CONVERGE_PARAM_MAX] = CONVERGE_THROTTLE_FLOOR;
        values[CONVERGE_PARAM_THRESHOLD] = decision->verb == CONVERGE_VERB_PRIME ||
            params->written[CONVERGE_PARAM_INCREMENT] == SET_POINT_INCREMENT ? 1 : 100;
        values[CONVERGE_PARAM_TAILSLOW] = FALSE;
        break;

    case CONVERGE_VERB_DOWNTIME:    /* these have public calls */
    case CONVERGE_VERB_POSTCOPY:
    case CONVERGE_VERB_SUSPEND:
    case CONVERGE_VERB_ABORT:
    case CONVERGE_VERB_SKIP:
    case CONVERGE_VERB_LAST:
    default:
        break;
    }

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (params->original[i] == ABSENT)
            values[i] = ABSENT;
    }

    if (values[CONVERGE_PARAM_MAX] != ABSENT)
        values[CONVERGE_PARAM_MAX] = MAX(values[CONVERGE_PARAM_MAX], lowestMax(params));
}

gboolean
convergeQemuParamsWrite(convergeQemuParams *params,
                        const convergeMonitor *monitor,
                        const gint64 values[CONVERGE_PARAM_LAST],
                        GError **error)
{
    gsize i;

    if (!setParams(monitor, values, error))
        return FALSE;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (values[i] != ABSENT)
            params->written[i] = values[i];
    }
    return TRUE;
}

/* What libvirt has put back already no longer carries our value; what still does
 * gets its original one, all in one command. */
gboolean
convergeQemuParamsRestore(convergeQemuParams *params,
                          const convergeMonitor *monitor,
                          GError **error)
{
    gint64 values[CONVERGE_PARAM_LAST];
    gboolean needed = FALSE;
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++)
        needed = needed || params->written[i] != ABSENT;
    if (!needed)
        return TRUE;

    if (!queryParams(monitor, values, error))
        return FALSE;

    needed = FALSE;
    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (params->written[i] == ABSENT || values[i] != params->written[i] ||
            values[i] == params->original[i]) {
            values[i] = ABSENT;
        } else {
            values[i] = params->original[i];
            needed = TRUE;
        }
    }

    return !needed || setParams(monitor, values, error);
}

