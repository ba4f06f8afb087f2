/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undotest.c: virt-converge-undo, on records of a process that has died
 *
 * The program's libvirt calls are defined here: a host with one QEMU that has a single migration
 * parameter.
 */
#include <glib/gstdio.h>
#include <libvirt/libvirt-qemu.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"
#include "undo.h"
#include "undo/undo_file.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define OTHER "1d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

/* --- libvirt --- */

static struct {
    gboolean refusesConnection;
    gboolean migrating;
    gint64 downtime;
    guint calls;
    const char *restored; /* a file with a quota that has gone back before any connection; or NULL */
} libvirt;

static int place; /* what the handles point to */

virConnectPtr
virConnectOpen(const char *uri)
{
    libvirt.calls++;
    g_assert_cmpstr(uri, ==, "qemu:///system");
    if (libvirt.restored)
        filesAssert(libvirt.restored, "max 100000");
    return libvirt.refusesConnection ? NULL : (virConnectPtr)&place;
}

int
virConnectClose(virConnectPtr connection G_GNUC_UNUSED)
{
    return 0;
}

virDomainPtr
virDomainLookupByUUIDString(virConnectPtr connection G_GNUC_UNUSED,
                            const char *uuid)
{
    libvirt.calls++;
    return g_str_equal(uuid, UUID) ? (virDomainPtr)&place : NULL;
}

int
virDomainFree(virDomainPtr domain G_GNUC_UNUSED)
{
    return 0;
}

int
virDomainQemuMonitorCommand(virDomainPtr domain G_GNUC_UNUSED,
                            const char *cmd,
                            char **result,
                            unsigned int flags G_GNUC_UNUSED)
{
    libvirt.calls++;
    if (strstr(cmd, "query-migrate-parameters")) {
        g_autofree char *reply = g_strdup_printf("{\"return\":{\"downtime-limit\":%d}}",
                                                 (int)libvirt.downtime);

        *result = strdup(reply);
    } else if (strstr(cmd, "query-migrate")) {
        *result = strdup(libvirt.migrating ? "{\"return\":{\"status\":\"active\"}}" : "{\"return\":{}}");
    } else {
        g_assert_nonnull(strstr(cmd, "\"downtime-limit\":300"));
        libvirt.downtime = 300;
        *result = strdup("{\"return\":{}}");
    }
    return 0;
}

/* --- The host --- */

typedef struct _host host;
struct _host {
    char *top;
    char *dir;    /* of the records */
    char *group;  /* of a vCPU */
    char *max;    /* its file */
    char *output; /* the file with the program's output */
    char *said;   /* its content */
    pid_t qemu;
    gboolean limited; /* records have dirty limits, and nothing else */
};

static void
killQemu(host *h)
{
    if (h->qemu <= 0)
        return;
    g_assert_cmpint(kill(h->qemu, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(h->qemu, NULL, 0), ==, h->qemu);
    h->qemu = 0;
}

static void
hostClear(host *h)
{
    killQemu(h);
    filesRemove(h->top);
    g_free(h->top);
    g_free(h->dir);
    g_free(h->group);
    g_free(h->max);
    g_free(h->output);
    g_free(h->said);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(host, hostClear)

static gboolean
hasRecord(const host *h,
          const char *uuid)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(h->dir, uuid);

    return record != NULL;
}

static void
keep(convergeUndoRecord *record,
     const char *member,
     const char *text)
{
    g_autoptr(JsonNode) value = json_from_string(text, NULL);

    convergeUndoRecordKeep(record, member, value);
}

/* The record of a guest that is throttled, and has another downtime. */
static void
writeRecord(const host *h,
            const char *uuid,
            const char *name)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordNew(h->dir, uuid, name, h->qemu, NULL);
    g_autofree char *text = g_strdup_printf("[{\"directory\":\"%s\",\"unified\":true,\"quota-us\":-1,"
                                            "\"period-us\":100000,\"cap-us\":1000000}]",
                                            h->group);

    if (h->limited) {
        keep(record, "dirty-limits", "[{\"cpu-index\":0,\"rate\":9},{\"cpu-index\":1,\"rate\":9}]");
    } else {
        keep(record, "groups", text);
        keep(record, "parameters", "[{\"name\":\"downtime-limit\",\"original\":300,\"written\":[50]}]");
    }
    g_assert_true(convergeUndoFileSave(record, NULL));
}

static void
writeDeadRecord(const host *h,
                const char *uuid,
                const char *name)
{
    pid_t writer = fork();
    int status;

    g_assert_cmpint(writer, >=, 0);
    if (writer == 0) {
        writeRecord(h, uuid, name);
        _exit(0);
    }
    g_assert_cmpint(waitpid(writer, &status, 0), ==, writer);
    g_assert_cmpint(status, ==, 0);
}

static void
hostInit(host *h)
{
    const pid_t test = getpid();

    h->top = filesNewDir();
    h->dir = g_build_filename(h->top, "run", NULL);
    h->group = g_build_filename(h->top, "vcpu0", NULL);
    h->max = g_build_filename(h->group, "cpu.max", NULL);
    h->output = g_build_filename(h->top, "output", NULL);
    filesPut(h->max, "1000 100000");
    h->qemu = fork();
    g_assert_cmpint(h->qemu, >=, 0);
    if (h->qemu == 0) {
        /* A test that fails leaves no process behind. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == test)
            pause();
        _exit(0);
    }
    memset(&libvirt, 0, sizeof(libvirt));
    libvirt.downtime = 50;
}

/* Runs the program on the records of @h with further arguments, up to NULL; its output goes to
 * h->said. */
static int
undo(host *h,
     const char *first,
     ...)
{
    char *argv[8] = { (char *)"virt-converge-undo", (char *)"--directory", h->dir };
    int argc = 3;
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);
    const char *arg;
    va_list args;
    int status;

    va_start(args, first);
    for (arg = first; arg && argc < 7; arg = va_arg(args, const char *))
        argv[argc++] = (char *)arg;
    va_end(args);

    fflush(stdout);
    g_assert_nonnull(freopen(h->output, "w", stdout));
    g_assert_cmpint(dup2(STDOUT_FILENO, STDERR_FILENO), >=, 0);
    status = convergeUndoMain(argc, argv);
    fflush(stdout);
    g_assert_cmpint(dup2(out, STDOUT_FILENO), >=, 0);
    g_assert_cmpint(dup2(err, STDERR_FILENO), >=, 0);
    close(out);
    close(err);

    g_clear_pointer(&h->said, g_free);
    g_assert_true(g_file_get_contents(h->output, &h->said, NULL, NULL));
    g_test_message("%s", h->said);
    return status;
}

/* --- Tests --- */

static void
testFilesAlone(void)
{
    g_auto(host) h = { 0 };

    hostInit(&h);
    g_assert_cmpint(undo(&h, NULL), ==, CONVERGE_UNDO_OK);
    g_assert_cmpstr(h.said, ==, "");

    writeDeadRecord(&h, UUID, "busy");
    g_assert_cmpint(undo(&h, NULL), ==, CONVERGE_UNDO_OK);
    filesAssert(h.max, "max 100000");
    g_assert_nonnull(strstr(h.said, "busy"));
    g_assert_true(hasRecord(&h, UUID));
    g_assert_cmpuint(libvirt.calls, ==, 0);

    filesPut(h.max, "strange");
    g_assert_cmpint(undo(&h, NULL), ==, CONVERGE_UNDO_FAILED);
    g_assert_nonnull(strstr(h.said, "busy: "));
}

static void
testConnect(void)
{
    g_auto(host) h = { 0 };

    hostInit(&h);
    writeDeadRecord(&h, UUID, "busy");

    libvirt.migrating = TRUE;
    g_assert_cmpint(undo(&h, "--connect", "qemu:///system", NULL), ==, CONVERGE_UNDO_FAILED);
    filesAssert(h.max, "max 100000");
    g_assert_cmpint(libvirt.downtime, ==, 50);
    g_assert_true(hasRecord(&h, UUID));

    libvirt.migrating = FALSE;
    g_assert_cmpint(undo(&h, "--connect", "qemu:///system", NULL), ==, CONVERGE_UNDO_OK);
    g_assert_cmpint(libvirt.downtime, ==, 300);
    g_assert_false(hasRecord(&h, UUID));
}

/* A domain that libvirt does not know does not affect the others; without libvirt the quotas are
 * put back. */
static void
testConnectFails(void)
{
    g_auto(host) h = { 0 };

    hostInit(&h);
    writeDeadRecord(&h, OTHER, "unknown");
    writeDeadRecord(&h, UUID, "busy");

    libvirt.refusesConnection = TRUE;
    g_assert_cmpint(undo(&h, "--connect", "qemu:///system", NULL), ==, CONVERGE_UNDO_FAILED);
    g_assert_cmpuint(libvirt.calls, ==, 1);
    filesAssert(h.max, "max 100000");
    g_assert_true(hasRecord(&h, UUID));

    libvirt.refusesConnection = FALSE;
    g_assert_cmpint(undo(&h, "--connect", "qemu:///system", NULL), ==, CONVERGE_UNDO_FAILED);
    g_assert_nonnull(strstr(h.said, "unknown: "));
    g_assert_false(hasRecord(&h, UUID));
    g_assert_true(hasRecord(&h, OTHER));
}

/* A writer that still lives puts things back itself. */
static void
testWriterLives(void)
{
    g_auto(host) h = { 0 };

    hostInit(&h);
    writeRecord(&h, UUID, "busy");
    g_assert_cmpint(undo(&h, NULL), ==, CONVERGE_UNDO_OK);
    g_assert_nonnull(strstr(h.said, "busy"));
    g_assert_cmpint(undo(&h, "--connect", "qemu:///system", NULL), ==, CONVERGE_UNDO_OK);
    filesAssert(h.max, "1000 100000");
    g_assert_cmpint(libvirt.downtime, ==, 50);
    g_assert_true(hasRecord(&h, UUID));
}

/* If another QEMU has taken its place nothing is touched, and only with libvirt can the record be
 * found useless. */
static void
testQemuGone(void)
{
    g_auto(host) h = { 0 };

    hostInit(&h);
    writeDeadRecord(&h, UUID, "busy");
    killQemu(&h);
    g_assert_cmpint(undo(&h, NULL), ==, CONVERGE_UNDO_OK);
    g_assert_true(hasRecord(&h, UUID));
    g_assert_cmpint(undo(&h, "--connect", "qemu:///system", NULL), ==, CONVERGE_UNDO_OK);
    filesAssert(h.max, "1000 100000");
    g_assert_cmpint(libvirt.downtime, ==, 50);
    g_assert_false(hasRecord(&h, UUID));
}

static void
testList(void)
{
    g_auto(host) h = { 0 };

    hostInit(&h);
    writeDeadRecord(&h, UUID, "b\033[2Jusy\nbox");
    g_assert_cmpint(undo(&h, "--list", NULL), ==, CONVERGE_UNDO_OK);
    g_assert_true(g_str_has_prefix(h.said, UUID " b\\x1b[2Jusy\\x0abox: "));
    g_assert_nonnull(strstr(h.said, "to be restored: parameters of QEMU: 1, CPU quotas of vCPUs: 1\n"));
    g_assert_null(strchr(h.said, '\033'));
    g_assert_true(strchr(h.said, '\n') == h.said + strlen(h.said) - 1);

    h.limited = TRUE;
    writeDeadRecord(&h, UUID, "busy");
    g_assert_cmpint(undo(&h, "--list", NULL), ==, CONVERGE_UNDO_OK);
    g_assert_nonnull(strstr(h.said, "to be restored: dirty limits of vCPUs: 2\n"));
    g_assert_cmpint(undo(&h, NULL), ==, CONVERGE_UNDO_OK);
    g_assert_cmpstr(h.said, ==, "");

    writeRecord(&h, UUID, "busy");
    g_assert_cmpint(undo(&h, "--list", NULL), ==, CONVERGE_UNDO_OK);
    g_assert_nonnull(strstr(h.said, "is running"));

    killQemu(&h);
    h.qemu = getpid();
    writeDeadRecord(&h, OTHER, "other");
    h.qemu = 0;
    g_assert_cmpint(undo(&h, "--list", NULL), ==, CONVERGE_UNDO_OK);
    g_assert_nonnull(strstr(h.said, OTHER));
    filesAssert(h.max, "1000 100000");
    g_assert_cmpuint(libvirt.calls, ==, 0);
}

static void
testUsage(void)
{
    g_auto(host) h = { 0 };

    hostInit(&h);
    writeDeadRecord(&h, UUID, "busy");
    g_assert_cmpint(undo(&h, "--nonsense", NULL), ==, CONVERGE_UNDO_USAGE);
    g_assert_cmpint(undo(&h, "busy", NULL), ==, CONVERGE_UNDO_USAGE);
    g_assert_cmpint(undo(&h, "--connect", NULL), ==, CONVERGE_UNDO_USAGE);
    g_assert_cmpint(undo(&h, "--list", "--connect", "qemu:///system", NULL), ==, CONVERGE_UNDO_USAGE);
    filesAssert(h.max, "1000 100000");

    g_assert_cmpint(undo(&h, "--version", NULL), ==, CONVERGE_UNDO_OK);
    g_assert_cmpstr(h.said, ==, "virt-converge-undo " PACKAGE_VERSION "\n");
    filesAssert(h.max, "1000 100000");
}

/* A file that others could have written does not count as a record. */
static void
testForeign(void)
{
    g_auto(host) h = { 0 };
    g_autofree char *file = NULL;

    hostInit(&h);
    writeDeadRecord(&h, UUID, "busy");
    file = g_build_filename(h.dir, UUID ".json", NULL);
    g_assert_cmpint(g_chmod(file, 0666), ==, 0);
    g_assert_cmpint(undo(&h, "--connect", "qemu:///system", NULL), ==, CONVERGE_UNDO_OK);
    filesAssert(h.max, "1000 100000");
    g_assert_cmpint(libvirt.downtime, ==, 50);
}

/* libvirt may keep its client waiting: the quotas have gone back by then. */
static void
testQuotasFirst(void)
{
    g_auto(host) h = { 0 };

    hostInit(&h);
    writeDeadRecord(&h, UUID, "busy");
    libvirt.restored = h.max;
    g_assert_cmpint(undo(&h, "--connect", "qemu:///system", NULL), ==, CONVERGE_UNDO_OK);
    g_assert_cmpuint(libvirt.calls, >, 0);
    libvirt.restored = NULL;
}

int
main(int argc,
     char **argv)
{
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    g_test_add_func("/undo/files-alone", testFilesAlone);
    g_test_add_func("/undo/connect", testConnect);
    g_test_add_func("/undo/connect-fails", testConnectFails);
    g_test_add_func("/undo/writer-lives", testWriterLives);
    g_test_add_func("/undo/qemu-gone", testQemuGone);
    g_test_add_func("/undo/list", testList);
    g_test_add_func("/undo/usage", testUsage);
    g_test_add_func("/undo/foreign", testForeign);
    g_test_add_func("/undo/quotas-first", testQuotasFirst);
    return g_test_run();
}
