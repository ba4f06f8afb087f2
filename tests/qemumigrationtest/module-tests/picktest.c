/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * picktest.c: which transport the daemon asks libvirt for, and what it says of that
 */
#include <libvirt/virterror.h>
#include <string.h>
#include <unistd.h>

#include "../fakeqemu.h"
#include "../files.h"
#include "daemon.h"
#include "engine/journal.h"
#include "module/switchovers.h"
#include "qemu_migration_converge.h"

#define COMPRESSED (VIR_MIGRATE_PARALLEL | VIR_MIGRATE_COMPRESSED)

typedef struct {
    const char *policy;
    unsigned int flags;
    unsigned int added; /* to the flags */
    const char *params; /* that libvirt gets */
    const char *says;   /* in the journal; NULL: nothing */
} pickRow;

static void
check(const pickRow *row)
{
    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(performTo("qemu+tcp://elsewhere/system", row->policy, row->flags), ==, 0);
    if (!(row->flags & VIR_MIGRATE_PEER2PEER))
        g_assert_cmpint(confirm(FALSE), ==, 0);
    g_assert_cmphex(fake.flags & COMPRESSED, ==, (row->flags & COMPRESSED) | row->added);
    g_assert_cmpstr(fake.params, ==, row->params);
    g_assert_true(journalHas(row->says ? row->says : "\"type\":\"sample\""));
    g_assert_cmpint(journalHas("\"type\":\"transport\""), ==, row->says != NULL);
}

static void
testStated(void)
{
    static const char uri[] = VIR_MIGRATE_PARAM_URI "=qemu+tcp://elsewhere/system ";
    const pickRow rows[] = {
        { ACTS, P2P, 0, "", NULL },
        { ACTS ",transport=multifd,streams=3", P2P, VIR_MIGRATE_PARALLEL, "parallel.connections=3 ", "'multifd', which the policy states" },
        { ACTS ",transport=multifd", P2P | VIR_MIGRATE_TUNNELLED, 0, "", "as it is: a tunnelled migration has one stream" },
        { ACTS ",transport=multifd-zstd", P2P | VIR_MIGRATE_COMPRESSED, 0, "", NULL },
        { ACTS ",transport=multifd", LIVE, 0, uri, "only the client can ask" },
        { ACTS ",transport=multifd", LIVE | VIR_MIGRATE_PARALLEL, 0, uri, NULL },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++)
        check(&rows[i]);
}

/* Without anything that is sure to be better, memory goes as it is. */
static void
testAuto(void)
{
    const pickRow unknown = { ACTS ",transport=auto", P2P, 0, "", "how fast the link to 'elsewhere' is will be known" };
    const pickRow known = { ACTS ",transport=auto", P2P, 0, "", "how well it compresses is not known" };
    g_autofree char *dir = convergeJournalDefaultDir();
    g_autofree char *path = g_build_filename(dir, "switchovers.json", NULL);

    unlink(path);
    check(&unknown);
    convergeSwitchoversAdd(dir, FAKE_UUID, "elsewhere", 20, 1e6);
    check(&known);
}

/* A policy that only observes changes nothing of the call. */
static void
testObserved(void)
{
    reset(FAKE_SUCCEEDS);
    fake.during = awaitTurns;
    g_assert_cmpint(perform("adaptive,mode=observe,transport=multifd", P2P), ==, 0);
    g_assert_cmphex(fake.flags & COMPRESSED, ==, 0);
    g_assert_cmpstr(fake.params, ==, "");
}

/* What the destination does not have is left out, unless memory has moved already, or the call has failed for
 * another reason. */
static void
testLacks(void)
{
    const struct {
        int code;
        void (*during)(void);
        gboolean again;
    } rows[] = {
        { VIR_ERR_OPERATION_UNSUPPORTED, NULL, TRUE },
        { VIR_ERR_INTERNAL_ERROR, NULL, TRUE },
        { VIR_ERR_OPERATION_ABORTED, NULL, FALSE },
        { VIR_ERR_NO_CONNECT, NULL, FALSE },
        { VIR_ERR_INTERNAL_ERROR, untilItActs, FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *log = NULL;

        reset(FAKE_SUCCEEDS);
        fake.during = rows[i].during;
        fake.iteration = rows[i].during ? 1 : 0;
        fake.lacks = VIR_MIGRATE_PARALLEL;
        fake.lackCode = rows[i].code;
        startLog();
        g_assert_cmpint(perform(ACTS ",transport=multifd", P2P), ==, rows[i].again ? 0 : -1);
        log = endLog();
        g_assert_cmpint(strstr(log, "memory will be sent as it is") != NULL, ==, rows[i].again);
        g_assert_cmphex(fake.flags & VIR_MIGRATE_PARALLEL, ==, rows[i].again ? 0 : VIR_MIGRATE_PARALLEL);
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, 300);
    }
}

/* For a caller without the right to migrate nothing is chosen. */
static void
testDenied(void)
{
    const fakeOutcome outcomes[] = { FAKE_DENIED, FAKE_READ_ONLY };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(outcomes); i++) {
        reset(outcomes[i]);
        g_assert_cmpint(perform(ACTS ",transport=multifd", P2P), ==, -1);
        g_assert_cmphex(fake.flags & P2P, ==, P2P);
        g_assert_cmphex(fake.flags & VIR_MIGRATE_PARALLEL, ==, 0);
        g_assert_cmpstr(virGetLastErrorMessage(), !=, "no error");
    }
}

void
addPickTests(void)
{
    g_test_add_func("/pick/lacks", testLacks);
    g_test_add_func("/pick/stated", testStated);
    g_test_add_func("/pick/auto", testAuto);
    g_test_add_func("/pick/observed", testObserved);
    g_test_add_func("/pick/denied", testDenied);
}
