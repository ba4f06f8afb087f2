/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * call_watch.h: how far libvirt has come with one of the wrapped calls
 *
 * A wrapper knows what its caller asks for, but not whether libvirt agrees: rights,
 * read-only connections and the domain's state are checked inside the call, and only
 * then libvirt begins its job of the migration.  Nothing may be done to a guest before
 * that, or a refused call would act on whatever migration the guest has at that time.
 *
 * On its way libvirt's QEMU driver calls a few functions of libvirt.so in the same
 * thread.  Each is defined here, and forwards:
 *
 *   permitted   ...EnsureACL() of this very call has returned 0
 *   begun       virConnectOpenAuth(), the first act of a peer-to-peer migration within
 *               its job; virCloseCallbacksDomainRemove(), the first act of the Perform
 *               phase of a direct one, whose job Begin or Perform has begun
 *   ended       virDomainObjEndAsyncJob(): the job is over when it returns
 *
 * (qemuMigrationSrcPerformPeer2Peer(), qemuMigrationSrcPerformPhase() and
 * qemuMigrationJobFinish() of libvirt's qemu_migration.c.)
 *
 * Threads: the call under way is thread-local; every callback comes in the thread of the
 * call.  In @permitted, @begun of a direct migration and @ended that thread holds the lock
 * of the domain: a libvirt call about the same domain would wait for ever.
 */
#pragma once

#include "module/libvirt_next.h"

typedef struct _convergeCall convergeCall;
struct _convergeCall {
    /* All may be NULL, and are called at most once.  @permitted may refuse the call as
     * libvirt's own check does: raise a libvirt error and return FALSE. */
    gboolean (*permitted)(convergeCall *call, virConnectPtr conn, virDomainDef *def);
    void (*begun)(convergeCall *call);
    void (*ended)(convergeCall *call);

    /* What has happened so far. */
    gboolean isPermitted;
    gboolean isBegun;
    gboolean isEnded;
};

/* The definitions to forward to; must outlive all calls.  Once, in the constructor. */
void convergeCallWatchInit(const convergeNext *next);

/* Watches the calling thread until convergeCallLeave(); not nested. */
void convergeCallEnter(convergeCall *call);
void convergeCallLeave(convergeCall *call);
