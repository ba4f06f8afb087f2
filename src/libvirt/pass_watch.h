/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pass_watch.h: notification of each bitmap sync
 *
 * QEMU's event MIGRATION_PASS, as libvirt passes it on.  It only makes the loop sample earlier:
 * without it, the next sample shows the sync.
 */
#pragma once

#include "qemu/libvirt_calls.h"

typedef struct _convergePassWatch convergePassWatch;

/* @passed is called in the thread of libvirt's event loop, with a mutex of the watch held: it must
 * not block, nor call the functions below.
 *
 * Returns NULL if there are no events. */
convergePassWatch *convergePassWatchStart(const convergeLibvirt *libvirt, virDomainPtr dom,
                                          void (*passed)(void *opaque), void *opaque);

/* After this has returned, @passed is not running and will not be called again.  @watch may be
 * NULL. */
void convergePassWatchStop(convergePassWatch *watch, const convergeLibvirt *libvirt,
                           virDomainPtr dom);
