/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctortest.c: the checks of converge-doctor, on hosts that the test makes up
 *
 * What libvirt tells of a host comes from the functions below, which replace libvirt's own; guests
 * are that of its test driver.  Files and processes of the host are below a directory.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "doctor.h"
#include "files.h"
#include "qemu_migration_converge.h"
#include "undo/undo_file.h"
#include "util/json.h"

#define MODULE "/usr/lib/virt-converge/qemu_migration_converge.so"
#define DROP_IN "[Service]\nEnvironment=LD_PRELOAD=" MODULE "\n"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

/* --- The host that libvirt tells of --- */

static struct {
    const char *type;
    unsigned long libvirt, qemu;
    const char *module; /* NULL: not loaded */
    gboolean silent;    /* its guests tell nothing */
    int nSched;         /* parameters of the scheduler; -1: none has the controller */
    const char *xml;
} told;

const char *
virConnectGetType(virConnectPtr conn G_GNUC_UNUSED)
{
    return told.type;
}

int
virConnectGetLibVersion(virConnectPtr conn G_GNUC_UNUSED,
                        unsigned long *version)
{
    *version = told.libvirt;
    return 0;
}

int
virConnectGetVersion(virConnectPtr conn G_GNUC_UNUSED,
                     unsigned long *version)
{
    *version = told.qemu;
    return 0;
}

int
virDomainGetJobStats(virDomainPtr domain G_GNUC_UNUSED,
                     int *type,
                     virTypedParameterPtr *params,
                     int *nparams,
                     unsigned int flags)
{
    int most = 0;

    /* Without them a guest that does not run would be refused, and the result forgotten. */
    g_assert_cmpuint(flags, ==, VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED);
    *type = VIR_DOMAIN_JOB_NONE;
    *params = NULL;
    *nparams = 0;
    if (told.silent)
        return -1;
    if (told.module)
        virTypedParamsAddString(params, nparams, &most, QEMU_MIGRATION_CONVERGE_STAT_MODULE, told.module);
    return 0;
}

char *
virDomainGetSchedulerType(virDomainPtr domain G_GNUC_UNUSED,
                          int *nparams)
{
    if (told.nSched < 0)
        return NULL;
    *nparams = told.nSched;
    return strdup("posix");
}

char *
virDomainGetXMLDesc(virDomainPtr domain G_GNUC_UNUSED,
                    unsigned int flags G_GNUC_UNUSED)
{
    return strdup(told.xml);
}

/* --- The host's files --- */

static char *root;

static char *
pathOf(const char *path)
{
    return g_strconcat(root, path, NULL);
}

static void
put(const char *path,
    const char *text)
{
    g_autofree char *full = pathOf(path);

    filesPut(full, text);
}

static void
drop(const char *path)
{
    g_autofree char *full = pathOf(path);

    filesRemove(full);
}

static void
makeDir(const char *path)
{
    g_autofree char *full = pathOf(path);

    g_assert_cmpint(g_mkdir_with_parents(full, 0700), ==, 0);
}

/* A host on which nothing is wrong. */
static void
setUp(void)
{
    told = (__typeof__(told)) {
        .type = "QEMU",
        .libvirt = 9000000,
        .qemu = 8002000,
        .module = PACKAGE_VERSION,
        .nSched = 9,
        .xml = "<domain type='kvm'/>",
    };
    root = filesNewDir();
    put("/proc/7/comm", "libvirtd\n");
    put("/proc/7/maps", "7f00 r-xp " MODULE "\n7f01 r-xp /usr/lib/libc.so\n");
    put("/proc/8/comm", "sshd\n");
    put(MODULE, "");
    put("/usr/lib/systemd/system/libvirtd.service.d/virt-converge.conf", DROP_IN);
    put(LIBVIRT_CONF_DIR "/virt-converge.conf", "[default]\nmax-throttle = 80\n");
    makeDir(LIBVIRT_LOG_DIR "/converge");
    makeDir(LIBVIRT_RUN_DIR "/converge");
}

static void
tearDown(void)
{
    filesRemove(root);
    g_clear_pointer(&root, g_free);
}

/* --- Running --- */

static JsonNode *
run(virshDoctorSide side,
    gboolean here,
    guint *nErrors)
{
    virConnectPtr conn = virConnectOpen("test:///default");
    virshDoctorHost source = { .side = VIRSH_DOCTOR_SOURCE, .uri = "qemu:///system", .conn = conn, .here = here, .root = root };
    virshDoctorHost destination = source;
    g_autofree char *text = NULL;
    JsonNode *result;

    g_assert_nonnull(conn);
    destination.side = VIRSH_DOCTOR_DESTINATION;
    destination.source = &source;
    text = virshDoctorRun(&source, side == VIRSH_DOCTOR_DESTINATION ? &destination : NULL, TRUE, nErrors);
    virConnectClose(conn);
    result = convergeJSONRead(text);
    g_assert_nonnull(result);
    return result;
}

/* Asserts what a check has found; NULL @text: whatever it says. */
static void
assertFound(JsonNode *result,
            const char *host,
            const char *name,
            const char *level,
            const char *text)
{
    JsonArray *checks = json_object_get_array_member(json_node_get_object(result), "checks");
    guint i;

    for (i = 0; i < json_array_get_length(checks); i++) {
        JsonObject *check = json_array_get_object_element(checks, i);

        if (!g_str_equal(convergeJSONGetString(check, "host"), host) ||
            !g_str_equal(convergeJSONGetString(check, "check"), name))
            continue;
        g_test_message("%s: %s", name, convergeJSONGetString(check, "text"));
        g_assert_cmpstr(convergeJSONGetString(check, "level"), ==, level);
        if (text)
            g_assert_nonnull(strstr(convergeJSONGetString(check, "text"), text));
        /* Whatever is wrong, something can be done. */
        if (g_str_equal(level, "error") || g_str_equal(level, "warning"))
            g_assert_nonnull(convergeJSONGetString(check, "advice"));
        return;
    }
    g_error("%s of the %s was not checked", name, host);
}

/* Of one host with one thing wrong. */
static void
assertOnly(const char *name,
           const char *level,
           const char *text)
{
    guint nErrors;
    g_autoptr(JsonNode) result = run(VIRSH_DOCTOR_SOURCE, TRUE, &nErrors);

    assertFound(result, "source", name, level, text);
    g_assert_cmpuint(nErrors, ==, g_str_equal(level, "error") ? 1 : 0);
    tearDown();
    setUp();
}

/* --- Tests --- */

static void
testHealthy(void)
{
    static const char *const names[] = { "connection", "libvirt", "qemu", "module", "cpu-cgroup", "dirty-ring", "daemon", "drop-in",
                                         "preload", "configuration", "journals", "undo-records", "left-over" };
    guint nErrors;
    g_autoptr(JsonNode) result = NULL;
    gsize i;

    setUp();
    result = run(VIRSH_DOCTOR_SOURCE, TRUE, &nErrors);
    g_assert_cmpuint(nErrors, ==, 0);
    for (i = 0; i < G_N_ELEMENTS(names); i++)
        assertFound(result, "source", names[i], "ok", NULL);
    tearDown();
}

static void
testTold(void)
{
    setUp();
    told.type = "TEST";
    assertOnly("connection", "error", "TEST");
    told.libvirt = 10000000;
    assertOnly("libvirt", "warning", "10.0.0");
    told.qemu = 8002000;
    assertOnly("qemu", "ok", "lacks nothing");
    told.qemu = 7001009;
    assertOnly("qemu", "ok", "QEMU 7.1.9 lacks: forecasts within a second (8.2)");
    told.qemu = 0;
    assertOnly("qemu", "error", NULL);
    told.module = NULL;
    assertOnly("module", "error", "not loaded");
    told.module = "0.0.1";
    assertOnly("module", "warning", "0.0.1");
    told.silent = TRUE;
    assertOnly("module", "hidden", NULL);
    told.nSched = 1;
    assertOnly("cpu-cgroup", "warning", "test");
    told.nSched = -1;
    assertOnly("cpu-cgroup", "warning", "test");
    told.xml = "<domain><features><kvm><dirty-ring state='on' size='4096'/></kvm></features></domain>";
    assertOnly("dirty-ring", "ok", "dirty-limit: test");
    told.xml = "<domain><features><kvm><dirty-ring state='on' size='4096'/></kvm></features></domain>";
    told.qemu = 10000002;
    assertOnly("dirty-ring", "error", "test");
    told.xml = "<domain><features><kvm><dirty-ring state='off'/></kvm></features></domain>";
    told.qemu = 10000002;
    assertOnly("dirty-ring", "ok", NULL);
    tearDown();
}

static void
testDaemon(void)
{
    setUp();
    put("/proc/7/comm", "virtqemud\n");
    put("/usr/lib/systemd/system/virtqemud.service.d/virt-converge.conf", DROP_IN);
    assertOnly("daemon", "ok", "modular");
    put("/proc/9/comm", "virtqemud\n");
    assertOnly("daemon", "warning", "2 daemons");
    drop("/proc/7");
    assertOnly("daemon", "hidden", NULL);
    drop("/proc/7");
    assertOnly("preload", "hidden", NULL);

    put("/proc/7/maps", "7f01 r-xp /usr/lib/libc.so\n");
    assertOnly("preload", "error", "without the module");
    put("/proc/7/maps", "7f00 r-xp " MODULE " (deleted)\n");
    assertOnly("preload", "warning", "replaced");

    drop("/usr/lib/systemd");
    assertOnly("drop-in", "warning", "no drop-in");
    put("/etc/systemd/system/libvirtd.service.d/virt-converge.conf", "");
    assertOnly("drop-in", "warning", "switches the drop-in off");
    drop(MODULE);
    assertOnly("drop-in", "error", "cannot be read");
    tearDown();
}

/* A host of another machine may have a daemon of the same name in a container. */
static void
testContainer(void)
{
    g_autofree char *self = NULL;
    g_autofree char *other = NULL;

    setUp();
    makeDir("/proc/self/ns");
    makeDir("/proc/7/ns");
    self = pathOf("/proc/self/ns/mnt");
    other = pathOf("/proc/7/ns/mnt");
    g_assert_cmpint(symlink("mnt:[1]", self), ==, 0);
    g_assert_cmpint(symlink("mnt:[2]", other), ==, 0);
    assertOnly("daemon", "hidden", NULL);
    tearDown();
}

static void
testFiles(void)
{
    setUp();
    put(LIBVIRT_CONF_DIR "/virt-converge.conf", "[default]\nmax-throttle = 800\n");
    assertOnly("configuration", "error", "max-throttle");
    drop(LIBVIRT_CONF_DIR "/virt-converge.conf");
    assertOnly("configuration", "ok", "built-in");

    drop(LIBVIRT_LOG_DIR);
    assertOnly("journals", "ok", "the first migration makes");
    drop(LIBVIRT_LOG_DIR "/converge");
    put(LIBVIRT_LOG_DIR "/converge", "");
    assertOnly("journals", "error", "not a directory");

    drop(LIBVIRT_RUN_DIR);
    put(LIBVIRT_RUN_DIR, "");
    assertOnly("undo-records", "error", "not a directory");
    tearDown();
}

static void
testLeftOver(void)
{
    convergeUndoProcess self = { getpid(), 0 };
    convergeUndoProcess gone = { getpid(), 1 };
    g_autoptr(convergeUndoRecord) mine = NULL;
    g_autoptr(convergeUndoRecord) left = NULL;
    g_autoptr(convergeUndoRecord) over = NULL;
    g_autofree char *dir = NULL;

    setUp();
    dir = pathOf(LIBVIRT_RUN_DIR "/converge");
    mine = convergeUndoRecordNew(dir, UUID, "guest", getpid(), NULL);
    g_assert_nonnull(mine);
    self = mine->qemu;
    g_assert_true(convergeUndoFileSave(mine, NULL));
    assertOnly("left-over", "ok", NULL);

    g_free(dir);
    dir = pathOf(LIBVIRT_RUN_DIR "/converge");
    left = convergeUndoRecordNewBy(dir, UUID, "guest", &gone, &self);
    g_assert_true(convergeUndoFileSave(left, NULL));
    assertOnly("left-over", "error", "guest");

    g_free(dir);
    dir = pathOf(LIBVIRT_RUN_DIR "/converge");
    over = convergeUndoRecordNewBy(dir, UUID, "guest", &gone, &gone);
    g_assert_true(convergeUndoFileSave(over, NULL));
    assertOnly("left-over", "ok", NULL);
    tearDown();
}

/* What is not visible is told to be so, and the rest is examined. */
static void
testElsewhere(void)
{
    guint nErrors;
    g_autoptr(JsonNode) result = NULL;

    setUp();
    told.module = NULL;
    result = run(VIRSH_DOCTOR_DESTINATION, FALSE, &nErrors);
    assertFound(result, "source", "module", "error", NULL);
    assertFound(result, "destination", "module", "warning", NULL);
    assertFound(result, "destination", "configuration", "hidden", NULL);
    assertFound(result, "destination", "clock", "hidden", NULL);
    g_assert_cmpuint(nErrors, ==, 1);
    tearDown();
}

static void
testUnreachable(void)
{
    virshDoctorHost source = { .side = VIRSH_DOCTOR_SOURCE, .uri = "qemu:///system", .root = "" };
    virshDoctorHost destination = { .side = VIRSH_DOCTOR_DESTINATION, .uri = "qemu://b/\033[2J", .why = "no route", .root = "" };
    g_autofree char *text = NULL;
    guint nErrors;

    text = virshDoctorRun(&source, &destination, FALSE, &nErrors);
    g_assert_cmpuint(nErrors, ==, 2);
    g_assert_nonnull(strstr(text, "no route"));
    g_assert_null(strchr(text, '\033'));
    g_assert_true(g_str_has_suffix(text, "Errors: 2, warnings: 0"));
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/doctor/healthy", testHealthy);
    g_test_add_func("/doctor/told", testTold);
    g_test_add_func("/doctor/daemon", testDaemon);
    g_test_add_func("/doctor/container", testContainer);
    g_test_add_func("/doctor/files", testFiles);
    g_test_add_func("/doctor/left-over", testLeftOver);
    g_test_add_func("/doctor/elsewhere", testElsewhere);
    g_test_add_func("/doctor/unreachable", testUnreachable);

    return g_test_run();
}
