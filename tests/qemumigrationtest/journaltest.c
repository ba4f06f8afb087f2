/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journaltest.c: the journal, on disks that are slow, full or missing
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/journal.h"
#include "engine/journal_file.h"

/* The disk of a journal: it may hang, or have room for only so many bytes. */
static struct {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    gboolean hangs;
    gsize room;
    guint waiting;
} disk = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, FALSE, G_MAXSIZE, 0 };

static gboolean
isJournalThread(void)
{
    char name[16] = "";

    return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 &&
        g_str_equal(name, "converge-log");
}

/* Replaces the C library's function in this program. */
ssize_t
write(int fd,
      const void *data,
      size_t length)
{
    if (isJournalThread()) {
        pthread_mutex_lock(&disk.lock);
        disk.waiting++;
        pthread_cond_broadcast(&disk.changed);
        while (disk.hangs)
            pthread_cond_wait(&disk.changed, &disk.lock);
        disk.waiting--;
        length = MIN(length, disk.room);
        if (disk.room != G_MAXSIZE)
            disk.room -= length;
        pthread_mutex_unlock(&disk.lock);
        if (length == 0) {
            errno = ENOSPC;
            return -1;
        }
    }
    return syscall(SYS_write, fd, data, length);
}

static void
setDisk(gboolean hangs,
        gsize room)
{
    pthread_mutex_lock(&disk.lock);
    disk.hangs = hangs;
    disk.room = room;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static void
awaitHanging(void)
{
    pthread_mutex_lock(&disk.lock);
    while (disk.waiting == 0)
        pthread_cond_wait(&disk.changed, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
}

static convergeJournal *
openJournal(const char *dir,
            const char *guest)
{
    g_autoptr(GError) error = NULL;
    convergeJournal *journal = convergeJournalOpen(dir, guest, &error);

    g_assert_no_error(error);
    g_assert_nonnull(journal);
    return journal;
}

/* Asserts why the journal has ended, which is reported once. */
static void
assertTrouble(convergeJournal *journal,
              const char *part)
{
    g_autofree char *trouble = convergeJournalTrouble(journal);

    g_assert_nonnull(trouble);
    g_assert_nonnull(strstr(trouble, part));
    g_assert_nonnull(strstr(trouble, convergeJournalPath(journal)));
    g_assert_null(convergeJournalTrouble(journal));
}

static void
removeDir(const char *dir)
{
    g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
    const char *name;

    while (handle && (name = g_dir_read_name(handle))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        g_unlink(path);
    }
    g_rmdir(dir);
}

static guint
countFiles(const char *dir)
{
    g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
    guint count = 0;

    while (handle && g_dir_read_name(handle))
        count++;
    return count;
}

static void
testLines(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autofree char *below = g_build_filename(dir, "a", "b", NULL);
    g_autoptr(convergeJournal) journal = convergeJournalOpen(below, "../we\"ird\nname/", NULL);
    convergeModel model = { .bandwidth = 1e8, .guest = { 1e8, 2e8, 1 } };
    convergeDecision decision = { .verb = CONVERGE_VERB_THROTTLE, .throttle = 90, .reason = CONVERGE_REASON_HELPS };
    g_autofree char *text = NULL;
    g_autofree char *parent = g_build_filename(dir, "a", NULL);
    g_autofree char *name = NULL;
    g_auto(GStrv) lines = NULL;
    gsize i;
    guint n;

    g_assert_nonnull(journal);
    name = g_path_get_dirname(convergeJournalPath(journal));
    g_assert_cmpstr(name, ==, below);

    convergeJournalStart(journal, "guest \"quoted\"\n", "uuid", "adaptive", "daemon");
    convergeJournalSample(journal, &model, CONVERGE_NEWS_SYNC);
    convergeJournalDecision(journal, &model, &decision, "because", NULL);
    convergeJournalEnd(journal, &model, "done", 1234, NULL);
    convergeJournalWait(journal);
    g_assert_null(convergeJournalTrouble(journal));

    /* Every line is one JSON object with version, type and time. */
    g_assert_true(g_file_get_contents(convergeJournalPath(journal), &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    n = g_strv_length(lines);
    g_assert_cmpuint(n, ==, 5);
    for (i = 0; i < n - 1; i++) {
        g_autoptr(JsonNode) node = json_from_string(lines[i], NULL);
        JsonObject *line;

        g_assert_nonnull(node);
        line = json_node_get_object(node);
        g_assert_cmpint(json_object_get_int_member(line, "v"), ==, CONVERGE_JOURNAL_VERSION);
        g_assert_true(json_object_has_member(line, "type"));
        g_assert_true(json_object_has_member(line, "t"));
    }

    removeDir(below);
    removeDir(parent);
    removeDir(dir);
}

/* A migration that never ends does not fill the disk, and its last line is kept. */
static void
testBounded(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autoptr(convergeJournal) journal = convergeJournalOpen(dir, "guest", NULL);
    convergeModel model = { .bandwidth = 1e8, .guest = { 1e8, 2e8, 1 } };
    g_autofree char *text = NULL;
    gsize length;
    int i;

    for (i = 0; i < 40000; i++)
        convergeJournalSample(journal, &model, CONVERGE_NEWS_SYNC);
    convergeJournalEnd(journal, &model, "done", 1234, NULL);
    convergeJournalWait(journal);
    g_assert_null(convergeJournalTrouble(journal));

    g_assert_true(g_file_get_contents(convergeJournalPath(journal), &text, &length, NULL));
    g_assert_cmpuint(length, <=, CONVERGE_JOURNAL_BYTES);
    g_assert_cmpuint(length, >, CONVERGE_JOURNAL_BYTES / 2);
    g_assert_nonnull(g_strrstr(text, "\"type\":\"end\""));
    removeDir(dir);
}

static void
testNumber(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autofree char *other = g_build_filename(dir, "keep.txt", NULL);
    g_autofree char *first = NULL;
    int i;

    g_assert_true(g_file_set_contents(other, "of another program", -1, NULL));
    for (i = 0; i < CONVERGE_JOURNAL_FILES + 20; i++) {
        /* The names sort in the opposite order of age. */
        g_autofree char *guest = g_strdup_printf("guest%03d", 999 - i);
        g_autoptr(convergeJournal) journal = convergeJournalOpen(dir, guest, NULL);

        g_assert_nonnull(journal);
        if (i == 0)
            first = g_strdup(convergeJournalPath(journal));
    }
    g_assert_cmpuint(countFiles(dir), ==, CONVERGE_JOURNAL_FILES + 1);
    g_assert_false(g_file_test(first, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(other, G_FILE_TEST_EXISTS));
    removeDir(dir);
}

static void
testUnwritable(void)
{
    convergeModel model = { 0 };
    g_autoptr(convergeJournal) journal = openJournal("/proc/nowhere", "guest");

    convergeJournalEnd(journal, &model, "done", 1, NULL);
    convergeJournalWait(journal);
    assertTrouble(journal, "cannot create the journal");
}

/* A link or special file in place of a directory or a journal is not followed, waited for or
 * removed. */
static void
testOthersFiles(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autofree char *real = g_build_filename(dir, "real", NULL);
    g_autofree char *link = g_build_filename(dir, "link", NULL);
    g_autofree char *pipe = g_build_filename(real, "a-20000101T000000.000000.jsonl", NULL);
    g_autofree char *linked = g_build_filename(real, "b-20000101T000000.000000.jsonl", NULL);
    g_autoptr(convergeJournal) astray = NULL;
    int i;

    g_assert_cmpint(g_mkdir(real, 0700), ==, 0);
    g_assert_cmpint(symlink(real, link), ==, 0);
    astray = openJournal(link, "guest");
    convergeJournalWait(astray);
    assertTrouble(astray, "cannot create the journal");

    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    g_assert_cmpint(symlink(link, linked), ==, 0);
    for (i = 0; i < CONVERGE_JOURNAL_FILES + 1; i++)
        convergeJournalClose(openJournal(real, "guest"));
    g_assert_cmpuint(countFiles(real), ==, CONVERGE_JOURNAL_FILES + 2);
    g_assert_true(g_file_test(pipe, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(linked, G_FILE_TEST_IS_SYMLINK));

    removeDir(real);
    removeDir(dir);
}

static void
assertMode(const char *path,
           mode_t mode)
{
    struct stat file;

    g_assert_cmpint(lstat(path, &file), ==, 0);
    g_assert_cmpuint(file.st_mode & 07777, ==, mode);
}

static void
testMode(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autofree char *below = g_build_filename(dir, "below", NULL);
    mode_t mask = umask(0);
    g_autoptr(convergeJournal) journal = openJournal(below, "guest");

    convergeJournalWait(journal);
    umask(mask);
    assertMode(below, 0700);
    assertMode(convergeJournalPath(journal), 0600);

    removeDir(below);
    removeDir(dir);
}

/* The journal of a running migration is kept, however many newer ones there are. */
static void
testRunning(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autofree char *path = NULL;
    convergeJournal *running = openJournal(dir, "running");
    int i;

    path = g_strdup(convergeJournalPath(running));
    convergeJournalWait(running);
    for (i = 0; i < CONVERGE_JOURNAL_FILES + 5; i++)
        convergeJournalClose(openJournal(dir, "guest"));
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_cmpuint(countFiles(dir), ==, CONVERGE_JOURNAL_FILES);

    convergeJournalClose(running);
    convergeJournalClose(openJournal(dir, "guest"));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_cmpuint(countFiles(dir), ==, CONVERGE_JOURNAL_FILES);
    removeDir(dir);
}

static void
testNames(void)
{
    static const struct {
        const char *guest;
        const char *name; /* without the time */
    } rows[] = {
        { "guest", "guest" },
        { "Web_1.example", "Web_1.example" },
        { "web-1", "web_1" },
        { "..", "_." },
        { ".hidden", "_hidden" },
        { "../we\"ird\nname/", "_._we_ird_name_" },
        { "../we:ird:name/", "_._we_ird_name_" }, /* but not in the same file */
        { "Gerät Ω", "Gerät_Ω" },
        { "日本語", "日本語" },
        { "हिन्दी", "हिन्दी" },
        { "a\xff\xe2\x80\xae"
          "b",
          "a__b" },
    };
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeJournal) journal = openJournal(dir, rows[i].guest);
        g_autofree char *start = g_strconcat(rows[i].name, "-2", NULL);
        g_autofree char *base = g_path_get_basename(convergeJournalPath(journal));

        g_assert_cmpstr(convergeJournalName(journal), ==, base);
        g_assert_true(g_str_has_prefix(base, start));
        g_assert_true(g_str_has_suffix(base, ".jsonl"));
        convergeJournalWait(journal);
        g_assert_null(convergeJournalTrouble(journal));
        g_assert_true(g_file_test(convergeJournalPath(journal), G_FILE_TEST_IS_REGULAR));
    }

    for (i = 0; i < 4; i++) {
        /* The limit cuts no character, wherever it falls. */
        g_autoptr(GString) text = g_string_new_len("xxx", i);
        g_autoptr(convergeJournal) journal = NULL;

        while (text->len < 1000)
            g_string_append(text, "語");
        journal = openJournal(dir, text->str);
        g_assert_cmpuint(strlen(convergeJournalName(journal)), <, 255);
        g_assert_true(g_utf8_validate(convergeJournalName(journal), -1, NULL));
        convergeJournalWait(journal);
        g_assert_null(convergeJournalTrouble(journal));
    }
    removeDir(dir);
}

/* The writer of a journal does not wait for a disk that hangs. */
static void
testHanging(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    convergeModel model = { .bandwidth = 1e8, .guest = { 1e8, 2e8, 1 } };
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    convergeJournal *journal;

    setDisk(TRUE, G_MAXSIZE);
    journal = openJournal(dir, "guest");
    path = g_strdup(convergeJournalPath(journal));
    convergeJournalSample(journal, &model, CONVERGE_NEWS_SYNC);
    awaitHanging();
    convergeJournalEnd(journal, &model, "done", 1234, NULL);
    convergeJournalWait(journal);
    assertTrouble(journal, "does not answer");
    convergeJournalClose(journal);

    /* Queued lines are written later. */
    setDisk(FALSE, G_MAXSIZE);
    do {
        g_clear_pointer(&text, g_free);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_usleep(1000);
    } while (!strstr(text, "\"type\":\"end\""));
    g_assert_nonnull(strstr(text, "\"type\":\"sample\""));
    removeDir(dir);
}

static void
testQueueFull(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    convergeJournal *journal;
    int i;

    setDisk(TRUE, G_MAXSIZE);
    journal = openJournal(dir, "guest");
    path = g_strdup(convergeJournalPath(journal));
    convergeJournalThrottleMethod(journal, 0, "", "");
    awaitHanging();
    for (i = 0; i < CONVERGE_JOURNAL_QUEUE; i++)
        convergeJournalThrottleMethod(journal, 1, "", "");
    g_assert_null(convergeJournalTrouble(journal));
    convergeJournalThrottleMethod(journal, 2, "", "");
    assertTrouble(journal, "does not keep up");
    setDisk(FALSE, G_MAXSIZE);
    /* The journal has ended: lines after a gap are not written. */
    convergeJournalThrottleMethod(journal, 3, "", "");
    convergeJournalClose(journal);
    do {
        g_clear_pointer(&text, g_free);
        g_clear_pointer(&lines, g_strfreev);
        g_usleep(1000);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        lines = g_strsplit(text, "\n", -1);
    } while (g_strv_length(lines) < CONVERGE_JOURNAL_QUEUE + 2);
    g_assert_cmpuint(g_strv_length(lines), ==, CONVERGE_JOURNAL_QUEUE + 2);
    g_assert_null(strstr(text, "\"t\":2"));
    g_assert_null(strstr(text, "\"t\":3"));
    removeDir(dir);
}

/* There is room for only a part of the second line. */
static void
testDiskFull(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autoptr(convergeJournal) journal = openJournal(dir, "guest");
    g_autofree char *first = NULL;
    g_autofree char *text = NULL;

    convergeJournalThrottleMethod(journal, 1, "", "");
    convergeJournalWait(journal);
    g_assert_true(g_file_get_contents(convergeJournalPath(journal), &first, NULL, NULL));

    setDisk(FALSE, 10);
    convergeJournalThrottleMethod(journal, 2, "", "");
    convergeJournalThrottleMethod(journal, 3, "", "");
    convergeJournalWait(journal);
    assertTrouble(journal, g_strerror(ENOSPC));

    setDisk(FALSE, G_MAXSIZE);
    convergeJournalThrottleMethod(journal, 4, "", "");
    g_assert_null(convergeJournalTrouble(journal));
    g_assert_true(g_file_get_contents(convergeJournalPath(journal), &text, NULL, NULL));
    g_assert_cmpstr(text, ==, first);
    removeDir(dir);
}

/* Text in a journal is always valid UTF-8, since readers decode it. */
static void
testInvalid(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autoptr(convergeJournal) journal = openJournal(dir, "guest");
    g_autofree char *text = NULL;

    convergeJournalStart(journal, "a\xff", "uuid", "adaptive", "daemon");
    convergeJournalWait(journal);
    g_assert_true(g_file_get_contents(convergeJournalPath(journal), &text, NULL, NULL));
    g_assert_true(g_utf8_validate(text, -1, NULL));
    removeDir(dir);
}

static guint
countLines(const convergeJournal *journal,
           const char *part)
{
    g_autofree char *text = NULL;
    const char *at;
    guint count = 0;

    g_assert_true(g_file_get_contents(convergeJournalPath(journal), &text, NULL, NULL));
    for (at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

/* When samples have filled a journal there is room for decisions, and when those have, for
 * the end. */
static void
testRoomForDecisionsAndEnd(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autoptr(convergeJournal) journal = openJournal(dir, "guest");
    convergeModel model = { .bandwidth = 1e8, .guest = { 1e8, 2e8, 1 } };
    convergeDecision decision = { .verb = CONVERGE_VERB_HOLD, .reason = CONVERGE_REASON_CONVERGES };
    g_autofree char *text = g_strnfill(1000, 'x');
    struct stat file;
    int i;

    for (i = 0; i < 20000; i++) {
        convergeJournalSample(journal, &model, CONVERGE_NEWS_SYNC);
        if (i % 1000 == 0)
            convergeJournalWait(journal);
    }
    for (i = 0; i < 100; i++)
        convergeJournalDecision(journal, &model, &decision, text, NULL);
    convergeJournalWait(journal);
    g_assert_cmpuint(countLines(journal, "\"type\":\"decision\""), ==, 100);

    for (i = 0; i < 1000; i++)
        convergeJournalDecision(journal, &model, &decision, text, NULL);
    convergeJournalEnd(journal, &model, "done", 1234, text);
    convergeJournalWait(journal);
    g_assert_cmpuint(countLines(journal, "\"type\":\"end\""), ==, 1);
    g_assert_cmpint(stat(convergeJournalPath(journal), &file), ==, 0);
    g_assert_cmpint(file.st_size, <=, CONVERGE_JOURNAL_BYTES);
    removeDir(dir);
}

/* Samples tell of the same probe until the next one: it is noted with the first of them. */
static void
testProbeIsNotedOnce(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    g_autoptr(convergeJournal) journal = openJournal(dir, "guest");
    convergeModel model = { .last = { .probeId = 1, .probeMs = 1000, .probeBps = 1 } };
    int i;

    for (i = 0; i < 3; i++)
        convergeJournalSample(journal, &model, CONVERGE_NEWS_NONE);
    model.last.probeId = 2;
    for (i = 0; i < 3; i++)
        convergeJournalSample(journal, &model, CONVERGE_NEWS_NONE);
    convergeJournalWait(journal);
    g_assert_cmpuint(countLines(journal, "\"probe\":1,"), ==, 1);
    g_assert_cmpuint(countLines(journal, "\"probe\":2,"), ==, 1);
    removeDir(dir);
}

/* What ended a journal first is what matters, whatever fails thereafter. */
static void
testFirstTroubleIsTold(void)
{
    g_autofree char *dir = g_dir_make_tmp("converge-XXXXXX", NULL);
    convergeJournal *journal;
    int i;

    setDisk(TRUE, G_MAXSIZE);
    journal = openJournal(dir, "guest");
    convergeJournalThrottleMethod(journal, 0, "", "");
    awaitHanging();
    for (i = 0; i < CONVERGE_JOURNAL_QUEUE + 1; i++)
        convergeJournalThrottleMethod(journal, 1, "", "");
    /* It has ended; but what is queued fails now. */
    setDisk(FALSE, 10);
    while (TRUE) {
        gsize room;

        pthread_mutex_lock(&disk.lock);
        room = disk.room;
        pthread_mutex_unlock(&disk.lock);
        if (room == 0)
            break;
        g_usleep(1000);
    }
    g_usleep(10 * 1000); /* a moment for the thread to tell of it, right or wrong */
    assertTrouble(journal, "does not keep up");
    setDisk(FALSE, G_MAXSIZE);
    convergeJournalClose(journal);
    removeDir(dir);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/journal/lines", testLines);
    g_test_add_func("/journal/bounded", testBounded);
    g_test_add_func("/journal/number", testNumber);
    g_test_add_func("/journal/unwritable", testUnwritable);
    g_test_add_func("/journal/others-files", testOthersFiles);
    g_test_add_func("/journal/mode", testMode);
    g_test_add_func("/journal/running", testRunning);
    g_test_add_func("/journal/names", testNames);
    g_test_add_func("/journal/hanging", testHanging);
    g_test_add_func("/journal/queue-full", testQueueFull);
    g_test_add_func("/journal/disk-full", testDiskFull);
    g_test_add_func("/journal/invalid", testInvalid);
    g_test_add_func("/journal/room-for-decisions-and-end", testRoomForDecisionsAndEnd);
    g_test_add_func("/journal/probe-is-noted-once", testProbeIsNotedOnce);
    g_test_add_func("/journal/first-trouble-is-told", testFirstTroubleIsTold);

    return g_test_run();
}
