/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outgoingtest.c: how an outgoing migration ends, who is refused, and what is told
 */
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "../fakeqemu.h"
#include "../files.h"
#include "daemon.h"
#include "engine/journal.h"
#include "module/rights.h"
#include "module/switchovers.h"
#include "policy/policy_conf.h"
#include "qemu_migration_converge.h"

/* --- How a migration ends --- */

/* What the policy has changed goes back when the migration has failed, and is libvirt's and the
 * destination's when it has not. */
static void
testEnds(void)
{
    reset(FAKE_FAILS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, P2P), ==, -1);
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 300);
    g_assert_false(hasRecord());
    g_assert_false(statsKnowPolicy(FALSE));

    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, P2P), ==, 0);
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 50);
    g_assert_false(hasRecord());
    g_assert_true(statsKnowPolicy(TRUE));
}

static char *
lastState(void)
{
    return getStat(QEMU_MIGRATION_CONVERGE_STAT_STATE, FALSE);
}

/* What is left to read of a migration that has failed, in Perform or in Confirm: its statistics,
 * until the next one begins, and in the log where its journal is. */
static void
testFailedIsTold(void)
{
    gsize i;

    for (i = 0; i < 2; i++) {
        g_autofree char *log = NULL;
        g_autofree char *state = NULL;
        g_autofree char *later = NULL;
        g_autofree char *journal = NULL;
        g_autofree char *hint = NULL;

        reset(i == 0 ? FAKE_FAILS : FAKE_SUCCEEDS);
        fake.during = untilItActs;
        startLog();
        g_assert_cmpint(perform(ACTS, i == 0 ? P2P : LIVE), ==, i == 0 ? -1 : 0);
        if (i == 1)
            g_assert_cmpint(confirm(TRUE), ==, 0);
        log = endLog();
        state = lastState();
        g_assert_cmpstr(state, ==, "failed");
        journal = getStat("auto_converge.journal", FALSE);
        hint = g_strdup_printf("guest: the migration has failed; virt-converge-journal %s prints", journal);
        g_assert_nonnull(strstr(log, hint));

        fake.outcome = FAKE_BUSY;
        g_assert_cmpint(perform("stepped", P2P), ==, -1);
        later = lastState();
        g_assert_cmpstr(later, ==, "failed");
        fake.outcome = FAKE_SUCCEEDS;
        fake.during = NULL;
        g_assert_cmpint(perform(NULL, P2P), ==, 0);
        g_free(later);
        g_assert_null(later = lastState());
    }
}

/* A client that has gone confirms nothing: what its migration has left goes back when the next
 * one begins, whether a policy applies to that or not. */
static void
testNeverConfirmed(void)
{
    const char *const next[] = { "adaptive,throttle=none,downtime=fixed", NULL };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(next); i++) {
        reset(FAKE_SUCCEEDS);
        fake.during = untilItActs;
        g_assert_cmpint(perform(ACTS, LIVE), ==, 0);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 50);
        g_assert_true(statsKnowPolicy(TRUE));

        fake.outcome = FAKE_FAILS;
        fake.during = next[i] ? awaitTurns : NULL;
        g_assert_cmpint(perform(next[i], LIVE), ==, -1);
        while (qemu.params[CONVERGE_PARAM_DOWNTIME] != 300 || hasRecord())
            g_usleep(1000);
        g_assert_false(statsKnowPolicy(TRUE));
    }
}

static gint hangs; /* atomic: QEMU does not answer */
static int
hangingMonitor(virDomainPtr dom,
               const char *cmd,
               char **result,
               unsigned int flags)
{
    while (g_atomic_int_get(&hangs))
        g_usleep(1000);
    return fakeDaemon.qemuMonitorCommand(dom, cmd, result, flags);
}

static void
hangAtTheEnd(void)
{
    g_atomic_int_set(&hangs, TRUE);
    g_atomic_int_set(&impatient, TRUE);
}

/* The loop that looks now would be that of this call. */
static void
seeNoLooks(void)
{
    gint looks = g_atomic_int_get(&fake.looks);

    g_usleep(100000);
    g_assert_cmpint(g_atomic_int_get(&fake.looks), ==, looks);
    g_atomic_int_set(&hangs, FALSE);
    awaitTurns();
}

static void
standAside(void)
{
    g_autofree char *state = NULL;

    do {
        g_free(state);
        awaitTurns();
        state = getStat(QEMU_MIGRATION_CONVERGE_STAT_STATE, FALSE);
    } while (g_strcmp0(state, "standing-aside") != 0);
    g_atomic_int_set(&impatient, FALSE);
}

/* A job whose QEMU does not answer is left to itself; the next one of the guest waits until it
 * has put everything back, and stands aside where that takes too long. */
static void
testLeaving(void)
{
    int patient;

    for (patient = 1; patient >= 0; patient--) {
        reset(FAKE_FAILS);
        fake.monitor = hangingMonitor;
        fake.during = untilItActs;
        fake.after = hangAtTheEnd;
        g_assert_cmpint(perform(ACTS, P2P), ==, -1);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 50);
        g_assert_false(statsKnowPolicy(FALSE));

        g_atomic_int_set(&impatient, !patient);
        fake.during = patient ? seeNoLooks : standAside;
        fake.after = NULL;
        g_assert_cmpint(perform("adaptive,throttle=none,downtime=fixed", P2P), ==, -1);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, patient ? 300 : 50);

        g_atomic_int_set(&hangs, FALSE);
        while (hasRecord())
            g_usleep(1000);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 300);
    }
}

/* Another migration that has begun makes the finished one forgotten. */
static void
testForgotten(void)
{
    reset(FAKE_SUCCEEDS);
    g_assert_cmpint(perform("adaptive", P2P), ==, 0);
    g_assert_true(statsKnowPolicy(TRUE));
    fake.outcome = FAKE_BUSY;
    g_assert_cmpint(perform(NULL, P2P), ==, -1);
    g_assert_true(statsKnowPolicy(TRUE));
    fake.outcome = FAKE_FAILS;
    g_assert_cmpint(perform(NULL, P2P), ==, -1);
    g_assert_false(statsKnowPolicy(TRUE));
}

static void
isStillPending(void)
{
    g_usleep(50000); /* long enough for most of what is wrong to happen */
    g_assert_true(statsKnowPolicy(FALSE));
    g_assert_true(hasRecord());
}

/* To resume post-copy is no new migration: the first one still waits for its Confirm, and a
 * policy has no part in it. */
static void
testResume(void)
{
    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, LIVE), ==, 0);
    g_assert_true(statsKnowPolicy(FALSE));

    fake.during = isStillPending;
    g_assert_cmpint(perform("no-such-preset", LIVE | VIR_MIGRATE_POSTCOPY_RESUME), ==, 0);
    g_assert_cmpuint(fake.flags, ==, LIVE | VIR_MIGRATE_POSTCOPY_RESUME);
    g_assert_true(statsKnowPolicy(FALSE));
    g_assert_cmpint(confirm(FALSE), ==, 0);
    g_assert_true(statsKnowPolicy(TRUE));
}

static void
untilItAborts(void)
{
    while (g_atomic_int_get(&fake.aborts) == 0)
        g_usleep(1000);
    awaitTurns();
}

/* A migration that the policy has ended does not look as if a client had. */
static void
testExplained(void)
{
    static const struct {
        const char *policy;
        void (*during)(void);
        int code;
        const char *text;
    } rows[] = {
        { "adaptive,passes=1,fallback=abort", untilItAborts, VIR_ERR_OPERATION_ABORTED, "operation aborted: " },
        { "suspend", untilItSuspends, VIR_ERR_OPERATION_FAILED, "the migration failed (" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        reset(FAKE_FAILS);
        fake.during = rows[i].during;
        g_assert_cmpint(perform(rows[i].policy, P2P), ==, -1);
        g_assert_cmpint(fakeErrorCode(), ==, rows[i].code);
        g_assert_true(g_str_has_prefix(fakeErrorText(), rows[i].text));
        g_assert_nonnull(strstr(fakeErrorText(), "as the migration call asks"));

        reset(FAKE_SUCCEEDS);
        fake.during = rows[i].during;
        g_assert_cmpint(perform(rows[i].policy, P2P), ==, 0);
        g_assert_null(strstr(fakeErrorText(), "as the migration call asks"));
    }
}

static void
untilPostcopy(void)
{
    while (g_atomic_int_get(&fake.postcopies) == 0)
        g_usleep(1000);
    awaitTurns();
}

/* Post-copy is no reason for a failure. */
static void
testPostcopyExplainsNothing(void)
{
    reset(FAKE_FAILS);
    fake.during = untilPostcopy;
    g_assert_cmpint(perform("post-copy", P2P | VIR_MIGRATE_POSTCOPY), ==, -1);
    g_assert_cmpstr(fakeErrorText(), ==, "the migration failed");
}

/* --- Who is refused, and what is told --- */

/* A policy is for live migrations. */
static void
testNotLive(void)
{
    static const unsigned int flags[] = { 0, LIVE | VIR_MIGRATE_OFFLINE };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(flags); i++) {
        reset(FAKE_SUCCEEDS);
        fake.during = neverBegins;
        g_assert_cmpint(perform("adaptive", flags[i]), ==, -1);
        g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
        g_assert_nonnull(strstr(fakeErrorText(), "VIR_MIGRATE_LIVE"));

        reset(FAKE_SUCCEEDS);
        fake.metadata = "<policy when='always'/>";
        g_assert_cmpint(perform(NULL, flags[i]), ==, 0);
        g_assert_cmpuint(fake.flags, ==, flags[i]);
        g_assert_false(statsKnowPolicy(FALSE));
    }
}

static guint
countLines(const char *text)
{
    guint n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* A mistake in the domain's metadata is no reason to refuse a caller who asks for no policy; the
 * log has it, once for Begin and Perform together. */
static void
testAskedForNothing(void)
{
    g_autofree char *log = NULL;
    char *xml;

    reset(FAKE_SUCCEEDS);
    fake.metadata = "<policy preset='no-such-preset'/>";
    startLog();
    xml = virDomainMigrateBegin3Params(fakeDomain(), NULL, 0, NULL, NULL, LIVE);
    g_assert_nonnull(xml);
    free(xml);
    g_assert_cmpint(perform(NULL, LIVE), ==, 0);
    log = endLog();
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OK);
    g_assert_cmpuint(countLines(log), ==, 1);
    g_assert_nonnull(strstr(log, "guest migrates without a policy: "));
    g_assert_cmpuint(fake.flags, ==, LIVE);

    g_assert_cmpint(perform(NULL, LIVE | AUTO), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
}

/* A caller who allows post-copy instead of asking for auto-converge, as nova does, asks for no
 * policy: only when=always reaches it. */
static void
testPostcopyInsteadOfAutoConverge(void)
{
    const unsigned int flags = P2P | VIR_MIGRATE_POSTCOPY;

    reset(FAKE_SUCCEEDS);
    filesPut(host.conf, "[default]\npreset = adaptive\n");
    g_assert_cmpint(perform(NULL, flags), ==, 0);
    g_assert_cmpuint(fake.flags, ==, flags);
    g_assert_false(statsKnowPolicy(TRUE));

    filesPut(host.conf, "[default]\npreset = adaptive\nwhen = always\n");
    g_assert_cmpint(perform(NULL, flags), ==, 0);
    g_assert_cmpuint(fake.flags, ==, flags | AUTO);
    g_assert_true(statsKnowPolicy(TRUE));
    filesRemove(host.conf);
}

/* What a call states without effect is told: to the caller, if it has named the policy, else in
 * the log. */
static void
testWithoutEffect(void)
{
    g_autofree char *log = NULL;
    virTypedParameter params[2];

    setInt(&params[0], VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, 35);
    setString(&params[1], QEMU_MIGRATION_CONVERGE_PARAM_POLICY, "adaptive");
    reset(FAKE_SUCCEEDS);
    fake.during = neverBegins;
    g_assert_cmpint(performWith(params, 2, P2P), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_nonnull(strstr(fakeErrorText(), "'auto_converge.initial'"));

    reset(FAKE_SUCCEEDS);
    startLog();
    g_assert_cmpint(performWith(params, 1, P2P | AUTO), ==, 0);
    g_assert_cmpint(perform("adaptive,ramp-every=5s,stall=4", P2P), ==, 0);
    log = endLog();
    g_test_message("%s", log);
    g_assert_cmpuint(countLines(log), ==, 2);
    g_assert_nonnull(strstr(log, "guest: stated by the call: field 'initial-throttle' "));
    g_assert_nonnull(strstr(log, "guest: stated by the call: field 'ramp-every' "));

    setString(&params[1], QEMU_MIGRATION_CONVERGE_PARAM_POLICY, "stepped");
    reset(FAKE_SUCCEEDS);
    fake.during = awaitTurns;
    g_assert_cmpint(performWith(params, 2, P2P), ==, 0);
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 35);
}

/* What is in a file of the host is for the log; the client learns which file, and which field. */
static void
testHostsMistake(void)
{
    static const struct {
        const char *conf;
        const char *secret;
        const char *field; /* NULL: none is to blame */
    } rows[] = {
        { "[default]\npassword-of-someone\n", "password-of-someone", NULL },
        { "[default]\nstall = password-of-someone\n", "password-of-someone", "'stall'" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *log = NULL;

        reset(FAKE_SUCCEEDS);
        fake.during = neverBegins;
        filesPut(host.conf, rows[i].conf);
        startLog();
        g_assert_cmpint(perform("adaptive", LIVE), ==, -1);
        log = endLog();
        g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
        g_test_message("%s %s", fakeErrorText(), log);
        g_assert_nonnull(strstr(fakeErrorText(), CONVERGE_POLICY_CONF));
        g_assert_null(strstr(fakeErrorText(), rows[i].secret));
        if (rows[i].field)
            g_assert_nonnull(strstr(fakeErrorText(), rows[i].field));
        g_assert_nonnull(strstr(log, rows[i].secret));
    }
    filesRemove(host.conf);
}

/* An error that libvirt does not take goes to the log. */
static void
testErrorIsNotLost(void)
{
    g_autofree char *log = NULL;

    reset(FAKE_SUCCEEDS);
    fake.refuses = TRUE;
    startLog();
    g_assert_cmpint(perform("no-such-preset", LIVE), ==, -1);
    log = endLog();
    g_assert_nonnull(strstr(log, "error: invalid argument: "));
}

/* The domain's metadata and the host's configuration are read with the daemon's identity, and the
 * caller's right to nothing else grows over it.  The guest's name is libvirt's, not the
 * caller's. */
static void
testIdentity(void)
{
    g_autofree char *log = NULL;

    reset(FAKE_FAILS);
    fake.metadata = "<policy><passes>1</passes><fallback>suspend</fallback></policy>";
    startLog();
    g_assert_cmpint(perform(NULL, LIVE | AUTO), ==, -1);
    log = endLog();
    g_assert_true(fake.readAsDaemon);
    g_assert_false(fakeIsDaemon());
    g_assert_nonnull(strstr(log, "guest: the host limits field 'fallback' of the domain's policy to 'continue'"));
    g_assert_null(strstr(log, "forged"));
}

/* The log tells which rule applies, and what a lock has made of the domain's values. */
static void
testHostsWord(void)
{
    g_autofree char *log = NULL;

    reset(FAKE_FAILS);
    fake.metadata = "<policy><passes>1</passes></policy>";
    filesPut(host.conf, "[default]\n[rule all]\nmatch-name = guest\npasses = 9\nlock = passes\n");
    startLog();
    g_assert_cmpint(perform(NULL, LIVE | AUTO), ==, -1);
    log = endLog();
    g_assert_nonnull(strstr(log, "guest: rule 'all' applies (/"));
    g_assert_nonnull(strstr(log, "/virt-converge.conf:2)"));
    g_assert_nonnull(strstr(log, "guest: the host locks field 'passes' to '9'; the domain's value is ignored"));
    filesRemove(host.conf);
}

/* Only what the call itself asks for takes rights of the caller: not what the host's
 * configuration or the domain's metadata states. */
static void
testOthersWord(void)
{
    reset(FAKE_FAILS);
    fake.denied = "virDomainSuspendEnsureACL";
    filesPut(host.conf, "[default]\npreset = suspend\n");
    fake.during = untilItSuspends;
    g_assert_cmpint(perform(NULL, P2P | AUTO), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    filesRemove(host.conf);

    reset(FAKE_FAILS);
    fake.denied = "virDomainMigrateSetMaxDowntimeEnsureACL";
    fake.metadata = "<policy><initial-downtime>50ms</initial-downtime></policy>";
    fake.during = awaitTurns;
    g_assert_cmpint(perform(NULL, P2P | AUTO), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OPERATION_FAILED);

    /* Nor does a rung that the call does not ask for. */
    reset(FAKE_FAILS);
    fake.denied = "virDomainAbortJobEnsureACL";
    fake.during = untilItSuspends;
    g_assert_cmpint(perform("suspend", P2P), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OPERATION_FAILED);

    reset(FAKE_FAILS);
    fake.denied = "virDomainSuspendEnsureACL";
    fake.during = neverBegins;
    g_assert_cmpint(perform("suspend", P2P), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_ACCESS_DENIED);
}

/* The answer to a check of rights is an error of its own, not libvirt's last one. */
static void
testNoErrorLeft(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse("suspend", NULL);
    g_autoptr(GError) error = NULL;

    reset(FAKE_FAILS);
    fake.denied = "virDomainSuspendEnsureACL";
    g_assert_false(convergeRightsCheck(policy, NULL, NULL, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RIGHTS);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OK);
}

/* Where libvirt does not tell when its job begins, nothing is done, and the log has it. */
static void
testNeverBegins(void)
{
    g_autofree char *log = NULL;

    reset(FAKE_SUCCEEDS);
    fake.silent = TRUE;
    startLog();
    g_assert_cmpint(perform(ACTS, P2P), ==, 0);
    log = endLog();
    g_assert_nonnull(strstr(log, "guest has migrated without a policy"));
    g_assert_cmpint(fake.looks, ==, 0);
    g_assert_false(statsKnowPolicy(TRUE));
}

/* --- What is learned --- */

static void
untilItSwitchesOver(void)
{
    unsigned long long bandwidth = 0;

    while (bandwidth == 0) {
        virTypedParameterPtr params = NULL;
        int nparams = 0;
        int type;

        awaitTurns();
        g_assert_cmpint(virDomainGetJobStats(fakeDomain(), &type, &params, &nparams, 0), ==, 0);
        virTypedParamsGetULLong(params, nparams, QEMU_MIGRATION_CONVERGE_PREFIX "bandwidth", &bandwidth);
        virTypedParamsFree(params, nparams);
    }
    g_atomic_int_set(&fake.stands, TRUE);
    awaitTurns();
}

static void
startToLearn(guint64 measured)
{
    reset(FAKE_SUCCEEDS);
    fake.during = untilItSwitchesOver;
    fake.measured = measured;
    qemu.downtimeBytes = 0;
}

/* What a switchover has cost is expected of the next one to the same host, however it gets there;
 * what is not known is not made up. */
static void
testLearns(void)
{
    g_autofree char *dir = convergeJournalDefaultDir();
    gboolean own;

    startToLearn(321);
    g_assert_cmpint(performTo("qemu+tcp://Elsewhere/system", ACTS, P2P), ==, 0);
    g_assert_false(journalHas("\"type\":\"overhead\""));
    g_assert_cmpint(convergeSwitchoversExpect(dir, FAKE_UUID, "elsewhere", &own), ==, 321);

    startToLearn(322);
    g_assert_cmpint(performTo("tcp://elsewhere:49152", ACTS, LIVE), ==, 0);
    g_assert_cmpint(convergeSwitchoversExpect(dir, FAKE_UUID, "elsewhere", &own), ==, 321);
    g_assert_cmpint(confirm(FALSE), ==, 0);
    g_assert_true(journalHas("\"overhead_ms\":321,\"text\":\"a switchover of this guest to 'elsewhere' is taken"));
    g_assert_cmpint(convergeSwitchoversExpect(dir, FAKE_UUID, "elsewhere", &own), ==, 322);

    /* Other guests. */
    convergeSwitchoversAdd(dir, "1d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f", "third", 77, 0);
    startToLearn(0);
    g_assert_cmpint(performTo("qemu+tcp://third/system", ACTS, P2P), ==, 0);
    g_assert_true(journalHas("\"overhead_ms\":77,\"text\":\"a switchover to 'third' is taken"));
    g_assert_cmpint(convergeSwitchoversExpect(dir, FAKE_UUID, "third", &own), ==, 77);
    g_assert_false(own);

    g_assert_false(fake.watchedByOther);
    g_assert_cmpint(fake.watches, ==, 0);
}

/* What was not confirmed teaches nothing, and leaves nothing behind: neither a registration, nor
 * another error than libvirt's. */
static void
testLearnsNothing(void)
{
    g_autofree char *dir = convergeJournalDefaultDir();
    gboolean own;

    startToLearn(400);
    g_assert_cmpint(performTo("tcp://nowhere:49152", ACTS, LIVE), ==, 0);
    fake.outcome = FAKE_DENIED;
    g_assert_cmpint(confirm(FALSE), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_ACCESS_DENIED);
    while (g_atomic_int_get(&fake.watches) > 0)
        g_usleep(1000);
    fake.outcome = FAKE_SUCCEEDS;
    g_assert_cmpint(confirm(TRUE), ==, 0);
    while (g_atomic_int_get(&fake.watches) > 0)
        g_usleep(1000);
    g_assert_cmpint(convergeSwitchoversExpect(dir, FAKE_UUID, "nowhere", &own), ==, -1);
    g_assert_false(fake.watchedByOther);
}

void
addOutgoingTests(void)
{
    g_test_add_func("/outgoing/learns", testLearns);
    g_test_add_func("/outgoing/learns-nothing", testLearnsNothing);
    g_test_add_func("/outgoing/ends", testEnds);
    g_test_add_func("/outgoing/failed-is-told", testFailedIsTold);
    g_test_add_func("/outgoing/never-confirmed", testNeverConfirmed);
    g_test_add_func("/outgoing/leaving", testLeaving);
    g_test_add_func("/outgoing/forgotten", testForgotten);
    g_test_add_func("/outgoing/resume", testResume);
    g_test_add_func("/outgoing/explained", testExplained);
    g_test_add_func("/outgoing/postcopy-explains-nothing", testPostcopyExplainsNothing);
    g_test_add_func("/outgoing/not-live", testNotLive);
    g_test_add_func("/outgoing/asked-for-nothing", testAskedForNothing);
    g_test_add_func("/outgoing/postcopy-instead-of-auto-converge", testPostcopyInsteadOfAutoConverge);
    g_test_add_func("/outgoing/without-effect", testWithoutEffect);
    g_test_add_func("/outgoing/hosts-mistake", testHostsMistake);
    g_test_add_func("/outgoing/error-is-not-lost", testErrorIsNotLost);
    g_test_add_func("/outgoing/identity", testIdentity);
    g_test_add_func("/outgoing/hosts-word", testHostsWord);
    g_test_add_func("/outgoing/others-word", testOthersWord);
    g_test_add_func("/outgoing/no-error-left", testNoErrorLeft);
    g_test_add_func("/outgoing/never-begins", testNeverBegins);
}
