/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirtd.c: the module in a daemon whose libvirt refuses calls
 *
 * The program has this name because the module is inert in any other.  It calls the wrappers as
 * a daemon does; fakelibvirt.h is behind them.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fakelibvirt.h"
#include "module/libvirt_next.h"
#include "qemu_migration_converge.h"

#define LIVE VIR_MIGRATE_LIVE
#define P2P (VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER)

/* Far longer than a loop takes until its first turn. */
#define PATIENCE_US (20 * G_USEC_PER_SEC)

/* --- The daemon's log --- */

static char *logPath;
static int realStderr;

static void
startLog(void)
{
    int fd = g_file_open_tmp("virt-converge-log-XXXXXX", &logPath, NULL);

    g_assert_cmpint(fd, >=, 0);
    fflush(stderr);
    realStderr = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

/* Returns what was logged.  Free with g_free(). */
static char *
endLog(void)
{
    char *text = NULL;

    fflush(stderr);
    dup2(realStderr, STDERR_FILENO);
    close(realStderr);
    g_assert_true(g_file_get_contents(logPath, &text, NULL, NULL));
    g_unlink(logPath);
    g_clear_pointer(&logPath, g_free);
    return text;
}

/* --- Calls --- */

/* Ends only when no thread of an earlier test uses the fake any more. */
static void
reset(fakeOutcome outcome)
{
    virResetLastError();
    while (g_atomic_int_get(&fake.watches) > 0)
        g_usleep(1000);
    fake = (fakeLibvirt) { .outcome = outcome };
}

static int
perform(const char *policy,
        unsigned int flags)
{
    virTypedParameter param = { .type = VIR_TYPED_PARAM_STRING };

    g_strlcpy(param.field, QEMU_MIGRATION_CONVERGE_PARAM_POLICY, sizeof(param.field));
    param.value.s = (char *)policy;
    return virDomainMigratePerform3Params(fakeDomain(), "qemu:///system", &param, policy ? 1 : 0,
                                          NULL, 0, NULL, NULL, flags);
}

static int
confirm(gboolean cancelled)
{
    return virDomainMigrateConfirm3Params(fakeDomain(), NULL, 0, NULL, 0, LIVE, cancelled);
}

/* Whether the job statistics tell of a policy. */
static gboolean
statsKnowPolicy(gboolean completed)
{
    virTypedParameterPtr params = NULL;
    const char *state;
    int nparams = 0;
    int type;
    gboolean known;

    g_assert_cmpint(virDomainGetJobStats(fakeDomain(), &type, &params, &nparams,
                                         completed ? VIR_DOMAIN_JOB_STATS_COMPLETED : 0),
                    ==, 0);
    g_assert_nonnull(virTypedParamsGet(params, nparams, QEMU_MIGRATION_CONVERGE_STAT_MODULE));
    known = virTypedParamsGet(params, nparams, QEMU_MIGRATION_CONVERGE_STAT_POLICY) != NULL;
    if (virTypedParamsGetString(params, nparams, QEMU_MIGRATION_CONVERGE_STAT_STATE, &state) == 1)
        known &= !g_str_equal(state, "failed");
    virTypedParamsFree(params, nparams);
    return known;
}

/* Waits for the loop's first turns.  Meanwhile others ask and set things, as in a daemon. */
static void
untilItLooks(void)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (g_atomic_int_get(&fake.looks) < 3 && g_get_monotonic_time() < end) {
        g_assert_true(statsKnowPolicy(FALSE));
        g_assert_cmpint(virDomainMigrateSetMaxDowntime(fakeDomain(), 500, 0), ==, 0);
        g_usleep(1000);
    }
    g_assert_cmpint(g_atomic_int_get(&fake.looks), >=, 3);
}

/* --- Tests --- */

/* A policy that would do harm if it were applied to another call's migration. */
#define HARM "suspend,passes=1,max-downtime=2000s,initial-downtime=5ms"

static void
testRefused(void)
{
    static const struct {
        fakeOutcome outcome;
        int code;
    } rows[] = {
        { FAKE_READ_ONLY, VIR_ERR_OPERATION_DENIED },
        { FAKE_DENIED, VIR_ERR_ACCESS_DENIED },
        { FAKE_BUSY, VIR_ERR_OPERATION_INVALID },
    };
    static const char *const policies[] = { HARM, "adaptive", "no-such-preset", NULL };
    static const unsigned int flags[] = { LIVE, P2P };
    gsize i, j, k;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (j = 0; policies[j]; j++) {
            for (k = 0; k < G_N_ELEMENTS(flags); k++) {
                g_autofree char *log = NULL;
                gboolean wrong = g_str_equal(policies[j], "no-such-preset");

                reset(rows[i].outcome);
                startLog();
                g_assert_cmpint(perform(policies[j], flags[k]), ==, -1);
                log = endLog();

                /* Only callers who may migrate learn that the policy is wrong. */
                g_assert_cmpint(fakeErrorCode(), ==, wrong && rows[i].outcome == FAKE_BUSY ? VIR_ERR_INVALID_ARG : rows[i].code);
                g_assert_cmpint(fake.looks, ==, 0);
                g_assert_cmpint(fake.acts, ==, 0);
                g_assert_false(fake.hasPolicyParam);
                g_assert_false(statsKnowPolicy(FALSE));
                g_assert_false(statsKnowPolicy(TRUE));
                g_assert_cmpstr(log, ==, "");
            }
        }
    }
}

/* The call is refused after the check of rights and before the job does anything. */
static void
testBegun(void)
{
    static const unsigned int flags[] = { LIVE, P2P };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(flags); i++) {
        reset(FAKE_FAILS);
        fake.during = untilItLooks;
        g_assert_cmpint(perform("adaptive", flags[i]), ==, -1);
        g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
        g_assert_true(fake.flags & VIR_MIGRATE_AUTO_CONVERGE);
        g_assert_false(fake.hasPolicyParam);
        g_assert_false(statsKnowPolicy(FALSE));
        g_assert_false(statsKnowPolicy(TRUE));
    }
}

/* Asserts that the loop, which samples several times a second, has stopped.  One sample may be
 * under way already. */
static void
seeNoMoreLooks(void)
{
    gint before = g_atomic_int_get(&fake.looks);

    g_usleep(G_USEC_PER_SEC);
    g_assert_cmpint(g_atomic_int_get(&fake.looks), <=, before + 1);
}

static void
testOver(void)
{
    reset(FAKE_FAILS);
    fake.during = untilItLooks;
    fake.after = seeNoMoreLooks;
    g_assert_cmpint(perform("adaptive", LIVE), ==, -1);
}

static void
testNoPolicy(void)
{
    reset(FAKE_SUCCEEDS);
    g_assert_cmpint(perform(NULL, LIVE), ==, 0);
    g_assert_cmpint(fake.flags, ==, LIVE);
    g_assert_cmpint(fake.looks, ==, 0);
    g_assert_false(statsKnowPolicy(TRUE));
}

/* A Confirm that is refused does not affect a later one that is not. */
static void
testConfirm(void)
{
    static const fakeOutcome refusals[] = { FAKE_READ_ONLY, FAKE_DENIED, FAKE_BUSY };
    gboolean cancelled;
    gsize i;

    for (cancelled = FALSE; cancelled <= TRUE; cancelled++) {
        reset(FAKE_SUCCEEDS);
        fake.during = untilItLooks;
        g_assert_cmpint(perform("adaptive", LIVE), ==, 0);

        for (i = 0; i < G_N_ELEMENTS(refusals); i++) {
            fake.outcome = refusals[i];
            g_assert_cmpint(confirm(!cancelled), ==, -1);
            g_assert_true(statsKnowPolicy(FALSE));
        }

        fake.outcome = FAKE_SUCCEEDS;
        g_assert_cmpint(confirm(cancelled), ==, 0);
        g_assert_false(statsKnowPolicy(FALSE));
        g_assert_true(statsKnowPolicy(TRUE) == !cancelled);
    }
}

/* Even if Confirm fails, libvirt has ended its job. */
static void
testConfirmFails(void)
{
    reset(FAKE_SUCCEEDS);
    g_assert_cmpint(perform("adaptive", LIVE), ==, 0);
    fake.outcome = FAKE_FAILS;
    g_assert_cmpint(confirm(TRUE), ==, -1);
    g_assert_false(statsKnowPolicy(FALSE));
}

static void
testPeer2peerIsConfirmed(void)
{
    reset(FAKE_SUCCEEDS);
    g_assert_cmpint(perform("adaptive", P2P), ==, 0);
    g_assert_false(statsKnowPolicy(FALSE));
    g_assert_true(statsKnowPolicy(TRUE));

    /* A later migration without a policy is not affected. */
    g_assert_cmpint(perform(NULL, P2P), ==, 0);
    g_assert_false(statsKnowPolicy(TRUE));
}

static void
neverBegins(void)
{
    g_assert_not_reached();
}

static void
testRights(void)
{
    static const struct {
        const char *policy;
        const char *denied; /* the right that the caller lacks */
        const char *says;   /* NULL: nothing is refused */
    } rows[] = {
        { "adaptive", "virDomainSuspendEnsureACL", NULL },
        { "adaptive", "virDomainAbortJobEnsureACL", NULL },
        { "suspend", "virDomainSuspendEnsureACL", "domain:suspend" },
        { "adaptive,fallback=post-copy+suspend", "virDomainSuspendEnsureACL", "domain:suspend" },
        { "adaptive,fallback=abort", "virDomainAbortJobEnsureACL", "domain:write" },
        { "nova", "virDomainAbortJobEnsureACL", "domain:write" },
        { "nova", "virDomainSuspendEnsureACL", NULL },
        { "post-copy", "virDomainMigrateStartPostCopyEnsureACL", "domain:migrate" },
        { "adaptive", "virDomainMigrateSetMaxDowntimeEnsureACL", "domain:migrate" },
        /* The right to migrate, which is checked in any case, includes that to throttle. */
        { "adaptive", "virDomainMigratePerform3ParamsEnsureACL", "denied by libvirt" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        reset(FAKE_FAILS);
        fake.denied = rows[i].denied;
        fake.during = rows[i].says ? neverBegins : NULL;
        g_test_message("%s without %s", rows[i].policy, rows[i].denied);
        g_assert_cmpint(perform(rows[i].policy, P2P), ==, -1);
        g_assert_cmpint(fakeErrorCode(), ==, rows[i].says ? VIR_ERR_ACCESS_DENIED : VIR_ERR_OPERATION_FAILED);
        if (rows[i].says)
            g_assert_nonnull(strstr(fakeErrorText(), rows[i].says));
        g_assert_cmpint(fake.acts, ==, 0);
    }
}

/* The policy in a domain's metadata needs no right of the caller, and is limited by the host: it
 * may neither abort nor pause. */
static void
testDomainsWord(void)
{
    reset(FAKE_FAILS);
    fake.denied = "virDomainAbortJobEnsureACL";
    fake.metadata = "<policy when='always'><passes>1</passes><fallback>abort</fallback></policy>";
    fake.during = untilItLooks;
    g_assert_cmpint(perform(NULL, P2P), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
}

static void
testBegin(void)
{
    char *xml;

    reset(FAKE_DENIED);
    g_assert_null(virDomainMigrateBegin3Params(fakeDomain(), NULL, 0, NULL, NULL, LIVE));
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_ACCESS_DENIED);

    reset(FAKE_SUCCEEDS);
    xml = virDomainMigrateBegin3Params(fakeDomain(), NULL, 0, NULL, NULL, LIVE);
    g_assert_nonnull(xml);
    free(xml);
    g_assert_cmpint(fake.looks, ==, 0);

    reset(FAKE_SUCCEEDS);
    fake.metadata = "<policy preset='no-such-preset'/>";
    g_assert_null(virDomainMigrateBegin3Params(fakeDomain(), NULL, 0, NULL, NULL,
                                               LIVE | VIR_MIGRATE_AUTO_CONVERGE));
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/module/refused", testRefused);
    g_test_add_func("/module/begun", testBegun);
    g_test_add_func("/module/over", testOver);
    g_test_add_func("/module/no-policy", testNoPolicy);
    g_test_add_func("/module/confirm", testConfirm);
    g_test_add_func("/module/confirm-fails", testConfirmFails);
    g_test_add_func("/module/peer2peer", testPeer2peerIsConfirmed);
    g_test_add_func("/module/rights", testRights);
    g_test_add_func("/module/domains-word", testDomainsWord);
    g_test_add_func("/module/begin", testBegin);
    return g_test_run();
}
