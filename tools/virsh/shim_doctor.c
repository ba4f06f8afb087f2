/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_doctor.c: converge-doctor on virsh's connection
 *
 * The command has become virsh's own "domcapabilities" (command_table.h), which makes one call for
 * a host.
 */
#include <stdio.h>
#include <string.h>

#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "command_doctor.h"
#include "command_table.h"
#include "doctor.h"
#include "shim.h"

static void
setHost(virshDoctorHost *host,
        virConnectPtr conn)
{
    g_autofree char *elsewhere = conn ? virshConvergeRemoteHost(conn) : NULL;

    host->conn = conn;
    host->here = conn && !elsewhere;
    host->root = "";
}

char *
virshConvergeDoctor(virConnectPtr conn,
                    const char *words,
                    guint *nErrors)
{
    virshDoctorOptions options;
    char *uri = virConnectGetURI(conn);
    virshDoctorHost source = { .side = VIRSH_DOCTOR_SOURCE, .uri = uri ? uri : "" };
    virshDoctorHost destination = { .side = VIRSH_DOCTOR_DESTINATION, .source = &source };
    virConnectPtr opened = NULL;
    g_autofree char *why = NULL;
    char *text;

    virshConvergeDoctorParse(words, &options);
    fflush(stdout);
    virshConvergeErrorsMute(TRUE);
    setHost(&source, conn);
    if (options.destination) {
        opened = virshConvergeOpen(options.destination, &why);
        destination.uri = options.destination;
        destination.why = why;
        destination.measure = options.measure;
        setHost(&destination, opened);
    }
    text = virshDoctorRun(&source, options.destination ? &destination : NULL, options.json, nErrors);
    virshConvergeErrorsMute(FALSE);

    virResetLastError();
    if (opened)
        virConnectClose(opened);
    g_free(options.destination);
    free(uri);
    return text;
}

/* Errors that were found make the command fail, and its result has to be printed all the same. */
char *
virshConvergeDoctorCommand(virConnectPtr conn,
                           const char *words)
{
    guint nErrors = 0;
    g_autofree char *text = virshConvergeDoctor(conn, words, &nErrors);

    if (nErrors == 0)
        return strdup(text); /* virsh frees it with free() */

    puts(text);
    fflush(stdout);
    virshConvergeSayInstead("failed to get emulator capabilities", _("converge-doctor has found errors"));
    return NULL;
}
