/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nexttest.c: a libvirt that lacks some of what the module looks up
 *
 * The look-up itself, dlsym(), is defined here, by another name (meson.build).
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module/libvirt_next.h"

static const char *const *absent; /* names that libvirt does not have; ends with NULL */
static guint calls;               /* of what was looked up */

/* Stands for every function. */
static int
anyFunction(void)
{
    calls++;
    return -1;
}

void *
dlsym(void *handle,
      const char *name)
{
    int (*const any)(void) = anyFunction;
    void *symbol;

    g_assert_true(handle == RTLD_NEXT);
    if (g_strv_contains(absent, name))
        return NULL;
    memcpy(&symbol, &any, sizeof(symbol));
    return symbol;
}

static const char *
resolve(convergeNext *next,
        const char *const *names)
{
    memset(next, 0, sizeof(*next));
    absent = names;
    return convergeNextResolve(next);
}

/* The first that is missing is named; all others are looked up all the same, since the wrappers
 * forward in any case. */
static void
testResolve(void)
{
    convergeNext next;

    g_assert_null(resolve(&next, (const char *const[]) { NULL }));
    g_assert_nonnull(next.virConnectOpenAuth);

    g_assert_cmpstr(resolve(&next, (const char *const[]) { "virDomainObjEndAsyncJob", "virDomainMigratePrepare3Params", NULL }), ==, "virDomainMigratePrepare3Params");
    g_assert_null(next.virDomainMigratePrepare3Params);
    g_assert_null(next.virDomainObjEndAsyncJob);
    g_assert_nonnull(next.virDomainMigrateBegin3Params);
    g_assert_nonnull(next.virDomainGetJobStats);
    g_assert_nonnull(next.virConnectOpenAuth);
}

/* Where libvirt has no identities, none is changed. */
static void
testNoIdentity(void)
{
    absent = (const char *const[]) { "virIdentityGetSystem", "virIdentityGetCurrent", NULL };
    calls = 0;
    convergeNextSetSystemIdentity();
    g_assert_null(convergeNextElevateIdentity());
    convergeNextRestoreIdentity(NULL);
    g_assert_cmpuint(calls, ==, 0);
}

/* An error that libvirt cannot take, or does not, goes to the log. */
static void
testNoError(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *real = stderr;
    int i;

    for (i = 0; i < 2; i++) {
        absent = (const char *const[]) { i == 0 ? "virSetError" : "no such name", NULL };
        calls = 0;
        g_assert_nonnull(stderr = open_memstream(&text, &length));
        convergeDaemonSetError(VIR_ERR_INVALID_ARG, "not allowed");
        fclose(stderr);
        stderr = real;
        g_assert_cmpuint(calls, ==, i);
        g_assert_nonnull(strstr(text, "virt-converge: error: not allowed\n"));
        free(text);
    }
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/next/resolve", testResolve);
    g_test_add_func("/next/no-identity", testNoIdentity);
    g_test_add_func("/next/no-error", testNoError);
    return g_test_run();
}
