/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adopttest.c: the backend and its record, while others write to a vCPU's cgroup
 *
 * This process stands for QEMU and its only vCPU.  What /proc says of its cgroup is replaced by
 * a tree of plain files; the record goes to a directory of the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/loop.h"
#include "libvirt/backend_libvirt.h"
#include "undo/undo_record.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

static struct {
    char *top;
    char *max;          /* the file with the quota of the vCPU */
    char *records;
    int id;             /* of the domain */
    gboolean paused;
    gboolean ended;     /* QEMU is done with the migration */
} host;

/* --- What stands for the host --- */

static char *
readAll(const char *path)
{
    GString *text = g_string_new(NULL);
    char buffer[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    gssize got;

    while (fd >= 0 && (got = read(fd, buffer, sizeof(buffer))) > 0)
        g_string_append_len(text, buffer, got);
    if (fd >= 0)
        close(fd);
    return g_string_free(text, fd < 0);
}

gboolean
g_file_get_contents(const char *path,
                    char **text,
                    gsize *length,
                    GError **error)
{
    g_autofree char *cgroup = g_strdup_printf("/proc/%d/cgroup", (int)getpid());

    if (g_str_equal(path, cgroup))
        *text = g_strdup("0::/qemu-7-busy.libvirt-qemu/vcpu0\n");
    else if (g_str_equal(path, "/proc/self/mountinfo"))
        *text = g_strdup_printf("30 1 0:1 / %s rw - cgroup2 none rw\n", host.top);
    else
        *text = readAll(path);
    if (!*text) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s", path);
        errno = ENOENT;
        return FALSE;
    }
    if (length)
        *length = strlen(*text);
    return TRUE;
}

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

static int
fakeMonitor(virDomainPtr dom G_GNUC_UNUSED,
            const char *cmd,
            char **result,
            unsigned int flags G_GNUC_UNUSED)
{
    g_autofree char *reply = NULL;

    if (strstr(cmd, "query-cpus-fast"))
        reply = g_strdup_printf("{\"return\":[{\"cpu-index\":0,\"thread-id\":%d}]}", (int)getpid());
    else if (strstr(cmd, "query-migrate-parameters"))
        reply = g_strdup("{\"return\":{\"cpu-throttle-initial\":20,\"cpu-throttle-increment\":10,"
                         "\"max-cpu-throttle\":99,\"throttle-trigger-threshold\":50,"
                         "\"cpu-throttle-tailslow\":false,\"downtime-limit\":300}}");
    else if (strstr(cmd, "migrate-set-parameters"))
        reply = g_strdup("{\"return\":{}}");
    else
        reply = g_strdup("{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}");
    *result = strdup(reply);
    return 0;
}

static int
fakeStats(virDomainPtr dom G_GNUC_UNUSED,
          int *type,
          virTypedParameterPtr *params,
          int *nparams,
          unsigned int flags G_GNUC_UNUSED)
{
    int max = 0;

    *type = host.ended ? VIR_DOMAIN_JOB_CANCELLED : VIR_DOMAIN_JOB_UNBOUNDED;
    virTypedParamsAddInt(params, nparams, &max, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_TOTAL, 1 << 30);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_ITERATION, 1);
    return 0;
}

static int
fakeState(virDomainPtr dom G_GNUC_UNUSED,
          int *state,
          int *reason,
          unsigned int flags G_GNUC_UNUSED)
{
    *state = host.paused ? VIR_DOMAIN_PAUSED : VIR_DOMAIN_RUNNING;
    *reason = 0;
    return 0;
}

static int
fakeId(virDomainPtr dom G_GNUC_UNUSED)
{
    return host.id;
}

static int
fakeDowntime(virDomainPtr dom G_GNUC_UNUSED,
             unsigned long long ms G_GNUC_UNUSED,
             unsigned int flags G_GNUC_UNUSED)
{
    return 0;
}

static const convergeLibvirt fake = {
    .caller = "test", .onHost = TRUE,
    .setMaxDowntime = fakeDowntime, .getId = fakeId,
    .getJobStats = fakeStats, .getState = fakeState, .qemuMonitorCommand = fakeMonitor,
};

static void
put(const char *path,
    const char *text)
{
    g_autofree char *dir = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    g_remove(path);
    g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
}

static void
assertMax(const char *expected)
{
    g_autofree char *text = readAll(host.max);

    g_assert_cmpstr(g_strstrip(text), ==, expected);
}

/* --- What the backend does --- */

static convergeBackendLibvirt *
begin(gboolean callerThrottle)
{
    convergeBackendLibvirt *backend = convergeBackendLibvirtNew(&fake, callerThrottle);
    g_autofree char *why = NULL;

    host.paused = FALSE;
    put(host.max, "max 100000\n");
    g_assert_cmpint(convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_VCPU_QUOTA, &why,
                                                       NULL), ==,
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
        .verb = verb, .throttle = percent, .increment = 10, .maxThrottle = 99, .threshold = 50,
    };

    return convergeBackendLibvirtOps.apply(backend, &decision, error);
}

static void
look(convergeBackendLibvirt *backend)
{
    convergeSample sample = { 0 };

    g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
}

/* What a daemon that starts now would put back. */
static void
assertRecorded(gint64 quotaUs,
               gint64 capUs)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordLoad(host.records, UUID);
    const convergeVcpuGroup *group;

    g_assert_nonnull(record);
    g_assert_cmpuint(record->groups->len, ==, 1);
    group = g_ptr_array_index(record->groups, 0);
    g_assert_cmpint(group->quotaUs, ==, quotaUs);
    g_assert_cmpint(group->periodUs, ==, 100000);
    g_assert_cmpint(group->capUs, ==, capUs);
}

/* --- Tests --- */

/* What the operator sets while the guest is throttled is in the record before anything is derived
 * from it, and is what the guest has in the end. */
static void
testAdopted(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);

    assertRecorded(-1, 1000000);
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    assertMax("4000 20000");

    put(host.max, "50000 20000");       /* as the kernel has it after "50000" */
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 90, NULL));
    assertRecorded(50000, 500000);
    assertMax("1000 20000");

    /* Also where the throttle stays what it was. */
    put(host.max, "80000 20000");
    look(backend);
    assertRecorded(80000, 800000);
    assertMax("1600 20000");

    host.paused = TRUE;
    look(backend);
    assertMax("80000 100000");
    host.paused = FALSE;
    put(host.max, "20000 100000");
    look(backend);
    assertRecorded(20000, 200000);
    assertMax("1000 50000");

    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    assertMax("20000 100000");
    g_assert_null(convergeUndoRecordLoad(host.records, UUID));
}

/* Without a record that knows it, nothing is derived from what the operator has set. */
static void
testUnsaved(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);
    g_autoptr(GError) error = NULL;
    int i;

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    put(host.max, "50000 20000");
    g_assert_cmpint(g_chmod(host.records, 0500), ==, 0);
    for (i = 0; i < 2; i++) {
        g_assert_false(say(backend, CONVERGE_VERB_THROTTLE, 90, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD);
        g_clear_error(&error);
        assertMax("50000 100000");
        assertRecorded(-1, 1000000);
    }

    g_assert_cmpint(g_chmod(host.records, 0700), ==, 0);
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 90, NULL));
    assertRecorded(50000, 500000);
    assertMax("1000 20000");
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    assertMax("50000 100000");
}

/* What failed when memory had moved is told, though nothing is left to put back any more. */
static void
testEnd(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);
    g_autoptr(GError) error = NULL;

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    put(host.max, "strange");
    convergeBackendLibvirtEnd(backend);
    put(host.max, "4000 20000");
    g_assert_false(convergeBackendLibvirtOps.restore(backend, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    assertMax("max 100000");
    g_assert_null(convergeUndoRecordLoad(host.records, UUID));
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
}

/* What whoever migrates has stated is not in the record: libvirt takes it back. */
static void
testCallers(void)
{
    int stated;

    for (stated = 0; stated < 2; stated++) {
        g_autoptr(convergeBackendLibvirt) backend = begin(stated != 0);
        g_autoptr(convergeUndoRecord) record = NULL;
        guint i, found = 0;

        g_assert_true(say(backend, CONVERGE_VERB_STEP, 20, NULL));
        record = convergeUndoRecordLoad(host.records, UUID);
        g_assert_nonnull(record);
        for (i = 0; i < record->params->len; i++) {
            const convergeUndoParam *param = g_ptr_array_index(record->params, i);

            found += g_str_equal(param->name, "cpu-throttle-initial") ||
                g_str_equal(param->name, "cpu-throttle-increment");
        }
        g_assert_cmpuint(found, ==, stated ? 0 : 2);
        g_assert_cmpuint(record->params->len, >=, 3);
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    }
}

/* When libvirt ends its job, whatever the loop is waiting for then. */
static void
testCancelled(void)
{
    g_autoptr(convergeBackendLibvirt) backend = begin(FALSE);
    g_autoptr(GError) error = NULL;
    convergeSample sample = { 0 };

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    assertMax("4000 20000");
    convergeBackendLibvirtCancel(backend);
    assertMax("max 100000");

    g_assert_false(say(backend, CONVERGE_VERB_THROTTLE, 90, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT);
    g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
    g_assert_false(sample.active);
    assertMax("max 100000");

    /* The record stays until everything else is put back, too. */
    assertRecorded(-1, 1000000);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_null(convergeUndoRecordLoad(host.records, UUID));
}

/* A QEMU that its guest has taken over names the vCPU of another guest. */
static void
testOthersThread(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);
    g_autoptr(GError) error = NULL;
    g_autofree char *why = NULL;

    host.id = 8;
    put(host.max, "max 100000\n");
    g_assert_cmpint(convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_AUTO, &why, &error), ==,
                    CONVERGE_METHOD_QEMU);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(why, "not of this guest"));
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 80, NULL));
    assertMax("max 100000");
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    host.id = 7;
}

static void
testGroupNames(void)
{
    static const struct {
        const char *directory;
        gboolean ours;
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

        g_assert_true(convergeVcpuGroupIsOf(&group, 7) == rows[i].ours);
    }
}

/* QEMU has ended the migration, and libvirt waits for a destination that does not answer: the
 * loop lets the guest go. */
static void
testReleased(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive,actuator=vcpu-quota", NULL);
    g_autoptr(convergeBackendLibvirt) libvirt = convergeBackendLibvirtNew(&fake, FALSE);
    convergeBackend backend = { &convergeBackendLibvirtOps, libvirt };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG,
                                                   NULL, NULL);

    host.paused = host.ended = FALSE;
    put(host.max, "max 100000\n");
    convergeLoopStep(loop);
    g_assert_true(say(libvirt, CONVERGE_VERB_THROTTLE, 80, NULL));
    assertMax("4000 20000");

    host.ended = TRUE;
    convergeLoopStep(loop);
    assertMax("max 100000");
    convergeLoopStep(loop);
    assertMax("max 100000");
    g_assert_true(convergeBackendLibvirtOps.restore(libvirt, NULL));
    host.ended = FALSE;
}

static void
removeTree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        removeTree(child);
    }
    g_remove(path);
}

int
main(int argc, char **argv)
{
    g_autofree char *threads = NULL;
    g_autofree char *thread = g_strdup_printf("%d\n", (int)getpid());
    gboolean root = geteuid() == 0;
    int status;

    g_test_init(&argc, &argv, NULL);
    host.id = 7;
    g_assert_cmpint(virInitialize(), ==, 0);

    /* Root's records have one place, and root may write anywhere: root becomes somebody else. */
    if (root)
        g_assert_cmpint(seteuid(65534), ==, 0);
    host.top = g_dir_make_tmp("adopttest-XXXXXX", NULL);
    g_assert_nonnull(host.top);
    g_setenv("XDG_RUNTIME_DIR", host.top, TRUE);
    host.records = convergeUndoRecordDefaultDir();
    g_assert_true(g_str_has_prefix(host.records, host.top));
    host.max = g_build_filename(host.top, "qemu-7-busy.libvirt-qemu/vcpu0/cpu.max", NULL);
    threads = g_build_filename(host.top, "qemu-7-busy.libvirt-qemu/vcpu0/cgroup.threads", NULL);
    put(threads, thread);

    g_test_add_func("/adopt/adopted", testAdopted);
    g_test_add_func("/adopt/unsaved", testUnsaved);
    g_test_add_func("/adopt/end", testEnd);
    g_test_add_func("/adopt/callers", testCallers);
    g_test_add_func("/adopt/cancelled", testCancelled);
    g_test_add_func("/adopt/released", testReleased);
    g_test_add_func("/adopt/others-thread", testOthersThread);
    g_test_add_func("/adopt/group-names", testGroupNames);
    status = g_test_run();
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);

    removeTree(host.top);
    g_free(host.top);
    g_free(host.max);
    g_free(host.records);
    return status;
}
