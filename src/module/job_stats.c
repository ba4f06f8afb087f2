/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_stats.c: our fields in virDomainGetJobStats()
 */
#include "module/job_stats.h"
#include <string.h>

#include "engine/status_table.h"
#include "qemu_migration_converge.h"
#include "util/json.h"
#include "util/text.h"

/* Longer than any text that the module makes, bytes. */
#define TEXT_MAX (16 * 1024)

/* @text and @number: NULL and CONVERGE_STAT_UNKNOWN where the value is not known */
static void
append(virTypedParameterPtr *params,
       int *nparams,
       const convergeStat *stat,
       const char *text,
       gint64 number)
{
    g_autofree char *name = g_strconcat(QEMU_MIGRATION_CONVERGE_PREFIX, stat->name, NULL);
    g_autofree char *escaped = NULL;
    int maxparams = *nparams;

    if (!text && number < 0)
        return;

    switch (stat->type) {
    case CONVERGE_STAT_STRING:
        escaped = convergeTextEscape(text);
        virTypedParamsAddString(params, nparams, &maxparams, name, escaped);
        break;
    case CONVERGE_STAT_INT:
        virTypedParamsAddInt(params, nparams, &maxparams, name, number);
        break;
    case CONVERGE_STAT_ULLONG:
        virTypedParamsAddULLong(params, nparams, &maxparams, name, number);
        break;
    case CONVERGE_STAT_LAST:
    default:
        break;
    }
}

static const char *
textOf(const convergeStat *stat,
       const convergeStatus *status,
       const char *policy)
{
    return stat->text ? stat->text(status, policy) : NULL;
}

static gint64
numberOf(const convergeStat *stat,
         const convergeStatus *status)
{
    return stat->number ? stat->number(status) : CONVERGE_STAT_UNKNOWN;
}

void
convergeJobStatsAppend(virTypedParameterPtr *params,
                       int *nparams,
                       const convergeStatus *status,
                       const char *policy)
{
    gsize i;

    for (i = 0; i < convergeStatCount; i++) {
        if (status || convergeStats[i].always)
            append(params, nparams, &convergeStats[i], textOf(&convergeStats[i], status, policy),
                   numberOf(&convergeStats[i], status));
    }
}

/* --- For another host --- */

char *
convergeJobStatsFormat(const convergeStatus *status,
                       const char *policy)
{
    JsonObject *object = json_object_new();
    gsize i;

    for (i = 0; i < convergeStatCount; i++) {
        const convergeStat *stat = &convergeStats[i];
        const char *text = textOf(stat, status, policy);
        g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
        gint64 number = numberOf(stat, status);

        if (stat->always)
            continue;
        if (valid)
            json_object_set_string_member(object, stat->name, valid);
        else if (number >= 0)
            json_object_set_int_member(object, stat->name, number);
    }
    return convergeJSONWrite(object, FALSE);
}

void
convergeJobStatsAppendText(virTypedParameterPtr *params,
                           int *nparams,
                           const char *json)
{
    g_autoptr(JsonNode) node = convergeJSONRead(json);
    JsonObject *object;
    gsize i;

    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
        return;

    object = json_node_get_object(node);
    for (i = 0; i < convergeStatCount; i++) {
        const convergeStat *stat = &convergeStats[i];
        gint64 most = stat->type == CONVERGE_STAT_INT ? G_MAXINT : G_MAXINT64;
        gint64 number = CONVERGE_STAT_UNKNOWN;
        const char *text = NULL;

        if (stat->always)
            continue;
        if (stat->type == CONVERGE_STAT_STRING)
            text = convergeJSONGetString(object, stat->name);
        else if (!convergeJSONGetInt(object, stat->name, 0, most, &number))
            number = CONVERGE_STAT_UNKNOWN;
        if (!text || strlen(text) <= TEXT_MAX)
            append(params, nparams, stat, text, number);
    }
}
