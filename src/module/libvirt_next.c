/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_next.c: looks up libvirt's functions with dlsym()
 */
#include <dlfcn.h>
#include <glib-object.h>
#include <stdio.h>
#include <string.h>

#include "module/libvirt_next.h"
#include "util/text.h"

/* ISO C has no cast from the object pointer that dlsym() returns to a function pointer. */
static void
lookUp(const char *name,
       void *function)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    memcpy(function, &symbol, sizeof(symbol));
}

const char *
convergeNextResolve(convergeNext *next)
{
    const char *missing = NULL;

    /* Look up all functions even if one is missing: the wrappers forward in any case. */
#define RESOLVE(ret, name, args) \
    lookUp(#name, &next->name); \
    if (!next->name && !missing) \
        missing = #name;

    CONVERGE_WRAPPED_CALLS(RESOLVE)
#undef RESOLVE

    return missing;
}

void
convergeDaemonSetError(virErrorNumber code,
                       const char *message)
{
    int (*setError)(virErrorPtr error) = NULL;
    g_autofree char *text = convergeTextEscape(message);
    virError error = {
        .code = code,
        .domain = VIR_FROM_QEMU,
        .message = text,
        .level = VIR_ERR_ERROR,
        .str1 = text,
    };

    lookUp("virSetError", &setError);
    if (!setError || setError(&error) < 0)
        convergeDaemonLog("error: %s", message);
}

void
convergeNextRestoreIdentity(void *identity)
{
    int (*setCurrent)(void *identity) = NULL;

    lookUp("virIdentitySetCurrent", &setCurrent);
    if (!identity)
        return;

    if (setCurrent)
        setCurrent(identity);
    g_object_unref(identity);
}

void
convergeNextSetSystemIdentity(void)
{
    void *(*getSystem)(void) = NULL;

    lookUp("virIdentityGetSystem", &getSystem);
    convergeNextRestoreIdentity(getSystem ? getSystem() : NULL);
}

void *
convergeNextElevateIdentity(void)
{
    void *(*getCurrent)(void) = NULL;
    void *identity;

    lookUp("virIdentityGetCurrent", &getCurrent);
    identity = getCurrent ? getCurrent() : NULL;
    if (identity)
        convergeNextSetSystemIdentity();
    return identity;
}

gboolean
convergeNextEnsureACL(const char *function,
                      virConnectPtr conn,
                      virDomainDef *def)
{
    int (*ensure)(virConnectPtr conn, virDomainDef * def) = NULL;

    lookUp(function, &ensure);
    return ensure && ensure(conn, def) == 0;
}

void
convergeDaemonLog(const char *format,
                  ...)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *stamp = g_date_time_format(now, "%Y-%m-%d %H:%M:%S.%f+0000");
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);

    line = convergeTextEscape(text);
    fprintf(stderr, "%s: virt-converge: %s\n", stamp, line);
}
