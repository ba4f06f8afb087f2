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

#include "util/worker.h"

#include "command_doctor.h"
#include "command_table.h"
#include "doctor.h"
#include "shim.h"

/* A host that takes longer than this to answer is not reachable. */
#define OPEN_MS 30000

typedef struct _openCall openCall;
struct _openCall {
    char *uri;
    virConnectPtr conn;
    char *why;
};

static void
openCallFree(void *opaque)
{
    openCall *call = opaque;

    if (call->conn)
        virConnectClose(call->conn);
    g_free(call->uri);
    g_free(call->why);
    g_free(call);
}

static void
openDestination(void *opaque)
{
    openCall *call = opaque;

    virshConvergeErrorsMute(TRUE);
    call->conn = virConnectOpenAuth(call->uri, virConnectAuthPtrDefault, 0);
    if (!call->conn)
        call->why = g_strdup(virGetLastErrorMessage());
}

/* The call goes on in its thread if it takes too long, and owns itself then. */
static openCall *
openBounded(const char *uri)
{
    openCall *call = g_new0(openCall, 1);

    call->uri = g_strdup(uri);
    if (convergeRunBounded("open", openDestination, call, openCallFree, OPEN_MS))
        return call;

    call = g_new0(openCall, 1);
    call->why = g_strdup_printf(_("there is no answer within %1$d s"), OPEN_MS / 1000);
    return call;
}

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
    openCall *opened = NULL;
    char *text;

    virshConvergeDoctorParse(words, &options);
    fflush(stdout);
    virshConvergeErrorsMute(TRUE);
    setHost(&source, conn);
    if (options.destination) {
        opened = openBounded(options.destination);
        destination.uri = options.destination;
        destination.why = opened->why;
        destination.measure = options.measure;
        setHost(&destination, opened->conn);
    }
    text = virshDoctorRun(&source, options.destination ? &destination : NULL, options.json, nErrors);
    virshConvergeErrorsMute(FALSE);

    virResetLastError();
    g_clear_pointer(&opened, openCallFree);
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
