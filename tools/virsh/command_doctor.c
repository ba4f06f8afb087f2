/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_doctor.c: passes the options of converge-doctor to the shim
 */
#include <glib/gi18n-lib.h>

#include "util/error.h"

#include "command_doctor.h"

#define SEPARATOR "|"

char *
virshConvergeDoctorFormat(GHashTable *args,
                          GError **error)
{
    const char *destination = g_hash_table_lookup(args, VIRSH_DOCTOR_DESTURI);
    gboolean measures = g_hash_table_contains(args, VIRSH_DOCTOR_LINK);

    if (measures && !destination) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("option --%1$s is about the link to a destination; allowed: with --%2$s"),
                    VIRSH_DOCTOR_LINK, VIRSH_DOCTOR_DESTURI);
        return NULL;
    }
    return g_strconcat(g_hash_table_contains(args, VIRSH_DOCTOR_JSON) ? VIRSH_DOCTOR_JSON : "", SEPARATOR,
                       measures ? VIRSH_DOCTOR_LINK : "", SEPARATOR, destination, NULL);
}

void
virshConvergeDoctorParse(const char *words,
                         virshDoctorOptions *options)
{
    g_auto(GStrv) parts = g_strsplit(words ? words : "", SEPARATOR, 3);

    *options = (virshDoctorOptions) { 0 };
    if (g_strv_length(parts) != 3)
        return;
    options->json = g_str_equal(parts[0], VIRSH_DOCTOR_JSON);
    options->measure = g_str_equal(parts[1], VIRSH_DOCTOR_LINK);
    options->destination = *parts[2] ? g_strdup(parts[2]) : NULL;
}
