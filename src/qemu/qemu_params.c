/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_params.c: QEMU's migration parameters, changed and put back
 */
#include "qemu/qemu_params.h"

#define ABSENT CONVERGE_PARAM_ABSENT

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
    [CONVERGE_PARAM_BANDWIDTH] = { "max-bandwidth", FALSE },
};
G_STATIC_ASSERT(G_N_ELEMENTS(migrationParams) == CONVERGE_PARAM_LAST);

const char *
convergeQemuParamName(convergeQemuParam param)
{
    return migrationParams[param].name;
}

gboolean
convergeQemuParamIsBoolean(convergeQemuParam param)
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
        params->original[i] = params->written[i] = params->asked[i] = ABSENT;
}

/* --- QMP --- */

static gint64
currentValue(JsonObject *current,
             const char *name,
             gboolean boolean)
{
    if (!json_object_has_member(current, name))
        return ABSENT;
    if (boolean)
        return json_object_get_boolean_member_with_default(current, name, FALSE);
    return json_object_get_int_member_with_default(current, name, ABSENT);
}

static void
addValue(JsonObject *arguments,
         const char *name,
         gboolean boolean,
         gint64 value)
{
    if (boolean)
        json_object_set_boolean_member(arguments, name, value != 0);
    else
        json_object_set_int_member(arguments, name, value);
}

static gboolean
send(const convergeMonitor *monitor,
     JsonObject *arguments,
     GError **error)
{
    g_autoptr(JsonObject) reply = convergeQmpRunObject(monitor, "migrate-set-parameters",
                                                       arguments, error);

    return reply != NULL;
}

/* --- Changing --- */

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

    for (i = 0; i < CONVERGE_PARAM_LAST; i++)
        values[i] = currentValue(reply, migrationParams[i].name, migrationParams[i].boolean);
    return TRUE;
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

gboolean
convergeQemuParamsFollow(convergeQemuParams *params,
                         const convergeMonitor *monitor,
                         convergeQemuParam param,
                         gint64 *now,
                         GError **error)
{
    gint64 values[CONVERGE_PARAM_LAST];

    if (!queryParams(monitor, values, error))
        return FALSE;

    *now = values[param];
    if (*now != params->written[param])
        params->original[param] = *now;
    return TRUE;
}

gboolean
convergeQemuParamsWrite(convergeQemuParams *params,
                        const convergeMonitor *monitor,
                        const gint64 values[CONVERGE_PARAM_LAST],
                        GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (values[i] != ABSENT)
            addValue(arguments, migrationParams[i].name, migrationParams[i].boolean, values[i]);
    }
    if (!send(monitor, arguments, error))
        return FALSE;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (values[i] != ABSENT)
            params->written[i] = values[i];
    }
    return TRUE;
}

/* --- Putting back --- */

/* What is to be done with one parameter. */
typedef struct _putBack putBack;
struct _putBack {
    const convergeQemuParamUndo *undo;
    gint64 next; /* the value to set; ABSENT: nothing to do, or done */
};

/* @now: ABSENT if this QEMU does not know the parameter */
static gint64
valueToPutBack(const convergeQemuParamUndo *undo,
               gint64 now)
{
    gsize i;

    for (i = 0; i < undo->n && now != ABSENT; i++) {
        if (undo->written[i] == now)
            return now == undo->original ? ABSENT : undo->original;
    }
    return ABSENT;
}

static putBack *
findPutBack(putBack *items,
            gsize n,
            convergeQemuParam param)
{
    gsize i;

    for (i = 0; i < n; i++) {
        if (g_str_equal(items[i].undo->name, migrationParams[param].name))
            return &items[i];
    }
    return NULL;
}

static gint64
inForce(const putBack *item,
        JsonObject *current,
        convergeQemuParam param)
{
    if (item && item->next != ABSENT)
        return item->next;
    return currentValue(current, migrationParams[param].name, migrationParams[param].boolean);
}

/* Keeps initial <= max, since others may have changed one of the two. */
static void
fitInitialToMax(putBack *items,
                gsize n,
                JsonObject *current)
{
    putBack *initial = findPutBack(items, n, CONVERGE_PARAM_INITIAL);
    putBack *max = findPutBack(items, n, CONVERGE_PARAM_MAX);
    gint64 nextInitial = inForce(initial, current, CONVERGE_PARAM_INITIAL);
    gint64 nextMax = inForce(max, current, CONVERGE_PARAM_MAX);

    if (nextMax == ABSENT || nextInitial <= nextMax)
        return;
    if (initial && initial->next != ABSENT)
        initial->next = nextMax;
    else if (max && max->next != ABSENT)
        max->next = nextInitial;
}

/* In two rounds, since QEMU may accept a value only after another one was set. */
static gboolean
sendEach(const convergeMonitor *monitor,
         putBack *items,
         gsize n,
         GError **error)
{
    gboolean ret = TRUE;
    int round;
    gsize i;

    for (round = 0; round < 2; round++) {
        for (i = 0; i < n; i++) {
            const convergeQemuParamUndo *undo = items[i].undo;
            g_autoptr(JsonObject) arguments = json_object_new();

            if (items[i].next == ABSENT)
                continue;
            addValue(arguments, undo->name, undo->boolean, items[i].next);
            if (send(monitor, arguments, round == 1 && ret ? error : NULL))
                items[i].next = ABSENT;
            else if (round == 1)
                ret = FALSE;
        }
    }
    return ret;
}

static guint
countLeft(const putBack *items,
          gsize n)
{
    guint count = 0;
    gsize i;

    for (i = 0; i < n; i++)
        count += items[i].next != ABSENT;
    return count;
}

static gboolean
sendAll(const convergeMonitor *monitor,
        putBack *items,
        gsize n,
        GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(GError) refusal = NULL;
    gsize i;

    for (i = 0; i < n; i++) {
        if (items[i].next != ABSENT)
            addValue(arguments, items[i].undo->name, items[i].undo->boolean, items[i].next);
    }

    if (send(monitor, arguments, &refusal)) {
        for (i = 0; i < n; i++)
            items[i].next = ABSENT;
        return TRUE;
    }
    if (g_error_matches(refusal, CONVERGE_ERROR, CONVERGE_ERROR_QEMU))
        return sendEach(monitor, items, n, error);
    g_propagate_error(error, g_steal_pointer(&refusal));
    return FALSE;
}

gboolean
convergeQemuParamsPutBack(const convergeMonitor *monitor,
                          const convergeQemuParamUndo *undos,
                          gsize n,
                          guint *count,
                          GError **error)
{
    g_autoptr(JsonObject) current = NULL;
    g_autofree putBack *items = g_new0(putBack, n);
    gboolean ret = TRUE;
    guint wanted;
    gsize i;

    if (count)
        *count = 0;
    if (n == 0)
        return TRUE;
    if (!(current = convergeQmpRunObject(monitor, "query-migrate-parameters", NULL, error)))
        return FALSE;

    for (i = 0; i < n; i++) {
        items[i].undo = &undos[i];
        items[i].next = valueToPutBack(&undos[i],
                                       currentValue(current, undos[i].name, undos[i].boolean));
    }
    fitInitialToMax(items, n, current);

    if ((wanted = countLeft(items, n)) > 0)
        ret = sendAll(monitor, items, n, error);
    if (count)
        *count = wanted - countLeft(items, n);
    return ret;
}

gboolean
convergeQemuParamsRestore(convergeQemuParams *params,
                          const convergeMonitor *monitor,
                          GError **error)
{
    convergeQemuParamUndo undos[CONVERGE_PARAM_LAST];
    gsize n = 0;
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        const gint64 values[] = { params->written[i], params->asked[i] };
        convergeQemuParamUndo *undo = &undos[n];
        gsize j;

        *undo = (convergeQemuParamUndo) {
            .name = migrationParams[i].name,
            .boolean = migrationParams[i].boolean,
            .original = params->original[i],
        };
        for (j = 0; j < G_N_ELEMENTS(values); j++) {
            if (values[j] != ABSENT)
                undo->written[undo->n++] = values[j];
        }
        if (undo->n > 0 && undo->original != ABSENT)
            n++;
    }
    return convergeQemuParamsPutBack(monitor, undos, n, NULL, error);
}

gboolean
convergeQemuParamsIsCallers(const convergeQemuParams *params,
                            convergeQemuParam param)
{
    return params->callerThrottle &&
        (param == CONVERGE_PARAM_INITIAL || param == CONVERGE_PARAM_INCREMENT);
}

void
convergeQemuParamsEnd(convergeQemuParams *params)
{
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (convergeQemuParamsIsCallers(params, i))
            params->written[i] = ABSENT;
    }
}
