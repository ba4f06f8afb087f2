/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adopttest.c: the backend and its record, while others write to a vCPU's cgroup
 *
 * This process stands for QEMU and its only vCPU.  A tree of plain files replaces its cgroup in
 * /proc; the record goes to a directory of the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/loop.h"
#include "fakeqemu.h"
#include "files.h"
#include "libvirt/backend_libvirt.h"
#include "procfake.h"
#include "throttle/throttle.h"
#include "throttle/vcpu_group.h"
#include "undo/undo_file.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

static struct {
    char *top;
    char *max; /* the file with the quota of the vCPU */
    char *records;
} host;

/* Without a dirty ring; its only vCPU is this thread. */
static fakeQemu pristine;

/* --- The host --- */

int
virDomainGetUUIDString(virDomainPtr domain G_GNUC_UNUSED,
                       char *uuid)
{
    g_strlcpy(uuid, UUID, VIR_UUID_STRING_BUFLEN);
    return 0;
}

const char *
virDomainGetName(virDomainPtr domain G_GNUC_UNUSED)
{
    return "busy";
}

/* --- The backend --- */

static convergeBackendLibvirt *
begin(gboolean callerThrottle)
{
    convergeBackendLibvirt *backend = convergeBackendLibvirtNew(&fakeDaemon, callerThrottle);
    g_autofree char *why = NULL;

    qemu = pristine;
    filesPut(host.max, "max 100000\n");
    g_assert_cmpint(convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_VCPU_QUOTA, &why,
                                                     NULL)
                        ->method,
                    ==,
                    CONVERGE_METHOD_VCPU_QUOTA);
    return backend;
}

static gboolean
say(convergeBackendLibvirt *backend,
    convergeVerb verb,
    unsigned int percent,
    GError **error)
{
    convergeDecision decision = {
        .verb = verb,
        .throttle = percent,
        .increment = 10,
        .maxThrottle = 99,
        .threshold = 50,
    };

    return convergeBackendLibvirtOps.apply(backend, &decision, error);
}

/* A turn of the loop that decides nothing. */
static void
turn(convergeBackendLibvirt *backend)
{
    const convergeThrottleTraits *throttle;
    convergeSample sample = { 0 };
    g_autofree char *why = NULL;

    g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
    g_assert_true(convergeBackendLibvirtOps.poll(backend, &throttle, &why, NULL));
}

/* Asserts what a daemon that starts now would put back. */
static void
assertRecorded(int quotaUs,
               int capUs)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(host.records, UUID);
    g_autofree char *directory = g_path_get_dirname(host.max);
    g_autofree char *expected = g_strdup_printf("[{\"directory\":\"%s\",\"unified\":true,\"quota-us\":%d,"
                                                "\"period-us\":100000,\"cap-us\":%d}]",
                                                directory, quotaUs, capUs);
    g_autofree char *text = NULL;

    g_assert_nonnull(record);
    text = json_to_string(json_object_get_member(record->kept, "groups"), FALSE);
    g_assert_cmpstr(text, ==, expected);
}

/* --- Tests --- */

/* A quota that the operator sets while the guest is throttled is recorded before anything is
 * derived from it, and is in force in the end. */
static void
testAdopted(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    assertRecorded(-1, 1000000);
    filesAssert(host.max, "4000 20000");

    filesPut(host.max, "50000 20000"); /* what the kernel makes of "50000" */
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 90, NULL));
    assertRecorded(50000, 500000);
    filesAssert(host.max, "1000 20000");

    /* The same if the throttle does not change. */
    filesPut(host.max, "80000 20000");
    turn(backend);
    assertRecorded(80000, 800000);
    filesAssert(host.max, "1600 20000");

    qemu.paused = TRUE;
    turn(backend);
    filesAssert(host.max, "80000 100000");
    qemu = pristine;
    filesPut(host.max, "20000 100000");
    turn(backend);
    assertRecorded(20000, 200000);
    filesAssert(host.max, "1000 50000");

    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    filesAssert(host.max, "20000 100000");
    g_assert_null(convergeUndoFileLoad(host.records, UUID));
}

/* If the operator's quota cannot be recorded, no throttle is derived from it. */
static void
testUnsaved(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);
    g_autoptr(GError) error = NULL;
    int i;

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    filesPut(host.max, "50000 20000");
    g_assert_cmpint(g_chmod(host.records, 0500), ==, 0);
    for (i = 0; i < 2; i++) {
        g_assert_false(say(backend, CONVERGE_VERB_THROTTLE, 90, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD);
        g_clear_error(&error);
        filesAssert(host.max, "50000 100000");
        assertRecorded(-1, 1000000);
    }

    g_assert_cmpint(g_chmod(host.records, 0700), ==, 0);
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 90, NULL));
    assertRecorded(50000, 500000);
    filesAssert(host.max, "1000 20000");
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    filesAssert(host.max, "50000 100000");
}

/* A failure at the end of the migration is reported, even if a later restore succeeds. */
static void
testEnd(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);
    g_autoptr(GError) error = NULL;

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    filesPut(host.max, "strange");
    convergeBackendLibvirtEnd(backend);
    filesPut(host.max, "4000 20000");
    g_assert_false(convergeBackendLibvirtOps.restore(backend, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    filesAssert(host.max, "max 100000");
    g_assert_null(convergeUndoFileLoad(host.records, UUID));
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
}

/* What the caller of the migration has stated is not recorded, since libvirt puts it back. */
static void
testCallers(void)
{
    int stated;

    for (stated = 0; stated < 2; stated++) {
        g_autoptr(convergeBackendLibvirt) backend = begin(stated != 0);
        g_autoptr(convergeUndoRecord) record = NULL;
        g_autofree char *text = NULL;

        g_assert_true(say(backend, CONVERGE_VERB_STEP, 20, NULL));
        record = convergeUndoFileLoad(host.records, UUID);
        g_assert_nonnull(record);
        text = json_to_string(json_object_get_member(record->kept, "parameters"), FALSE);
        g_assert_true((strstr(text, "\"cpu-throttle-initial\"") != NULL) == !stated);
        g_assert_true((strstr(text, "\"cpu-throttle-increment\"") != NULL) == !stated);
        g_assert_nonnull(strstr(text, "\"max-cpu-throttle\""));
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    }
}

/* The throttle is lifted when libvirt ends its job, whatever the loop is waiting for. */
static void
testCancelled(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);
    g_autoptr(GError) error = NULL;
    convergeSample sample = { 0 };

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    filesAssert(host.max, "4000 20000");
    convergeBackendLibvirtCancel(backend);
    filesAssert(host.max, "max 100000");

    g_assert_false(say(backend, CONVERGE_VERB_THROTTLE, 90, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT);
    g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
    g_assert_false(sample.active);
    filesAssert(host.max, "max 100000");

    /* The record stays until everything else is put back as well. */
    assertRecorded(-1, 1000000);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_null(convergeUndoFileLoad(host.records, UUID));
}

/* A QEMU that was taken over by its guest names the vCPU of another guest. */
static void
testOthersThread(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fakeDaemon, FALSE);
    g_autoptr(GError) error = NULL;
    g_autofree char *why = NULL;

    qemu = pristine;
    qemu.id = 8;
    filesPut(host.max, "max 100000\n");
    g_assert_cmpint(convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_AUTO, &why, &error)->method, ==,
                    CONVERGE_METHOD_QEMU);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(why, "does not belong to this guest"));
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    filesAssert(host.max, "max 100000");
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
}

static void
testGroupNames(void)
{
    static const struct {
        const char *directory;
        gboolean belongs;
    } rows[] = {
        { "/sys/fs/cgroup/cpu,cpuacct/machine/qemu-7-busy.libvirt-qemu/vcpu0", TRUE },
        { "/sys/fs/cgroup/machine.slice/machine-qemu\\x2d7\\x2dbusy.scope/libvirt/vcpu0", TRUE },
        { "/sys/fs/cgroup/machine/qemu-77-busy.libvirt-qemu/vcpu0", FALSE },
        { "/sys/fs/cgroup/machine/qemu-8-qemu-7-busy.libvirt-qemu/vcpu0", FALSE },
        { "/sys/fs/cgroup/machine.slice/machine-qemu\\x2d8\\x2dqemu-7-.scope/libvirt/vcpu0", FALSE },
        { "/sys/fs/cgroup/system.slice/vcpu0", FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        const convergeVcpuGroup group = { .directory = (char *)rows[i].directory };

        g_assert_true(convergeVcpuGroupIsOf(&group, 7) == rows[i].belongs);
    }
}

/* The migration has ended in QEMU, and libvirt waits for a destination that does not answer: the
 * loop lifts the throttle. */
static void
testReleased(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive,actuator=vcpu-quota", NULL);
    g_autoptr(convergeBackendLibvirt) libvirt = convergeBackendLibvirtNew(&fakeDaemon, FALSE);
    convergeBackend backend = { &convergeBackendLibvirtOps, libvirt };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG,
                                                   NULL, NULL);

    qemu = pristine;
    filesPut(host.max, "max 100000\n");
    convergeLoopStep(loop);
    g_assert_true(say(libvirt, CONVERGE_VERB_THROTTLE, 80, NULL));
    filesAssert(host.max, "4000 20000");

    qemu.jobType = VIR_DOMAIN_JOB_CANCELLED;
    convergeLoopStep(loop);
    filesAssert(host.max, "max 100000");
    convergeLoopStep(loop);
    filesAssert(host.max, "max 100000");
    g_assert_true(convergeBackendLibvirtOps.restore(libvirt, NULL));
}

/* A turn that was under way when libvirt ended its job throttles no more. */
static void
testPolledTooLate(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    convergeBackendLibvirtCancel(backend);
    turn(backend);
    filesAssert(host.max, "max 100000");
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
}

static guint64
inodeOfRecord(void)
{
    g_autofree char *path = g_strdup_printf("%s/" UUID ".json", host.records);
    struct stat st;

    g_assert_cmpint(stat(path, &st), ==, 0);
    return st.st_ino;
}

/* The record is written anew only where there is something new. */
static void
testWrittenOnce(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);
    guint64 inode;

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    inode = inodeOfRecord();
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 90, NULL));
    turn(backend);
    g_assert_cmpuint(inodeOfRecord(), ==, inode);
    filesPut(host.max, "50000 20000");
    turn(backend);
    g_assert_cmpuint(inodeOfRecord(), !=, inode);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
}

static int
quotasAreBack(virDomainPtr dom,
              const char *cmd,
              char **result,
              unsigned int flags)
{
    if (qemu.paramSets > 0)
        filesAssert(host.max, "max 100000");
    return fakeDaemon.qemuMonitorCommand(dom, cmd, result, flags);
}

/* QEMU may keep its caller waiting: it is asked when all else is put back, and also if that could
 * not be. */
static void
testQemuLast(void)
{
    g_autoptr(convergeBackendLibvirt) backend = NULL;
    g_autoptr(convergeBackendLibvirt) strange = begin(FALSE);
    g_autoptr(GError) error = NULL;
    convergeLibvirt libvirt = fakeDaemon;
    g_autofree char *why = NULL;

    g_assert_true(say(strange, CONVERGE_VERB_STEP, 70, NULL));
    g_assert_true(say(strange, CONVERGE_VERB_THROTTLE, 80, NULL));
    filesPut(host.max, "strange");
    g_assert_false(convergeBackendLibvirtOps.restore(strange, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 20);
    filesPut(host.max, "4000 20000");
    g_assert_true(convergeBackendLibvirtOps.restore(strange, NULL));

    qemu = pristine;
    libvirt.qemuMonitorCommand = quotasAreBack;
    backend = convergeBackendLibvirtNew(&libvirt, FALSE);
    g_assert_nonnull(convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_VCPU_QUOTA, &why, NULL));
    g_assert_true(say(backend, CONVERGE_VERB_STEP, 70, NULL));
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    filesAssert(host.max, "4000 20000");
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 20);
}

static gint shiftMs; /* atomic: what the clock is ahead */

gint64
g_get_monotonic_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 +
        (gint64)g_atomic_int_get(&shiftMs) * 1000;
}

/* Which vCPUs dirty memory is told as soon as QEMU has measured it, and once. */
static void
testExplained(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fakeDaemon, FALSE);
    const convergeThrottleTraits *throttle;
    convergeSample sample = { 0 };
    g_autofree char *why = NULL;
    g_autofree char *news = NULL;
    g_autofree char *none = NULL;

    qemu = pristine;
    qemu.ring = TRUE;
    filesPut(host.max, "max 100000\n");
    g_assert_nonnull(convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_VCPU_QUOTA, &why, NULL));
    g_atomic_int_add(&shiftMs, 2000);
    g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
    g_assert_true(convergeBackendLibvirtOps.poll(backend, &throttle, &news, NULL));
    g_assert_nonnull(strstr(news, "2 of 3 vCPUs dirty memory"));
    g_assert_true(convergeBackendLibvirtOps.poll(backend, &throttle, &none, NULL));
    g_assert_null(none);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
}

int
main(int argc, char **argv)
{
    g_autofree char *threads = NULL;
    g_autofree char *thread = g_strdup_printf("%d\n", (int)getpid());
    gboolean root = geteuid() == 0;
    int status;

    g_test_init(&argc, &argv, NULL);
    pristine = fakeQemuPristine;
    pristine.ring = FALSE;
    pristine.thread = getpid();
    g_assert_cmpint(virInitialize(), ==, 0);

    /* The directory of root's records is fixed, and root may write anywhere: drop root. */
    if (root)
        g_assert_cmpint(seteuid(65534), ==, 0);
    host.top = filesNewDir();
    procFakeTop = host.top;
    procFakeGuest = "busy";
    g_setenv("XDG_RUNTIME_DIR", host.top, TRUE);
    host.records = convergeUndoFileDefaultDir();
    g_assert_true(g_str_has_prefix(host.records, host.top));
    host.max = g_build_filename(host.top, "qemu-7-busy.libvirt-qemu/vcpu0/cpu.max", NULL);
    threads = g_build_filename(host.top, "qemu-7-busy.libvirt-qemu/vcpu0/cgroup.threads", NULL);
    filesPut(threads, thread);

    g_test_add_func("/adopt/adopted", testAdopted);
    g_test_add_func("/adopt/unsaved", testUnsaved);
    g_test_add_func("/adopt/end", testEnd);
    g_test_add_func("/adopt/callers", testCallers);
    g_test_add_func("/adopt/cancelled", testCancelled);
    g_test_add_func("/adopt/released", testReleased);
    g_test_add_func("/adopt/others-thread", testOthersThread);
    g_test_add_func("/adopt/group-names", testGroupNames);
    g_test_add_func("/adopt/polled-too-late", testPolledTooLate);
    g_test_add_func("/adopt/written-once", testWrittenOnce);
    g_test_add_func("/adopt/qemu-last", testQemuLast);
    g_test_add_func("/adopt/explained", testExplained);
    status = g_test_run();
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);

    filesRemove(host.top);
    g_free(host.top);
    g_free(host.max);
    g_free(host.records);
    return status;
}
