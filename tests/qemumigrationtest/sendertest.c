/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sendertest.c: the processor time of QEMU's sending threads, from a made-up /proc
 */
#include "qemu/sender.h"
#include "files.h"

static char *proc;
static char *pidFile;

static void
addThread(const char *task,
          const char *name,
          const char *schedstat)
{
    g_autofree char *comm = g_build_filename(proc, "77", "task", task, "comm", NULL);
    g_autofree char *time = g_build_filename(proc, "77", "task", task, "schedstat", NULL);

    filesPut(comm, name);
    if (schedstat)
        filesPut(time, schedstat);
}

/* Of QEMU before 9.1 and since, with streams of their own and without: the busiest counts. */
static void
testBusiest(void)
{
    g_assert_cmpint(convergeSenderBusyUs(proc, pidFile), ==, -1);
    filesPut(pidFile, "77\n");
    g_assert_cmpint(convergeSenderBusyUs(proc, pidFile), ==, -1);
    addThread("77", "qemu-system-x86\n", "9000000000 1 1\n");
    addThread("78", "CPU 0/KVM\n", "8000000000 1 1\n");
    g_assert_cmpint(convergeSenderBusyUs(proc, pidFile), ==, -1);
    addThread("79", "live_migration\n", "2000000 500 3\n");
    g_assert_cmpint(convergeSenderBusyUs(proc, pidFile), ==, 2000);
    addThread("80", "mig/src/main\n", "3000000 500 3\n");
    g_assert_cmpint(convergeSenderBusyUs(proc, pidFile), ==, 3000);
    addThread("81", "mig/src/send_1\n", "5000000 500 3\n");
    addThread("82", "multifdsend_0\n", "4000000 500 3\n");
    addThread("83", "mig/src/send_2\n", NULL);
    g_assert_cmpint(convergeSenderBusyUs(proc, pidFile), ==, 5000);
}

int
main(int argc,
     char **argv)
{
    g_autofree char *dir = filesNewDir();
    int ret;

    g_test_init(&argc, &argv, NULL);
    proc = g_build_filename(dir, "proc", NULL);
    pidFile = g_build_filename(dir, "guest.pid", NULL);
    g_test_add_func("/sender/busiest", testBusiest);
    ret = g_test_run();
    g_free(proc);
    g_free(pidFile);
    filesRemove(dir);
    return ret;
}
