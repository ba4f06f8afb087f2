/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_pages.h: reads pages of a guest's memory on its host, through /proc, and changes nothing
 *
 * A page that QEMU does not have in memory is never touched: that would give the guest memory that it has
 * not had before, or bring back what was swapped out.  /proc/PID/pagemap tells which pages these are.  Pages
 * that were never written count as zero.
 */
#pragma once

#include <sys/types.h>

#include "transport/page_sample.h"

typedef struct _convergeGuestPages convergeGuestPages;

/* Opens the memory of the QEMU process @pid, whose guest has @bytes of memory.
 *
 * Returns NULL with @error set if this process may not read it, or if it is not certain which of
 * QEMU's mappings are the guest's memory. */
convergeGuestPages *convergeGuestPagesOpen(pid_t pid, guint64 bytes, GError **error);
void convergeGuestPagesClose(convergeGuestPages *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeGuestPages, convergeGuestPagesClose)

/* The source for a sample; it is valid until convergeGuestPagesClose(). */
convergePageSource convergeGuestPagesSource(convergeGuestPages *guest);
