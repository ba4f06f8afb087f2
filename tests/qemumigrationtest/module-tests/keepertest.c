/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keepertest.c: what the daemon keeps in the host's history
 */
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "../fakeqemu.h"
#include "../files.h"
#include "daemon.h"
#include "engine/journal.h"
#include "history/history_store.h"
#include "module/keeper.h"
#include "qemu_migration_converge.h"

static char *
historyDir(void)
{
    g_autofree char *journals = convergeJournalDefaultDir();

    g_assert_true(g_str_has_prefix(journals, host.top));
    return convergeHistoryDir(journals);
}

static GPtrArray *
load(void)
{
    g_autofree char *dir = historyDir();
    guint skipped;
    GPtrArray *entries = convergeHistoryLoad(dir, &skipped, NULL);

    g_assert_nonnull(entries);
    g_assert_cmpuint(skipped, ==, 0);
    return entries;
}

static const convergeHistoryEntry *
newest(GPtrArray *entries)
{
    g_assert_cmpuint(entries->len, >, 0);
    return g_ptr_array_index(entries, entries->len - 1);
}

static void
assertOutcome(convergeOutcome outcome,
              const char *error)
{
    g_autoptr(GPtrArray) entries = load();
    const convergeHistoryEntry *entry = newest(entries);

    g_assert_cmpstr(convergeOutcomeName(entry->outcome), ==, convergeOutcomeName(outcome));
    if (error) {
        g_assert_nonnull(entry->error);
        g_assert_nonnull(strstr(entry->error, error));
    } else {
        g_assert_null(entry->error);
    }
    if (outcome == CONVERGE_OUTCOME_RUNNING)
        g_assert_cmpint(entry->endMs, ==, CONVERGE_HISTORY_UNKNOWN);
    else
        g_assert_cmpint(entry->endMs, >=, entry->beginMs);
}

static void
testPeerToPeer(void)
{
    reset(FAKE_FAILS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, P2P), ==, -1);
    assertOutcome(CONVERGE_OUTCOME_FAILED, "the migration failed");

    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, P2P), ==, 0);
    assertOutcome(CONVERGE_OUTCOME_DONE, NULL);
}

/* A direct migration has ended with Confirm only. */
static void
testDirect(void)
{
    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, LIVE), ==, 0);
    assertOutcome(CONVERGE_OUTCOME_RUNNING, NULL);
    g_assert_cmpint(confirm(FALSE), ==, 0);
    assertOutcome(CONVERGE_OUTCOME_DONE, NULL);

    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, LIVE), ==, 0);
    g_assert_cmpint(confirm(TRUE), ==, 0);
    assertOutcome(CONVERGE_OUTCOME_FAILED, "did not start at the destination");
}

static void
testNeverConfirmed(void)
{
    g_autoptr(GPtrArray) entries = NULL;
    const convergeHistoryEntry *entry;

    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, LIVE), ==, 0);
    g_assert_cmpint(perform(ACTS, P2P), ==, 0);

    entries = load();
    entry = g_ptr_array_index(entries, entries->len - 2);
    g_assert_cmpint(entry->outcome, ==, CONVERGE_OUTCOME_FAILED);
    g_assert_nonnull(strstr(entry->error, "never confirmed"));
    assertOutcome(CONVERGE_OUTCOME_DONE, NULL);
}

static const convergeHistoryField *
fieldOf(const convergeHistoryEntry *entry,
        const char *name)
{
    guint i;

    for (i = 0; i < entry->fields->len; i++) {
        const convergeHistoryField *field = g_ptr_array_index(entry->fields, i);

        if (g_str_equal(field->name, name))
            return field;
    }
    return NULL;
}

static void
testContent(void)
{
    g_autoptr(GPtrArray) entries = NULL;
    g_autofree char *journal = NULL;
    const convergeHistoryEntry *entry;
    const convergeHistoryField *field;

    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    fake.measured = 321;
    g_assert_cmpint(performTo("qemu+tcp://elsewhere/system", ACTS, P2P), ==, 0);
    entries = load();
    entry = newest(entries);

    g_assert_cmpstr(entry->guest, ==, "guest");
    g_assert_cmpstr(entry->uuid, ==, FAKE_UUID);
    g_assert_cmpstr(entry->from, ==, g_get_host_name());
    g_assert_cmpstr(entry->to, ==, "elsewhere");
    g_assert_cmpstr(entry->policy, ==, ACTS);
    g_assert_nonnull(field = fieldOf(entry, "initial-downtime"));
    g_assert_cmpstr(field->value, ==, "50ms");
    g_assert_cmpstr(field->layer, ==, "call");
    g_assert_nonnull(field = fieldOf(entry, "throttle"));
    g_assert_cmpstr(field->layer, ==, "preset");
    g_assert_false(entry->observed);
    journal = getStat("auto_converge.journal", TRUE);
    g_assert_cmpstr(entry->journal, ==, journal);
    g_assert_cmpint(entry->downtimeLimitMs, ==, 50);
    g_assert_cmpint(entry->downtimeMs, ==, 321);
    g_assert_cmpint(entry->lostMs, >=, 321);
    g_assert_cmpint(entry->totalMs, >=, 0);
    g_assert_cmpint(entry->bytes, >, 0);
    g_assert_nonnull(entry->reason);
    g_assert_null(entry->fallback);
}

static void
untilItAborts(void)
{
    while (g_atomic_int_get(&fake.aborts) == 0)
        g_usleep(1000);
    awaitTurns();
}

/* The rung is in the entry, and the error is that which the client gets. */
static void
testAborted(void)
{
    g_autoptr(GPtrArray) entries = NULL;

    reset(FAKE_FAILS);
    fake.during = untilItAborts;
    g_assert_cmpint(perform("adaptive,passes=1,fallback=abort", P2P), ==, -1);
    assertOutcome(CONVERGE_OUTCOME_ABORTED, "operation aborted: fallback of the converge policy");
    entries = load();
    g_assert_cmpstr(newest(entries)->fallback, ==, "abort");
    g_assert_nonnull(newest(entries)->plan);
    g_assert_cmpint(newest(entries)->planConverges, ==, 0);
    g_assert_cmpint(newest(entries)->planTotalMs.value, ==, CONVERGE_HISTORY_UNKNOWN);
}

/* A history that cannot be written is told, and is no trouble for the migration. */
static void
testUnwritable(void)
{
    g_autofree char *dir = historyDir();
    g_autofree char *log = NULL;

    filesRemove(dir);
    filesPut(dir, "");
    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    startLog();
    g_assert_cmpint(perform(ACTS, P2P), ==, 0);
    log = endLog();
    g_assert_nonnull(strstr(log, "guest: cannot write the history of migrations to '"));
    g_assert_cmpint(g_unlink(dir), ==, 0);
}

/* A policy that observes leaves guest, QEMU and flags alone, and needs no rights for what it would do. */
static void
testObserves(void)
{
    static const unsigned int flags[] = { P2P, P2P | AUTO };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(flags); i++) {
        g_autoptr(GPtrArray) entries = NULL;
        g_autofree char *quota = NULL;

        reset(FAKE_SUCCEEDS);
        fake.denied = "virDomainAbortJobEnsureACL";
        fake.during = awaitTurns;
        g_assert_cmpint(perform("adaptive,passes=1,fallback=abort,mode=observe", flags[i]), ==, 0);
        g_assert_cmpuint(fake.flags, ==, flags[i]);
        g_assert_cmpint(g_atomic_int_get(&fake.acts), ==, 0);
        g_assert_cmpint(g_atomic_int_get(&fake.aborts), ==, 0);
        g_assert_cmpuint(qemu.commands, ==, 0);
        g_assert_false(hasRecord());
        g_assert_cmpint(g_atomic_int_get(&fake.looks), >, 0);

        entries = load();
        g_assert_true(newest(entries)->observed);
        g_assert_cmpint(newest(entries)->outcome, ==, CONVERGE_OUTCOME_DONE);
        g_assert_nonnull(strstr(newest(entries)->reason, "observed only, not done: "));
        g_assert_null(newest(entries)->fallback);
    }
}

/* The host can hold everybody to it, and a downtime limit of others is theirs. */
static void
testHostObserves(void)
{
    reset(FAKE_SUCCEEDS);
    filesPut(host.conf, "[limits]\nmode = observe\n");
    fake.during = awaitTurns;
    g_assert_cmpint(perform("adaptive,mode=act", P2P), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_cmpint(perform("adaptive", P2P), ==, 0);
    g_assert_cmpuint(qemu.commands, ==, 0);
    g_assert_cmpint(g_atomic_int_get(&fake.acts), ==, 0);
    filesRemove(host.conf);
}

/* Whoever may read the domain is told of its migrations, and of nobody else's. */
static void
testTells(void)
{
    char *text;
    g_auto(GStrv) lines = NULL;
    g_autoptr(convergeHistoryEntry) other = convergeHistoryEntryNew();
    g_autoptr(convergeHistoryEntry) last = NULL;
    g_autofree char *dir = historyDir();

    reset(FAKE_FAILS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, P2P), ==, -1);
    other->uuid = g_strdup("1d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f");
    g_assert_true(convergeHistoryAdd(dir, other, 1000, NULL));

    text = virDomainGetMetadata(fakeDomain(), VIR_DOMAIN_METADATA_ELEMENT, QEMU_MIGRATION_CONVERGE_HISTORY_URI, 0);
    g_assert_nonnull(text);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OK);
    lines = g_strsplit(text, "\n", -1);
    free(text);
    g_assert_cmpuint(g_strv_length(lines), >=, 2);
    last = convergeHistoryEntryParse(lines[g_strv_length(lines) - 2]);
    g_assert_nonnull(last);
    g_assert_cmpstr(last->uuid, ==, FAKE_UUID);
    g_assert_cmpint(last->outcome, ==, CONVERGE_OUTCOME_FAILED);

    /* Other metadata is libvirt's. */
    g_assert_null(virDomainGetMetadata(fakeDomain(), VIR_DOMAIN_METADATA_ELEMENT, "urn:other", 0));
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_NO_DOMAIN_METADATA);
    fake.metadata = "<theirs/>";
    text = virDomainGetMetadata(fakeDomain(), VIR_DOMAIN_METADATA_ELEMENT, QEMU_MIGRATION_CONVERGE_HISTORY_URI, 0);
    g_assert_cmpstr(text, ==, "<theirs/>");
    free(text);
}

void
addKeeperTests(void)
{
    g_test_add_func("/keeper/peer-to-peer", testPeerToPeer);
    g_test_add_func("/keeper/direct", testDirect);
    g_test_add_func("/keeper/never-confirmed", testNeverConfirmed);
    g_test_add_func("/keeper/content", testContent);
    g_test_add_func("/keeper/aborted", testAborted);
    g_test_add_func("/keeper/observes", testObserves);
    g_test_add_func("/keeper/host-observes", testHostObserves);
    g_test_add_func("/keeper/tells", testTells);
    g_test_add_func("/keeper/unwritable", testUnwritable);
}
