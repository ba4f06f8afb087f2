/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * call_watch.h: follows libvirt's progress through a wrapped call
 *
 * A wrapper knows what its caller asks for, but not whether libvirt permits it: libvirt
 * checks rights, read-only connections and the domain's state inside the call, and only then
 * begins its migration job.  Before that, nothing may be done to the guest, or a refused call
 * would act on another migration that the guest may have at that time.
 *
 * libvirt's QEMU driver calls a few functions of libvirt.so in the same thread.  This file
 * defines and forwards them, and learns from each:
 *
 *   permitted   ...EnsureACL() of this call has returned 0
 *   begun       virConnectOpenAuth(), the first act of a peer-to-peer migration within
 *               its job; virCloseCallbacksDomainRemove(), the first act of the Perform
 *               phase of a direct one, whose job Begin or Perform has begun
 *   ended       virDomainObjEndAsyncJob(): the job is over when it returns
 *
 * (See qemuMigrationSrcPerformPeer2Peer(), qemuMigrationSrcPerformPhase() and
 * qemuMigrationJobFinish() in libvirt's qemu_migration.c.)
 *
 * Threads: the current call is thread-local, and every callback runs in the thread of the
 * call.  In @permitted, in @ended, and in @begun of a direct migration, that thread holds the
 * lock of the domain, so that a libvirt call for the same domain would deadlock.
 */
#pragma once

#include "module/libvirt_next.h"

typedef struct _convergeCall convergeCall;
struct _convergeCall {
    /* Each may be NULL, and is called at most once.  To refuse the call as libvirt's own check
     * does, @permitted raises a libvirt error and returns FALSE. */
    gboolean (*permitted)(convergeCall *call, virConnectPtr conn, virDomainDef *def);
    void (*begun)(convergeCall *call);
    void (*ended)(convergeCall *call);

    /* Which of these has happened so far. */
    gboolean isPermitted;
    gboolean isBegun;
    gboolean isEnded;
};

/* Sets the definitions to forward to, which must outlive all calls.  To be called once, in the
 * constructor. */
void convergeCallWatchInit(const convergeNext *next);

/* Watches the calling thread until convergeCallLeave().  Calls cannot be nested. */
void convergeCallEnter(convergeCall *call);
void convergeCallLeave(convergeCall *call);
