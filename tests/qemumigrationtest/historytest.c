/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * historytest.c: what is kept of migrations
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "history/history_store.h"

#define PLAN "throttle 60 % (helps)"

typedef struct _fixture fixture;
struct _fixture {
    char *top;
    char *dir;
};

static void
setUp(fixture *f,
      gconstpointer data G_GNUC_UNUSED)
{
    f->top = filesNewDir();
    f->dir = convergeHistoryDir(f->top);
}

static void
tearDown(fixture *f,
         gconstpointer data G_GNUC_UNUSED)
{
    filesRemove(f->top);
    g_free(f->dir);
    g_free(f->top);
}

/* An entry of which nothing is unknown. */
static convergeHistoryEntry *
fullEntry(void)
{
    convergeHistoryEntry *entry = convergeHistoryEntryNew();
    convergeHistoryRange range = { 3000, 2000, 5000 };

    entry->outcome = CONVERGE_OUTCOME_ABORTED;
    entry->guest = g_strdup("guest");
    entry->uuid = g_strdup("b5b5e1e2-0000-4000-8000-000000000001");
    entry->from = g_strdup("alpha");
    entry->to = g_strdup("beta");
    entry->policy = g_strdup("adaptive,max-throttle=80");
    convergeHistoryEntryAddField(entry, "max-throttle", "80", "call");
    convergeHistoryEntryAddField(entry, "deadline", "2min", "host");
    entry->observed = TRUE;
    entry->reason = g_strdup("reason");
    entry->fallback = g_strdup("abort");
    entry->error = g_strdup("operation aborted: \"quoted\"\n\x01");
    entry->trouble = g_strdup("trouble");
    entry->journal = g_strdup("guest-20260101T000000.000000.jsonl");
    entry->beginMs = G_GINT64_CONSTANT(1790000000000);
    entry->endMs = entry->beginMs + 60000;
    entry->totalMs = 59000;
    entry->passes = 7;
    entry->bytes = G_GINT64_CONSTANT(1) << 40;
    entry->downtimeLimitMs = 300;
    entry->downtimePredictedMs = 280;
    entry->downtimeMs = 0;
    entry->lostMs = 1500;
    entry->strongestThrottle = 80;
    entry->strongestMs = 900;
    entry->heldMs = 0;
    entry->plan = g_strdup(PLAN);
    entry->planAtMs = 12000;
    entry->planConverges = 1;
    entry->planTotalMs = entry->planLostMs = entry->planDowntimeMs = range;
    entry->writerPid = 1;
    entry->writerStart = 2;
    return entry;
}

static GPtrArray *
load(const fixture *f,
     guint expectSkipped)
{
    g_autoptr(GError) error = NULL;
    guint skipped = 0;
    GPtrArray *entries = convergeHistoryLoad(f->dir, &skipped, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(skipped, ==, expectSkipped);
    return entries;
}

static convergeHistoryEntry *
at(GPtrArray *entries,
   guint i)
{
    g_assert_cmpuint(i, <, entries->len);
    return g_ptr_array_index(entries, i);
}

static void
addNamed(const fixture *f,
         const char *guest,
         guint most)
{
    g_autoptr(convergeHistoryEntry) entry = convergeHistoryEntryNew();
    g_autoptr(GError) error = NULL;

    entry->guest = g_strdup(guest);
    entry->outcome = CONVERGE_OUTCOME_DONE;
    convergeHistoryAdd(f->dir, entry, most, &error);
    g_assert_no_error(error);
}

static void
put(const fixture *f,
    const char *name,
    const char *text)
{
    g_autofree char *path = g_build_filename(f->dir, name, NULL);

    filesPut(path, text);
    g_assert_cmpint(g_chmod(path, 0600), ==, 0);
}

/* What is written is read, and written again the same. */
static void
testRoundTrip(void)
{
    g_autoptr(convergeHistoryEntry) entry = fullEntry();
    g_autofree char *text = convergeHistoryEntryFormat(entry);
    g_autoptr(convergeHistoryEntry) again = convergeHistoryEntryParse(text);
    g_autofree char *textAgain = NULL;
    const convergeHistoryField *field;

    g_assert_nonnull(again);
    textAgain = convergeHistoryEntryFormat(again);
    g_assert_cmpstr(textAgain, ==, text);
    g_assert_null(strchr(text, '\n'));

    g_assert_cmpstr(again->error, ==, entry->error);
    g_assert_cmpint(again->outcome, ==, CONVERGE_OUTCOME_ABORTED);
    g_assert_cmpint(again->bytes, ==, G_GINT64_CONSTANT(1) << 40);
    g_assert_cmpint(again->downtimeMs, ==, 0);
    g_assert_cmpint(again->planLostMs.most, ==, 5000);
    g_assert_cmpuint(again->fields->len, ==, 2);
    field = g_ptr_array_index(again->fields, 1);
    g_assert_cmpstr(field->name, ==, "deadline");
    g_assert_cmpstr(field->value, ==, "2min");
    g_assert_cmpstr(field->layer, ==, "host");
}

static void
testUnknown(void)
{
    g_autoptr(convergeHistoryEntry) entry = convergeHistoryEntryNew();
    g_autofree char *text = convergeHistoryEntryFormat(entry);
    g_autoptr(convergeHistoryEntry) again = convergeHistoryEntryParse(text);

    g_assert_cmpstr(text, ==, "{\"version\":1,\"id\":0,\"outcome\":\"running\",\"observed\":false,\"fields\":[]}");
    g_assert_cmpint(again->totalMs, ==, CONVERGE_HISTORY_UNKNOWN);
    g_assert_cmpint(again->planDowntimeMs.least, ==, CONVERGE_HISTORY_UNKNOWN);
    g_assert_null(again->guest);
}

/* No beginning of a text is an entry. */
static void
testCutOff(void)
{
    g_autoptr(convergeHistoryEntry) entry = fullEntry();
    g_autofree char *text = convergeHistoryEntryFormat(entry);
    gsize n;

    for (n = 0; n < strlen(text); n++) {
        g_autofree char *part = g_strndup(text, n);

        g_assert_null(convergeHistoryEntryParse(part));
    }
}

static const char *const wrong[] = {
    "[]",
    "{\"id\":1,\"outcome\":\"done\",\"observed\":false}",
    "{\"version\":0,\"id\":1,\"outcome\":\"done\",\"observed\":false}",
    "{\"version\":1,\"id\":-1,\"outcome\":\"done\",\"observed\":false}",
    "{\"version\":1,\"id\":1,\"outcome\":\"soon\",\"observed\":false}",
    "{\"version\":1,\"id\":1,\"outcome\":\"done\",\"observed\":1}",
    "{\"version\":1,\"id\":1,\"outcome\":\"done\",\"observed\":false,\"guest\":7}",
    "{\"version\":1,\"id\":1,\"outcome\":\"done\",\"observed\":false,\"total_ms\":\"7\"}",
    "{\"version\":1,\"id\":1,\"outcome\":\"done\",\"observed\":false,\"total_ms\":-7}",
    "{\"version\":1,\"id\":1,\"outcome\":\"done\",\"observed\":false,\"fields\":{}}",
    "{\"version\":1,\"id\":1,\"outcome\":\"done\",\"observed\":false,\"fields\":[{\"name\":\"a\"}]}",
};

static void
testWrong(void)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_null(convergeHistoryEntryParse(wrong[i]));
}

static void
testNewer(void)
{
    g_autoptr(convergeHistoryEntry) entry =
        convergeHistoryEntryParse("{\"version\":7,\"id\":3,\"outcome\":\"done\",\"observed\":false,"
                                  "\"guest\":\"g\",\"colour\":\"blue\",\"more\":{\"deep\":[1]},"
                                  "\"fields\":[{\"name\":\"a\",\"value\":\"b\",\"layer\":\"c\",\"line\":4}]}");

    g_assert_nonnull(entry);
    g_assert_cmpstr(entry->guest, ==, "g");
    g_assert_cmpuint(entry->fields->len, ==, 1);
}

/* However long and odd the texts are, the entry fits its file. */
static void
testBounded(void)
{
    g_autoptr(convergeHistoryEntry) entry = fullEntry();
    g_autofree char *text = NULL;
    g_autoptr(convergeHistoryEntry) again = NULL;
    char **texts[] = { &entry->guest, &entry->uuid, &entry->from, &entry->to, &entry->policy,
                       &entry->reason, &entry->fallback, &entry->error, &entry->trouble,
                       &entry->journal, &entry->plan };
    g_autofree char *odd = g_strnfill(1024 * 1024, '\x01');
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_free(*texts[i]);
        *texts[i] = g_strdup(odd);
    }
    for (i = 0; i < 1000; i++)
        convergeHistoryEntryAddField(entry, "name-of-a-field", "1234567890123456789012", "built-in");
    text = convergeHistoryEntryFormat(entry);
    g_assert_cmpuint(strlen(text), <=, CONVERGE_HISTORY_BYTES);

    /* Characters are never cut in half. */
    g_free(entry->error);
    entry->error = g_strdup_printf("%0*d\xc3\xa4\xc3\xa4", CONVERGE_HISTORY_TEXT - 1, 0);
    g_free(text);
    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i] != &entry->error)
            g_clear_pointer(texts[i], g_free);
    }
    text = convergeHistoryEntryFormat(entry);
    again = convergeHistoryEntryParse(text);
    g_assert_nonnull(again);
    g_assert_cmpuint(strlen(again->error), ==, CONVERGE_HISTORY_TEXT - 1);
    g_assert_cmpuint(again->fields->len, ==, CONVERGE_HISTORY_FIELDS);
}

static void
testAdd(fixture *f,
        gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) none = load(f, 0);
    g_autoptr(convergeHistoryEntry) entry = convergeHistoryEntryNew();
    g_autoptr(GPtrArray) entries = NULL;
    g_autoptr(GError) error = NULL;
    struct stat st;

    g_assert_cmpuint(none->len, ==, 0);
    addNamed(f, "first", 10);
    g_assert_true(convergeHistoryAdd(f->dir, entry, 10, &error));
    g_assert_cmpint(entry->id, ==, 2);
    g_assert_cmpint(entry->writerPid, ==, getpid());

    entry->outcome = CONVERGE_OUTCOME_FAILED;
    entry->guest = g_strdup("second");
    g_assert_true(convergeHistoryReplace(f->dir, entry, &error));

    entries = load(f, 0);
    g_assert_cmpuint(entries->len, ==, 2);
    g_assert_cmpstr(at(entries, 0)->guest, ==, "first");
    g_assert_cmpint(at(entries, 1)->id, ==, 2);
    g_assert_cmpint(at(entries, 1)->outcome, ==, CONVERGE_OUTCOME_FAILED);
    g_assert_cmpint(stat(f->dir, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 0777, ==, 0700);
}

static void
testMost(fixture *f,
         gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) entries = NULL;
    int i;

    for (i = 1; i <= 12; i++) {
        g_autofree char *name = g_strdup_printf("guest%d", i);

        addNamed(f, name, 5);
    }
    entries = load(f, 0);
    g_assert_cmpuint(entries->len, ==, 5);
    g_assert_cmpint(at(entries, 0)->id, ==, 8);
    g_assert_cmpstr(at(entries, 4)->guest, ==, "guest12");
}

/* Damaged files are skipped and counted; files of others are not looked at. */
static void
testDamaged(fixture *f,
            gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *large = g_strnfill(4 * 1024 * 1024, ' ');
    g_autofree char *valid = NULL;
    g_autofree char *path = g_build_filename(f->dir, "6.json", NULL);
    g_autofree char *target = g_build_filename(f->dir, "1.json", NULL);
    g_autoptr(GPtrArray) entries = NULL;

    addNamed(f, "first", 10);
    g_assert_true(g_file_get_contents(target, &valid, NULL, NULL));
    memcpy(large, valid, strlen(valid));
    put(f, "2.json", "{\"version\":1,\"id\":2,\"outc");
    put(f, "3.json", large);
    put(f, "4.json", "");
    put(f, "5.json", valid);
    g_assert_cmpint(symlink(target, path), ==, 0);
    put(f, "07.json", "nobody's");
    put(f, "readme", "nobody's");
    put(f, "9223372036854775807.json", "nobody's");

    entries = load(f, 4);
    g_assert_cmpuint(entries->len, ==, 2);
    g_assert_cmpint(at(entries, 1)->id, ==, 5);

    addNamed(f, "next", 10);
    g_clear_pointer(&entries, g_ptr_array_unref);
    entries = load(f, 4);
    g_assert_cmpint(at(entries, 2)->id, ==, 7);
}

static void
testUnwritable(fixture *f,
               gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(convergeHistoryEntry) entry = convergeHistoryEntryNew();
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) unreadable = NULL;
    guint skipped;

    /* Where the directory should be, there is a file. */
    filesPut(f->dir, "");
    g_assert_false(convergeHistoryAdd(f->dir, entry, 10, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_nonnull(strstr(error->message, f->dir));
    g_assert_null(convergeHistoryLoad(f->dir, &skipped, &unreadable));
    g_assert_error(unreadable, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_nonnull(strstr(unreadable->message, f->dir));
}

/* What cannot be written leaves no empty file behind. */
static void
testTooLong(fixture *f,
            gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(convergeHistoryEntry) entry = fullEntry();
    g_autoptr(GPtrArray) entries = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *odd = g_strnfill(CONVERGE_HISTORY_TEXT, '\x01');
    gsize i;

    for (i = 0; i < CONVERGE_HISTORY_FIELDS; i++)
        convergeHistoryEntryAddField(entry, odd, odd, odd);
    g_assert_false(convergeHistoryAdd(f->dir, entry, 10, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    entries = load(f, 0);
    g_assert_cmpuint(entries->len, ==, 0);
}

static void
testOthersMayWrite(fixture *f,
                   gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    guint skipped;

    addNamed(f, "first", 10);
    g_assert_cmpint(g_chmod(f->dir, 0777), ==, 0);
    g_assert_null(convergeHistoryLoad(f->dir, &skipped, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
}

#define WRITERS 4
#define EACH 25

/* g_test assertions are not for threads. */
static gpointer
writeMany(gpointer dir)
{
    int i;

    for (i = 0; i < EACH; i++) {
        g_autoptr(convergeHistoryEntry) entry = convergeHistoryEntryNew();

        entry->outcome = CONVERGE_OUTCOME_DONE;
        entry->guest = g_strdup("guest");
        if (!convergeHistoryAdd(dir, entry, 1000, NULL))
            return GINT_TO_POINTER(1);
    }
    return NULL;
}

static void
testWriters(fixture *f,
            gconstpointer data G_GNUC_UNUSED)
{
    GThread *threads[WRITERS];
    g_autoptr(GPtrArray) entries = NULL;
    int i;

    for (i = 0; i < WRITERS; i++)
        threads[i] = g_thread_new("writer", writeMany, f->dir);
    for (i = 0; i < WRITERS; i++)
        g_assert_null(g_thread_join(threads[i]));

    entries = load(f, 0);
    g_assert_cmpuint(entries->len, ==, WRITERS * EACH);
    g_assert_cmpint(at(entries, WRITERS * EACH - 1)->id, ==, WRITERS * EACH);
}

static void
testInterrupted(fixture *f,
                gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(convergeHistoryEntry) mine = convergeHistoryEntryNew();
    g_autoptr(convergeHistoryEntry) killed = convergeHistoryEntryNew();
    g_autoptr(convergeHistoryEntry) recycled = convergeHistoryEntryNew();
    g_autoptr(GPtrArray) entries = NULL;

    g_assert_true(convergeHistoryAdd(f->dir, mine, 10, NULL));
    g_assert_true(convergeHistoryAdd(f->dir, killed, 10, NULL));
    killed->writerPid = G_MAXINT32;
    g_assert_true(convergeHistoryReplace(f->dir, killed, NULL));
    /* Another process has got the PID. */
    g_assert_true(convergeHistoryAdd(f->dir, recycled, 10, NULL));
    recycled->writerStart--;
    g_assert_true(convergeHistoryReplace(f->dir, recycled, NULL));

    convergeHistoryCloseInterrupted(f->dir);
    entries = load(f, 0);
    g_assert_cmpint(at(entries, 0)->outcome, ==, CONVERGE_OUTCOME_RUNNING);
    g_assert_cmpint(at(entries, 0)->endMs, ==, CONVERGE_HISTORY_UNKNOWN);
    g_assert_cmpint(at(entries, 1)->outcome, ==, CONVERGE_OUTCOME_INTERRUPTED);
    g_assert_cmpint(at(entries, 1)->endMs, >, 0);
    g_assert_cmpint(at(entries, 2)->outcome, ==, CONVERGE_OUTCOME_INTERRUPTED);
}

#define ADD(name, test) g_test_add("/history/" name, fixture, NULL, setUp, test, tearDown)

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/history/round-trip", testRoundTrip);
    g_test_add_func("/history/unknown", testUnknown);
    g_test_add_func("/history/cut-off", testCutOff);
    g_test_add_func("/history/wrong", testWrong);
    g_test_add_func("/history/newer", testNewer);
    g_test_add_func("/history/bounded", testBounded);
    ADD("add", testAdd);
    ADD("most", testMost);
    ADD("damaged", testDamaged);
    ADD("unwritable", testUnwritable);
    ADD("too-long", testTooLong);
    ADD("others-may-write", testOthersMayWrite);
    ADD("two-writers", testWriters);
    ADD("interrupted", testInterrupted);
    return g_test_run();
}
