/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recoverytest.c: what a daemon puts back that another one has left, or that it leaves itself
 *
 * The libvirt calls, the log and the clock of the recovery are defined here.  A child process
 * stands for the QEMU of each guest.
 */
#include <fcntl.h>
#include <libvirt/libvirt-qemu.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakeqemu.h"
#include "files.h"
#include "module/libvirt_next.h"
#include "module/recovery.h"
#include "undo/undo_file.h"

#define THROTTLED "1000 100000"
#define ORIGINAL "max 100000"

/* --- What the recovery calls --- */

static struct {
    GMutex lock; /* guards all below */
    GCond changed;
    const char *hanging; /* a call about the guest of this UUID does not return; or NULL */
    gboolean hangs;      /* ...as one does now */
    gboolean diskHangs;
    guint refusals;       /* connections that are refused yet */
    guint opened, closed; /* connections */
    guint threads;        /* that the recovery has started */
    const char *unknown;  /* libvirt does not know this domain; or NULL */
    GString *log;
    char *uri; /* that was connected to last */
} calls;

static gint impatient; /* atomic: whatever waits for a time does not wait */

gint64
g_get_monotonic_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 -
        (g_atomic_int_get(&impatient) ? 60 * G_USEC_PER_SEC : 0);
}

/* Between two tries no time passes. */
void
g_usleep(gulong us G_GNUC_UNUSED)
{
    const struct timespec moment = { .tv_nsec = 1000000 };

    nanosleep(&moment, NULL);
}

GThread *
g_thread_try_new(const char *name,
                 GThreadFunc func,
                 gpointer data,
                 GError **error G_GNUC_UNUSED)
{
    if (g_str_equal(name, "converge-undo")) {
        g_mutex_lock(&calls.lock);
        calls.threads++;
        g_mutex_unlock(&calls.lock);
    }
    return g_thread_new(name, func, data);
}

int
lstat(const char *path,
      struct stat *st)
{
    g_mutex_lock(&calls.lock);
    while (calls.diskHangs)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
    return fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

void
convergeDaemonLog(const char *format,
                  ...)
{
    va_list args;

    g_mutex_lock(&calls.lock);
    va_start(args, format);
    g_string_append_vprintf(calls.log, format, args);
    va_end(args);
    g_string_append_c(calls.log, '\n');
    g_cond_broadcast(&calls.changed);
    g_mutex_unlock(&calls.lock);
}

static int connection; /* what a connection points to */

virConnectPtr
virConnectOpen(const char *uri)
{
    gboolean refused;

    g_mutex_lock(&calls.lock);
    g_free(calls.uri);
    calls.uri = g_strdup(uri);
    refused = calls.refusals > 0;
    if (refused)
        calls.refusals--;
    else
        calls.opened++;
    g_mutex_unlock(&calls.lock);
    return refused ? NULL : (virConnectPtr)&connection;
}

int
virConnectClose(virConnectPtr conn G_GNUC_UNUSED)
{
    g_mutex_lock(&calls.lock);
    calls.closed++;
    g_cond_broadcast(&calls.changed);
    g_mutex_unlock(&calls.lock);
    return 0;
}

/* A domain points to its UUID. */
virDomainPtr
virDomainLookupByUUIDString(virConnectPtr conn G_GNUC_UNUSED,
                            const char *uuid)
{
    return g_strcmp0(calls.unknown, uuid) == 0 ? NULL : (virDomainPtr)(void *)g_strdup(uuid);
}

int
virDomainFree(virDomainPtr dom)
{
    g_free(dom);
    return 0;
}

int
virDomainGetUUIDString(virDomainPtr dom,
                       char *buf)
{
    g_strlcpy(buf, (const char *)dom, VIR_UUID_STRING_BUFLEN);
    return 0;
}

int
virDomainQemuMonitorCommand(virDomainPtr dom,
                            const char *cmd,
                            char **result,
                            unsigned int flags)
{
    int ret;

    g_mutex_lock(&calls.lock);
    while (g_strcmp0(calls.hanging, (const char *)dom) == 0) {
        calls.hangs = TRUE;
        g_cond_broadcast(&calls.changed);
        g_cond_wait(&calls.changed, &calls.lock);
    }
    ret = fakeClient.qemuMonitorCommand(dom, cmd, result, flags);
    g_mutex_unlock(&calls.lock);
    return ret;
}

static void
setHanging(const char *uuid)
{
    g_mutex_lock(&calls.lock);
    calls.hanging = uuid;
    calls.hangs = FALSE;
    g_cond_broadcast(&calls.changed);
    g_mutex_unlock(&calls.lock);
}

static void
awaitHang(void)
{
    g_mutex_lock(&calls.lock);
    while (!calls.hangs)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
}

static void
awaitClosed(guint n)
{
    g_mutex_lock(&calls.lock);
    while (calls.closed < n)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
}

static void
awaitLog(const char *text)
{
    g_mutex_lock(&calls.lock);
    while (!strstr(calls.log->str, text))
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
}

/* --- The host --- */

static char *top;
static char *records;
static gboolean root;

typedef enum {
    OTHER_DIED,  /* a daemon that was killed */
    OTHER_LIVES, /* another process */
    SELF,
} writerKind;

typedef struct _guest guest;
struct _guest {
    const char *uuid;
    char *max; /* the file of its vCPU's quota */
    pid_t qemu;
    pid_t writer; /* 0: this process, or one that has died */
};

static void
kill1(pid_t *pid)
{
    if (*pid <= 0)
        return;
    g_assert_cmpint(kill(*pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(*pid, NULL, 0), ==, *pid);
    *pid = 0;
}

static void
guestClear(guest *g)
{
    g_autofree char *file = g_strdup_printf("%s/%s.json", records, g->uuid);

    kill1(&g->qemu);
    kill1(&g->writer);
    filesRemove(file);
    g_free(g->max);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(guest, guestClear)

static gboolean
hasRecord(const guest *g)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(records, g->uuid);

    return record != NULL;
}

static void
writeRecord(const guest *g)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordNew(records, g->uuid, g->uuid, g->qemu, NULL);
    g_autofree char *group = g_path_get_dirname(g->max);
    g_autofree char *text = g_strdup_printf("[{\"directory\":\"%s\",\"unified\":true,\"quota-us\":-1,"
                                            "\"period-us\":100000,\"cap-us\":1000000}]",
                                            group);
    g_autoptr(JsonNode) groups = json_from_string(text, NULL);
    g_autoptr(JsonNode) params =
        json_from_string("[{\"name\":\"cpu-throttle-initial\",\"original\":20,\"written\":[95]},"
                         "{\"name\":\"downtime-limit\",\"original\":300,\"written\":[50]}]",
                         NULL);

    g_assert_nonnull(record);
    convergeUndoRecordKeep(record, "groups", groups);
    convergeUndoRecordKeep(record, "parameters", params);
    g_assert_true(convergeUndoFileSave(record, NULL));
}

static pid_t
startChild(const guest *writes)
{
    const pid_t test = getpid();
    pid_t child = fork();

    g_assert_cmpint(child, >=, 0);
    if (child > 0)
        return child;

    /* A test that fails leaves no process behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (writes)
        writeRecord(writes);
    if (getppid() == test)
        pause();
    _exit(0);
}

/* A guest that is throttled in both ways, with a record of it. */
static void
guestInit(guest *g,
          const char *uuid,
          writerKind writer)
{
    *g = (guest) { .uuid = uuid };
    g->max = g_build_filename(top, uuid, "vcpu0", "cpu.max", NULL);
    filesPut(g->max, THROTTLED);
    g->qemu = startChild(NULL);
    if (writer == SELF) {
        writeRecord(g);
    } else {
        g->writer = startChild(g);
        while (!hasRecord(g))
            g_usleep(0);
        if (writer == OTHER_DIED)
            kill1(&g->writer);
    }

    qemu = fakeQemuPristine;
    fakeQemuSetParam(CONVERGE_PARAM_INITIAL, 95);
    fakeQemuSetParam(CONVERGE_PARAM_DOWNTIME, 50);
}

/* What is left of the throttle in QEMU. */
static void
assertParams(gint64 initial,
             gint64 downtime)
{
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, initial);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, downtime);
}

/* --- Before another migration --- */

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define OTHER "1d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define THIRD "2d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define FOURTH "3d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

static gboolean
recover(const char *uuid,
        gboolean callerThrottle,
        GError **error)
{
    return convergeRecoveryDomain((virDomainPtr)(void *)(char *)uuid, callerThrottle, error);
}

/* Nothing is left: nothing is asked. */
static void
testNoRecord(void)
{
    qemu = fakeQemuPristine;
    g_assert_true(recover(UUID, FALSE, NULL));
    g_assert_cmpuint(qemu.commands, ==, 0);
}

/* What a daemon has left that was killed, or this one that could not remove the record, is put
 * back.  What the caller of this migration has stated stays. */
static void
testDomain(void)
{
    static const writerKind writers[] = { OTHER_DIED, SELF };
    int stated;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(writers); i++) {
        for (stated = 0; stated < 2; stated++) {
            g_auto(guest) g = { NULL };
            g_autoptr(GError) error = NULL;

            guestInit(&g, UUID, writers[i]);
            g_assert_true(recover(UUID, stated != 0, &error));
            g_assert_no_error(error);
            filesAssert(g.max, ORIGINAL);
            assertParams(stated ? 95 : 20, 300);
            g_assert_false(hasRecord(&g));
        }
    }
}

/* A process that lives puts things back itself. */
static void
testWriterLives(void)
{
    g_auto(guest) g = { NULL };

    guestInit(&g, UUID, OTHER_LIVES);
    g_assert_true(recover(UUID, FALSE, NULL));
    filesAssert(g.max, THROTTLED);
    assertParams(95, 50);
    g_assert_true(hasRecord(&g));
}

/* Another QEMU has taken the place of the one that the record is about. */
static void
testQemuGone(void)
{
    g_auto(guest) g = { NULL };

    guestInit(&g, UUID, OTHER_DIED);
    kill1(&g.qemu);
    g_assert_true(recover(UUID, FALSE, NULL));
    filesAssert(g.max, THROTTLED);
    assertParams(95, 50);
    g_assert_false(hasRecord(&g));
}

/* A record stays until everything is as it was, and the next migration tries again. */
static void
testFails(void)
{
    g_auto(guest) g = { NULL };
    g_autoptr(GError) error = NULL;

    guestInit(&g, UUID, OTHER_DIED);
    qemu.refused = "downtime-limit";
    g_assert_false(recover(UUID, FALSE, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    filesAssert(g.max, ORIGINAL);
    assertParams(20, 50);
    g_assert_true(hasRecord(&g));

    qemu.refused = NULL;
    g_assert_true(recover(UUID, FALSE, NULL));
    assertParams(20, 300);
    g_assert_false(hasRecord(&g));
}

static gpointer
recoverInThread(gpointer uuid)
{
    return GINT_TO_POINTER(recover(uuid, FALSE, NULL));
}

/* One thread at a time deals with a guest.  Another one gives up after a time, or goes on as
 * soon as the first is done; other guests do not wait. */
static void
testOneAtATime(void)
{
    g_auto(guest) g = { NULL };
    g_auto(guest) other = { NULL };
    g_autoptr(GError) error = NULL;
    GThread *first, *second;

    guestInit(&g, UUID, OTHER_DIED);
    guestInit(&other, OTHER, OTHER_DIED);
    setHanging(UUID);
    first = g_thread_new("first", recoverInThread, (gpointer)UUID);
    awaitHang();

    g_atomic_int_set(&impatient, TRUE);
    g_assert_false(recover(UUID, FALSE, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    g_atomic_int_set(&impatient, FALSE);
    g_assert_true(recover(OTHER, FALSE, NULL));
    g_assert_false(hasRecord(&other));

    second = g_thread_new("second", recoverInThread, (gpointer)UUID);
    g_usleep(0);
    setHanging(NULL);
    g_assert_true(GPOINTER_TO_INT(g_thread_join(first)));
    g_assert_true(GPOINTER_TO_INT(g_thread_join(second)));
    g_assert_false(hasRecord(&g));
}

/* --- When the daemon ends --- */

/* The quotas of this daemon's guests go back, by files alone; the records stay. */
static void
testUnload(void)
{
    g_auto(guest) mine = { NULL };
    g_auto(guest) gone = { NULL };
    g_auto(guest) others = { NULL };
    g_auto(guest) left = { NULL };

    guestInit(&mine, UUID, SELF);
    guestInit(&gone, OTHER, SELF);
    kill1(&gone.qemu);
    guestInit(&others, THIRD, OTHER_LIVES);
    guestInit(&left, FOURTH, OTHER_DIED);

    convergeRecoveryUnload();
    filesAssert(mine.max, ORIGINAL);
    filesAssert(gone.max, THROTTLED);
    filesAssert(others.max, THROTTLED);
    filesAssert(left.max, THROTTLED);
    g_assert_true(hasRecord(&mine));
    g_assert_cmpuint(qemu.commands, ==, 0);
}

static void
setDiskHangs(gboolean hangs)
{
    g_mutex_lock(&calls.lock);
    calls.diskHangs = hangs;
    g_cond_broadcast(&calls.changed);
    g_mutex_unlock(&calls.lock);
}

/* The daemon ends, whether or not its disk answers; otherwise this test does not end. */
static void
testUnloadDiskHangs(void)
{
    g_auto(guest) g = { NULL };

    guestInit(&g, UUID, SELF);
    setDiskHangs(TRUE);
    g_atomic_int_set(&impatient, TRUE);
    convergeRecoveryUnload();
    g_atomic_int_set(&impatient, FALSE);
    setDiskHangs(FALSE);
}

/* --- When the daemon runs --- */

/* Each in a process of its own, since a daemon starts once. */
static void
testInChild(gconstpointer opaque)
{
    void (*const run)(void) = *(void (*const *)(void))opaque;
    pid_t daemon;
    int status;

    fflush(stdout);
    daemon = fork();
    g_assert_cmpint(daemon, >=, 0);
    if (daemon == 0) {
        run();
        if (root)
            g_assert_cmpint(seteuid(0), ==, 0);
        exit(0);
    }
    g_assert_cmpint(waitpid(daemon, &status, 0), ==, daemon);
    g_assert_cmpint(status, ==, 0);
}

/* A QEMU that does not answer holds up nothing but itself: not even its guest's quota, which
 * goes back by files. */
static void
runStart(void)
{
    g_auto(guest) hanging = { NULL };
    g_auto(guest) gone = { NULL };
    g_auto(guest) lives = { NULL };
    g_auto(guest) fine = { NULL };
    g_autofree char *uri = NULL;

    guestInit(&hanging, UUID, OTHER_DIED);
    guestInit(&gone, OTHER, OTHER_DIED);
    kill1(&gone.qemu);
    guestInit(&lives, THIRD, OTHER_LIVES);
    guestInit(&fine, FOURTH, OTHER_DIED);
    setHanging(UUID);

    convergeRecoveryLoad("libvirtd");
    convergeRecoveryStart();
    convergeRecoveryStart();
    g_assert_cmpuint(calls.threads, ==, 1);

    awaitClosed(2);
    awaitHang();
    filesAssert(hanging.max, ORIGINAL);
    g_assert_true(hasRecord(&hanging));
    filesAssert(fine.max, ORIGINAL);
    assertParams(20, 300);
    g_assert_false(hasRecord(&fine));
    filesAssert(gone.max, THROTTLED);
    g_assert_false(hasRecord(&gone));
    awaitLog(UUID ": waiting for QEMU");
    awaitLog(FOURTH ": restored after an interrupted migration: parameters of QEMU: 2, CPU quotas of vCPUs: 1");

    setHanging(NULL);
    awaitClosed(3);
    g_assert_false(hasRecord(&hanging));
    g_assert_cmpuint(calls.opened, ==, 3);
    filesAssert(lives.max, THROTTLED);
    g_assert_true(hasRecord(&lives));
    g_assert_null(strstr(calls.log->str, THIRD));

    uri = g_strdup_printf("qemu+unix:///session?socket=%s/libvirt/libvirt-sock", top);
    g_assert_cmpstr(calls.uri, ==, uri);
}

/* A daemon that does not accept clients yet is tried again, and a QEMU that has not ended the
 * migration, and a guest that another thread deals with. */
static void
runTriesAgain(void)
{
    g_auto(guest) g = { NULL };
    g_autofree char *uri = NULL;

    guestInit(&g, UUID, OTHER_DIED);
    calls.refusals = 3;
    qemu.refused = "query-migrate";
    setHanging(UUID);
    convergeRecoveryLoad("virtqemud");
    convergeRecoveryStart();
    awaitHang();
    setHanging(NULL);
    g_mutex_lock(&calls.lock);
    qemu.refused = NULL;
    g_mutex_unlock(&calls.lock);

    awaitClosed(1);
    assertParams(20, 300);
    g_assert_false(hasRecord(&g));
    uri = g_strdup_printf("qemu+unix:///session?socket=%s/libvirt/virtqemud-sock", top);
    g_assert_cmpstr(calls.uri, ==, uri);

    /* The guest is free for its next migration. */
    writeRecord(&g);
    g_assert_true(recover(UUID, FALSE, NULL));
    g_assert_false(hasRecord(&g));
}

/* A new migration of the guest has begun meanwhile, and has a record of its own. */
static void
runTakenOver(void)
{
    g_auto(guest) g = { NULL };

    guestInit(&g, UUID, OTHER_DIED);
    qemu.status = "active";
    setHanging(UUID);
    convergeRecoveryLoad("libvirtd");
    convergeRecoveryStart();
    awaitHang();
    writeRecord(&g);
    filesPut(g.max, THROTTLED);
    setHanging(NULL);

    awaitClosed(1);
    filesAssert(g.max, THROTTLED);
    assertParams(95, 50);
    g_assert_true(hasRecord(&g));
    g_assert_null(strstr(calls.log->str, "interrupted migration, "));
    g_assert_null(strstr(calls.log->str, "not everything"));
}

/* The thread gives up after a minute of tries, and logs it. */
static void
runGivesUp(void)
{
    g_auto(guest) g = { NULL };

    guestInit(&g, UUID, OTHER_DIED);
    calls.unknown = UUID;
    convergeRecoveryLoad("libvirtd");
    convergeRecoveryStart();
    awaitClosed(1);
    awaitLog(UUID ": not everything is restored after an interrupted migration: " UUID);
    filesAssert(g.max, ORIGINAL);
    assertParams(95, 50);
    g_assert_true(hasRecord(&g));
}

int
main(int argc,
     char **argv)
{
    static void (*const daemons[])(void) = { runStart, runTriesAgain, runTakenOver, runGivesUp };
    int status;

    root = geteuid() == 0;
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    calls.log = g_string_new(NULL);

    /* Root's records have one place: root becomes another user. */
    if (root)
        g_assert_cmpint(setresuid(65534, 65534, 0), ==, 0);
    top = filesNewDir();
    g_setenv("XDG_RUNTIME_DIR", top, TRUE);
    records = convergeUndoFileDefaultDir();
    g_assert_true(g_str_has_prefix(records, top));

    /* A process is forked while it has no other thread. */
    g_test_add_data_func("/recovery/start", &daemons[0], testInChild);
    g_test_add_data_func("/recovery/tries-again", &daemons[1], testInChild);
    g_test_add_data_func("/recovery/taken-over", &daemons[2], testInChild);
    g_test_add_data_func("/recovery/gives-up", &daemons[3], testInChild);
    g_test_add_func("/recovery/no-record", testNoRecord);
    g_test_add_func("/recovery/domain", testDomain);
    g_test_add_func("/recovery/writer-lives", testWriterLives);
    g_test_add_func("/recovery/qemu-gone", testQemuGone);
    g_test_add_func("/recovery/fails", testFails);
    g_test_add_func("/recovery/one-at-a-time", testOneAtATime);
    g_test_add_func("/recovery/unload", testUnload);
    g_test_add_func("/recovery/unload-disk-hangs", testUnloadDiskHangs);
    status = g_test_run();
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);

    filesRemove(top);
    g_free(top);
    g_free(records);
    g_free(calls.uri);
    g_string_free(calls.log, TRUE);
    return status;
}
