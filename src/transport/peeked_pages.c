/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peeked_pages.c: reads pages of a guest's memory through libvirt's public API
 */
#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>

#include "transport/peeked_pages.h"

/* All machine types of QEMU for x86 have memory up to here, if the guest has as much.  Those for
 * i440FX have it up to 3 or 3.5 GiB, those for Q35 up to 2 or 2.75 GiB (pc_init1() in hw/i386/pc_piix.c,
 * pc_q35_init() in hw/i386/pc_q35.c). */
#define LOW_END (G_GUINT64_CONSTANT(2) << 30)

/* What may be below 4 GiB, and then is not above. */
#define BELOW_MOST (G_GUINT64_CONSTANT(7) << 29)

/* Of other machines the memory is elsewhere, and to read a device's registers may change them. */
static const char *const archs[] = { "x86_64", "i686", NULL };

static gboolean
readRun(gpointer opaque,
        guint64 run,
        guint8 *pages,
        convergePageState states[CONVERGE_RUN_PAGES],
        GError **error)
{
    const convergePeekedPages *guest = opaque;
    guint64 place = run * CONVERGE_RUN_BYTES;
    guint64 address = place < guest->low ? CONVERGE_PEEK_LOW + place : CONVERGE_PEEK_HIGH + place - guest->low;
    gsize i;

    if (guest->peek(guest->dom, address, CONVERGE_RUN_BYTES, pages, VIR_MEMORY_PHYSICAL) < 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT,
                    _("the guest's memory cannot be read: %1$s"), virGetLastErrorMessage());
        return FALSE;
    }
    for (i = 0; i < CONVERGE_RUN_PAGES; i++)
        states[i] = CONVERGE_PAGE_READ;
    return TRUE;
}

gboolean
convergePeekedPagesSource(convergePeekedPages *pages,
                          const char *arch,
                          guint64 bytes,
                          convergePageSource *source,
                          GError **error)
{
    if (!arch || !g_strv_contains(archs, arch)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the guest's memory cannot be read: it is not known where a guest of this architecture has it"));
        return FALSE;
    }

    pages->low = MIN(bytes, LOW_END);
    pages->low = pages->low > CONVERGE_PEEK_LOW ? (pages->low - CONVERGE_PEEK_LOW) / CONVERGE_RUN_BYTES * CONVERGE_RUN_BYTES : 0;
    pages->high = bytes > BELOW_MOST ? (bytes - BELOW_MOST) / CONVERGE_RUN_BYTES * CONVERGE_RUN_BYTES : 0;
    *source = (convergePageSource) {
        .runs = (pages->low + pages->high) / CONVERGE_RUN_BYTES,
        .runsMost = CONVERGE_PEEKS_MOST,
        .read = readRun,
        .opaque = pages,
    };
    return TRUE;
}
