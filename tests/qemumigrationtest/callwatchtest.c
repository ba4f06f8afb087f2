/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * callwatchtest.c: how far libvirt has come with a call, by the functions that its driver calls
 *
 * The definitions behind the watched functions note each call.
 */
#include "module/call_watch.h"

/* The letters of what has happened: P, B and E of the callbacks, lower case of libvirt's own
 * functions. */
static GString *course;
static int libvirtSays;
static gboolean permits;

static int
nextEnsureACL(virConnectPtr conn G_GNUC_UNUSED,
              virDomainDef *def G_GNUC_UNUSED)
{
    g_string_append_c(course, 'p');
    return libvirtSays;
}

static virConnectPtr
nextOpenAuth(const char *name G_GNUC_UNUSED,
             virConnectAuthPtr auth G_GNUC_UNUSED,
             unsigned int flags G_GNUC_UNUSED)
{
    g_string_append_c(course, 'b');
    return NULL;
}

static void
nextRemove(virDomainObj *vm G_GNUC_UNUSED,
           virConnectPtr conn G_GNUC_UNUSED,
           void *callback G_GNUC_UNUSED)
{
    g_string_append_c(course, 'b');
}

static void
nextEnd(virDomainObj *vm G_GNUC_UNUSED)
{
    g_string_append_c(course, 'e');
}

static const convergeNext next = {
    .virDomainMigrateBegin3ParamsEnsureACL = nextEnsureACL,
    .virDomainMigratePerform3ParamsEnsureACL = nextEnsureACL,
    .virDomainMigratePerform3EnsureACL = nextEnsureACL,
    .virDomainMigrateConfirm3ParamsEnsureACL = nextEnsureACL,
    .virDomainMigrateConfirm3EnsureACL = nextEnsureACL,
    .virConnectOpenAuth = nextOpenAuth,
    .virCloseCallbacksDomainRemove = nextRemove,
    .virDomainObjEndAsyncJob = nextEnd,
};

static gboolean
permitted(convergeCall *call G_GNUC_UNUSED,
          virConnectPtr conn G_GNUC_UNUSED,
          virDomainDef *def G_GNUC_UNUSED)
{
    g_string_append_c(course, 'P');
    return permits;
}

static void
begun(convergeCall *call G_GNUC_UNUSED)
{
    g_string_append_c(course, 'B');
}

static void
ended(convergeCall *call G_GNUC_UNUSED)
{
    g_string_append_c(course, 'E');
}

static const convergeCall all = { .permitted = permitted, .begun = begun, .ended = ended };

static void
setUp(void)
{
    g_string_set_size(course, 0);
    libvirtSays = 0;
    permits = TRUE;
}

static void
assertCourse(const char *expected)
{
    g_assert_cmpstr(course->str, ==, expected);
    g_string_set_size(course, 0);
}

/* --- Tests --- */

static int (*const checks[])(virConnectPtr conn, virDomainDef *def) = {
    virDomainMigrateBegin3ParamsEnsureACL,
    virDomainMigratePerform3ParamsEnsureACL,
    virDomainMigratePerform3EnsureACL,
    virDomainMigrateConfirm3ParamsEnsureACL,
    virDomainMigrateConfirm3EnsureACL,
};

/* What libvirt has refused stays refused, and is not told; what it permits may be refused. */
static void
testPermitted(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(checks); i++) {
        convergeCall call = all;

        setUp();
        convergeCallEnter(&call);
        libvirtSays = -1;
        g_assert_cmpint(checks[i](NULL, NULL), ==, -1);
        g_assert_false(call.isPermitted);
        assertCourse("p");

        libvirtSays = 0;
        permits = FALSE;
        g_assert_cmpint(checks[i](NULL, NULL), ==, -1);
        assertCourse("pP");
        convergeCallLeave(&call);
    }
}

/* Each callback comes once at most, and the next two only after the first. */
static void
testOnce(void)
{
    convergeCall call = all;

    setUp();
    convergeCallEnter(&call);
    virConnectOpenAuth(NULL, NULL, 0);
    virCloseCallbacksDomainRemove(NULL, NULL, NULL);
    virDomainObjEndAsyncJob(NULL);
    g_assert_false(call.isPermitted || call.isBegun || call.isEnded);
    assertCourse("bbe");

    g_assert_cmpint(virDomainMigratePerform3EnsureACL(NULL, NULL), ==, 0);
    g_assert_cmpint(virDomainMigratePerform3EnsureACL(NULL, NULL), ==, 0);
    assertCourse("pPp");

    virCloseCallbacksDomainRemove(NULL, NULL, NULL);
    virConnectOpenAuth(NULL, NULL, 0);
    g_assert_true(call.isBegun && !call.isEnded);
    assertCourse("bBb");

    virDomainObjEndAsyncJob(NULL);
    virDomainObjEndAsyncJob(NULL);
    g_assert_true(call.isEnded);
    assertCourse("Eee");
    convergeCallLeave(&call);
}

/* The job is started within libvirt's job of a peer-to-peer migration, and acts no more before
 * libvirt's job is over. */
static void
testOrder(void)
{
    convergeCall call = all;

    setUp();
    convergeCallEnter(&call);
    virDomainMigratePerform3ParamsEnsureACL(NULL, NULL);
    virConnectOpenAuth(NULL, NULL, 0);
    virDomainObjEndAsyncJob(NULL);
    convergeCallLeave(&call);
    assertCourse("pPBbEe");
}

static void
callAll(void)
{
    g_assert_cmpint(virDomainMigratePerform3EnsureACL(NULL, NULL), ==, 0);
    virConnectOpenAuth(NULL, NULL, 0);
    virCloseCallbacksDomainRemove(NULL, NULL, NULL);
    virDomainObjEndAsyncJob(NULL);
}

static gpointer
callInThread(gpointer opaque G_GNUC_UNUSED)
{
    callAll();
    return NULL;
}

/* A thread is watched between Enter and Leave, and no other thread is. */
static void
testThread(void)
{
    convergeCall call = all;

    setUp();
    callAll();
    assertCourse("pbbe");

    convergeCallEnter(&call);
    g_thread_join(g_thread_new("other", callInThread, NULL));
    assertCourse("pbbe");
    convergeCallLeave(&call);

    callAll();
    g_assert_false(call.isPermitted);
    assertCourse("pbbe");
}

/* Without callbacks a call is watched all the same. */
static void
testNoCallbacks(void)
{
    convergeCall call = { 0 };

    setUp();
    convergeCallEnter(&call);
    callAll();
    convergeCallLeave(&call);
    assertCourse("pbbe");
    g_assert_true(call.isPermitted && call.isBegun && call.isEnded);
}

int
main(int argc,
     char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    course = g_string_new(NULL);
    convergeCallWatchInit(&next);
    g_test_add_func("/call-watch/permitted", testPermitted);
    g_test_add_func("/call-watch/once", testOnce);
    g_test_add_func("/call-watch/order", testOrder);
    g_test_add_func("/call-watch/thread", testThread);
    g_test_add_func("/call-watch/no-callbacks", testNoCallbacks);
    status = g_test_run();
    g_string_free(course, TRUE);
    return status;
}
