/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * call_watch.c: follows libvirt's progress through a wrapped call
 */
#include "module/call_watch.h"

static const convergeNext *next;       /* set by the constructor, read-only afterwards */
static __thread convergeCall *current; /* NULL: this thread is in no wrapped call */

void
convergeCallWatchInit(const convergeNext *definitions)
{
    next = definitions;
}

void
convergeCallEnter(convergeCall *call)
{
    current = call;
}

void
convergeCallLeave(convergeCall *call G_GNUC_UNUSED)
{
    current = NULL;
}

static int
notePermitted(int libvirtSays,
              virConnectPtr conn,
              virDomainDef *def)
{
    convergeCall *call = current;

    if (!call || call->isPermitted || libvirtSays != 0)
        return libvirtSays;

    call->isPermitted = TRUE;
    return !call->permitted || call->permitted(call, conn, def) ? 0 : -1;
}

static void
noteBegun(void)
{
    convergeCall *call = current;

    if (!call || call->isBegun || !call->isPermitted)
        return;

    call->isBegun = TRUE;
    if (call->begun)
        call->begun(call);
}

static void
noteEnded(void)
{
    convergeCall *call = current;

    if (!call || call->isEnded || !call->isPermitted)
        return;

    call->isEnded = TRUE;
    if (call->ended)
        call->ended(call);
}

/* --- Functions that libvirt's QEMU driver calls --- */

#define DEFINE_ENSURE_ACL(name) \
    int \
    name(virConnectPtr conn, \
         virDomainDef *def) \
    { \
        return notePermitted(next->name(conn, def), conn, def); \
    }

DEFINE_ENSURE_ACL(virDomainMigrateBegin3ParamsEnsureACL)
DEFINE_ENSURE_ACL(virDomainMigratePerform3ParamsEnsureACL)
DEFINE_ENSURE_ACL(virDomainMigratePerform3EnsureACL)
DEFINE_ENSURE_ACL(virDomainMigrateConfirm3ParamsEnsureACL)
DEFINE_ENSURE_ACL(virDomainMigrateConfirm3EnsureACL)

virConnectPtr
virConnectOpenAuth(const char *name,
                   virConnectAuthPtr auth,
                   unsigned int flags)
{
    noteBegun();
    return next->virConnectOpenAuth(name, auth, flags);
}

void
virCloseCallbacksDomainRemove(virDomainObj *vm,
                              virConnectPtr conn,
                              void *callback)
{
    next->virCloseCallbacksDomainRemove(vm, conn, callback);
    noteBegun();
}

void
virDomainObjEndAsyncJob(virDomainObj *vm)
{
    noteEnded();
    next->virDomainObjEndAsyncJob(vm);
}
