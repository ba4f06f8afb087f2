/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peeked_pages.h: reads pages of a guest's memory through libvirt's public API
 *
 * For a client, which needs the right domain:mem_read.  Each run of pages is one call, so only few are
 * read.  QEMU itself reads the pages: those that the guest has never written become mapped, to the one
 * page of zeros that all processes share.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "transport/page_sample.h"

/* Calls for one sample. */
#define CONVERGE_PEEKS_MOST 48

typedef struct _convergePeekedPages convergePeekedPages;
struct _convergePeekedPages {
    virDomainPtr dom;
    int (*peek)(virDomainPtr dom, unsigned long long start, size_t size, void *buffer, unsigned int flags);
    guint64 low, high; /* bytes of memory from CONVERGE_PEEK_LOW and CONVERGE_PEEK_HIGH on */
};

/* Below and above the devices of an x86 machine.  Whatever its type, memory begins there. */
#define CONVERGE_PEEK_LOW (G_GUINT64_CONSTANT(1) << 20)
#define CONVERGE_PEEK_HIGH (G_GUINT64_CONSTANT(1) << 32)

/* Sets *@source to the memory of a guest that has @bytes of it; @pages must stay while the source is in use.
 *
 * @arch: of the guest, as in its XML
 *
 * Returns FALSE with @error set if it is not known where that guest's memory is. */
gboolean convergePeekedPagesSource(convergePeekedPages *pages, const char *arch, guint64 bytes,
                                   convergePageSource *source, GError **error);
