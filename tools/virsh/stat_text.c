/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stat_text.c: the module's job statistics as text for people
 */
#include "qemu_migration_converge.h"
#include "util/text.h"

#include "stat_text.h"

void
virshConvergeStatNumber(GString *text,
                        unsigned long long number,
                        convergeStatUnit unit)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
    double scaled = number;
    gsize i;

    switch (unit) {
    case CONVERGE_UNIT_PERCENT:
        g_string_append_printf(text, "%llu %%", number);
        break;
    case CONVERGE_UNIT_MS:
        g_string_append_printf(text, "%llu ms", number);
        break;
    case CONVERGE_UNIT_BYTES:
    case CONVERGE_UNIT_BYTES_PER_S:
        for (i = 0; scaled >= 1024 && i < G_N_ELEMENTS(units) - 1; i++)
            scaled /= 1024;
        g_string_append_printf(text, "%.1f %s%s", scaled, units[i],
                               unit == CONVERGE_UNIT_BYTES_PER_S ? "/s" : "");
        break;
    case CONVERGE_UNIT_NONE:
    case CONVERGE_UNIT_LAST:
    default:
        g_string_append_printf(text, "%llu", number);
    }
}

char *
virshConvergeStatText(virTypedParameterPtr stats,
                      int nstats,
                      const convergeStat *stat)
{
    g_autofree char *name = g_strconcat(QEMU_MIGRATION_CONVERGE_PREFIX, stat->name, NULL);
    virTypedParameterPtr param = virTypedParamsGet(stats, nstats, name);
    g_autoptr(GString) text = g_string_new(NULL);

    if (!param)
        return NULL;

    if (param->type == VIR_TYPED_PARAM_STRING)
        return convergeTextEscape(param->value.s);
    if (param->type == VIR_TYPED_PARAM_INT)
        virshConvergeStatNumber(text, MAX(param->value.i, 0), stat->unit);
    else if (param->type == VIR_TYPED_PARAM_ULLONG)
        virshConvergeStatNumber(text, param->value.ul, stat->unit);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

JsonObject *
virshConvergeStatObject(virTypedParameterPtr stats,
                        int nstats)
{
    JsonObject *object = json_object_new();
    gsize i;

    for (i = 0; i < convergeStatCount; i++) {
        g_autofree char *name = g_strconcat(QEMU_MIGRATION_CONVERGE_PREFIX, convergeStats[i].name, NULL);
        virTypedParameterPtr param = virTypedParamsGet(stats, nstats, name);
        g_autofree char *valid = NULL;

        if (!param)
            continue;
        if (param->type == VIR_TYPED_PARAM_STRING) {
            valid = g_utf8_make_valid(param->value.s, -1);
            json_object_set_string_member(object, convergeStats[i].name, valid);
        } else if (param->type == VIR_TYPED_PARAM_INT) {
            json_object_set_int_member(object, convergeStats[i].name, param->value.i);
        } else if (param->type == VIR_TYPED_PARAM_ULLONG) {
            json_object_set_int_member(object, convergeStats[i].name, (gint64)MIN(param->value.ul, (unsigned long long)G_MAXINT64));
        }
    }
    return object;
}
