/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim_open.c: connections to other hosts than that of virsh
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "util/worker.h"

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
openConnection(void *opaque)
{
    openCall *call = opaque;

    virshConvergeErrorsMute(TRUE);
    call->conn = virConnectOpenAuth(call->uri, virConnectAuthPtrDefault, 0);
    if (!call->conn)
        call->why = g_strdup(virGetLastErrorMessage());
}

/* The call goes on in its thread if it takes too long, and owns itself then. */
virConnectPtr
virshConvergeOpen(const char *uri,
                  char **why)
{
    openCall *call = g_new0(openCall, 1);
    virConnectPtr conn;

    call->uri = g_strdup(uri);
    if (!convergeRunBounded("open", openConnection, call, openCallFree, OPEN_MS)) {
        *why = g_strdup_printf(_("there is no answer within %1$d s"), OPEN_MS / 1000);
        return NULL;
    }

    conn = g_steal_pointer(&call->conn);
    *why = g_steal_pointer(&call->why);
    openCallFree(call);
    return conn;
}
