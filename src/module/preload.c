/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * preload.c: removes a preloaded library from the environment
 */
#include <dlfcn.h>
#include <glib.h>

#include "module/preload.h"

#define PRELOAD "LD_PRELOAD"

void
convergePreloadForget(const void *symbol)
{
    const char *preload = g_getenv(PRELOAD);
    g_autoptr(GString) rest = g_string_new(NULL);
    g_autofree char *self = NULL;
    g_auto(GStrv) entries = NULL;
    Dl_info info;
    gsize i;

    if (!preload || !dladdr(symbol, &info) || !info.dli_fname)
        return;

    /* The entry may be a bare name or a link; only the file name is sure to match. */
    self = g_path_get_basename(info.dli_fname);
    entries = g_strsplit_set(preload, ": ", -1);
    for (i = 0; entries[i]; i++) {
        g_autofree char *name = g_path_get_basename(entries[i]);

        if (!*entries[i] || g_str_equal(name, self))
            continue;
        g_string_append_printf(rest, "%s%s", rest->len ? ":" : "", entries[i]);
    }

    if (rest->len)
        g_setenv(PRELOAD, rest->str, TRUE);
    else
        g_unsetenv(PRELOAD);
}
