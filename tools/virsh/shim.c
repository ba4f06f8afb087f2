/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim.c: the start of the shim in a virsh process, and the handling of libvirt's errors
 */
#include <errno.h>
#include <stdio.h>

#include <glib/gi18n-lib.h>
#include <libvirt/virterror.h>

#include "module/preload.h"
#include "util/text.h"

#include "shim.h"
#include "stock.h"

static gboolean active;

/* virsh stores the last error that any thread reports to this handler. */
static virErrorFunc virshErrorHandler;
static __thread guint mutes;

/* See virshConvergeNotesTo(). */
static __thread GString *notes;

gboolean
virshConvergeActive(void)
{
    return active;
}

void
virshConvergePrint(const char *format,
                   ...)
{
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);

    line = convergeTextEscape(text);
    if (notes) {
        g_string_append_printf(notes, "%s%s", notes->len > 0 ? "; " : "", line);
        return;
    }
    fflush(stdout);
    fprintf(stderr, "%s\n", line);
    fflush(stderr);
}

void
virshConvergeNotesTo(GString *text)
{
    notes = text;
}

static void __attribute__((constructor))
shimStart(void)
{
    active = g_str_equal(program_invocation_short_name, "virsh");
    if (!active)
        return;

    /* Children of virsh, such as ssh and editors, must not load the shim. */
    convergePreloadForget(&active);
    virshConvergeStockSet("/proc/self/exe");
    convergeTextBind();
}

void
virshConvergeErrorsMute(gboolean mute)
{
    if (mute)
        mutes++;
    else
        mutes--;
}

static void
relayError(void *opaque,
           virErrorPtr error)
{
    if (mutes == 0)
        virshErrorHandler(opaque, error);
}

VIRSH_CONVERGE_EXPORT void
virSetErrorFunc(void *userData,
                virErrorFunc handler)
{
    if (active && handler) {
        virshErrorHandler = handler;
        handler = relayError;
    }
    virshConvergeNext(virSetErrorFunc)(userData, handler);
}
