/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * silenttest.c: a policy that allows no monitor commands sends none
 */
#include "files.h"
#include "libvirt/backend_libvirt.h"
#include "qemu/cpus.h"

static guint nCommands;
static gint64 downtimeMs;

static int
countCommand(virDomainPtr dom G_GNUC_UNUSED,
             const char *cmd G_GNUC_UNUSED,
             char **result G_GNUC_UNUSED,
             unsigned int flags G_GNUC_UNUSED)
{
    nCommands++;
    return -1;
}

static int
setDowntime(virDomainPtr dom G_GNUC_UNUSED,
            unsigned long long ms,
            unsigned int flags G_GNUC_UNUSED)
{
    downtimeMs = (gint64)ms;
    return 0;
}

static const convergeLibvirt client = {
    .caller = "test",
    .setMaxDowntime = setDowntime,
    .qemuMonitorCommand = countCommand,
};

static gboolean
say(convergeBackendLibvirt *backend,
    convergeVerb verb)
{
    const convergeDecision decision = { .verb = verb, .throttle = 50, .downtimeMs = 120, .limitMs = 120 };

    return convergeBackendLibvirtOps.apply(backend, &decision, NULL);
}

static void
testVerbs(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&client, FALSE);

    nCommands = 0;
    convergeBackendLibvirtForbidQmp(backend);
    g_assert_true(say(backend, CONVERGE_VERB_PRIME));
    g_assert_true(say(backend, CONVERGE_VERB_HOLD));
    g_assert_true(say(backend, CONVERGE_VERB_DOWNTIME));
    g_assert_cmpint(downtimeMs, ==, 120);
    g_assert_false(say(backend, CONVERGE_VERB_THROTTLE));
    g_assert_false(convergeBackendLibvirtOps.probe(backend, NULL));
    g_assert_true(convergeBackendLibvirtOps.release(backend, NULL));
    convergeBackendLibvirtEnd(backend);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpuint(nCommands, ==, 0);
}

/* Where only QEMU could throttle, nothing may be done, unless nobody wants to throttle. */
static void
testChoose(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&client, FALSE);
    g_autofree char *why = NULL;
    g_autofree char *whyNot = NULL;
    g_autoptr(GError) error = NULL;

    nCommands = 0;
    convergeBackendLibvirtForbidQmp(backend);
    g_assert_null(convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_AUTO, &whyNot, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    g_assert_nonnull(strstr(error->message, "cgroups"));
    g_assert_nonnull(convergeBackendLibvirtOps.choose(backend, CONVERGE_METHOD_QEMU, &why, NULL));
    g_assert_cmpuint(nCommands, ==, 0);
}

static void
putThread(const char *top,
          const char *thread,
          const char *name)
{
    g_autofree char *path = g_build_filename(top, "77", "task", thread, "comm", NULL);

    filesPut(path, name);
}

static void
testThreads(void)
{
    g_autofree char *top = filesNewDir();
    g_autofree char *pidFile = g_build_filename(top, "guest.pid", NULL);
    g_autoptr(convergeQemuCpus) cpus = NULL;
    g_autoptr(GError) error = NULL;
    gsize i;

    g_assert_null(convergeQemuCpusFind(top, pidFile, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_clear_error(&error);

    filesPut(pidFile, "77\n");
    putThread(top, "77", "qemu-system-x86\n");
    putThread(top, "78", "CPU\n");
    putThread(top, "79", "worker 3/4\n");
    g_assert_null(convergeQemuCpusFind(top, pidFile, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);

    putThread(top, "80", "CPU 0/KVM\n");
    putThread(top, "91", "CPU 11/TCG\n");
    cpus = convergeQemuCpusFind(top, pidFile, NULL);
    g_assert_nonnull(cpus);
    g_assert_cmpuint(cpus->threads->len, ==, 2);
    g_assert_cmpuint(cpus->indexes->len, ==, 2);
    for (i = 0; i < 2; i++)
        g_assert_cmpint(g_array_index(cpus->threads, pid_t, i), ==, 80 + g_array_index(cpus->indexes, gint64, i));
    filesRemove(top);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    g_test_add_func("/silent/verbs", testVerbs);
    g_test_add_func("/silent/choose", testChoose);
    g_test_add_func("/silent/threads", testThreads);
    return g_test_run();
}
