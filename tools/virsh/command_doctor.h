/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_doctor.h: passes the options of converge-doctor to the shim
 *
 * After the verb (command_table.h) follow words, each with a '|' behind it, and the URI of the
 * destination, if there is one.
 */
#pragma once

#include <glib.h>

#define VIRSH_DOCTOR_DESTURI "desturi"
#define VIRSH_DOCTOR_JSON "json"
#define VIRSH_DOCTOR_LINK "measure-link"

typedef struct {
    gboolean json, measure;
    char *destination; /* NULL: not stated */
} virshDoctorOptions;

/* Formats the options in @args; NULL with @error set if any of them is wrong. */
char *virshConvergeDoctorFormat(GHashTable *args, GError **error);

/* Parses what virshConvergeDoctorFormat() has formatted.  Free .destination with g_free(). */
void virshConvergeDoctorParse(const char *words, virshDoctorOptions *options);
