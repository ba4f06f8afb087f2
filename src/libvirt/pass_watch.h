/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pass_watch.h: word of each bitmap sync, at once
 *
 * QEMU's event MIGRATION_PASS, as libvirt passes it on.  Only to look earlier: a loop that
 * hears nothing finds the sync with its next sample.
 */
#pragma once

#include "qemu/libvirt_calls.h"

typedef struct _convergePassWatch convergePassWatch;

/* @passed is called in the thread of libvirt's event loop, under a mutex of the watch: it must
 * not block, nor call anything of the watch.
 *
 * Returns NULL if no word can be had. */
convergePassWatch *convergePassWatchStart(const convergeLibvirt *libvirt, virDomainPtr dom,
                                          void (*passed)(void *opaque), void *opaque);

/* No call of @passed is under way, or comes, once this has returned.  NULL is allowed. */
void convergePassWatchStop(convergePassWatch *watch, const convergeLibvirt *libvirt,
                           virDomainPtr dom);
