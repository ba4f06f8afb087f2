/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpus.h: the vCPUs of a guest, as QEMU or the kernel lists them
 */
#pragma once

#include <sys/types.h>

#include "qemu/qmp.h"

/* One entry for each vCPU in both arrays, in the same order. */
typedef struct _convergeQemuCpus convergeQemuCpus;
struct _convergeQemuCpus {
    GArray *threads; /* pid_t, thread ids on the host */
    GArray *indexes; /* gint64, QEMU's cpu-index; -1: not in QEMU's reply */
};

/* Returns NULL with CONVERGE_ERROR_LIBVIRT or CONVERGE_ERROR_QEMU set if QEMU lists no vCPU, or one
 * without a thread. */
convergeQemuCpus *convergeQemuCpusQuery(const convergeMonitor *monitor, GError **error);
/* The same without QEMU: reads the threads' names in @proc, the directory /proc, of the process in
 * @pidFile, which libvirt has written.  Whether the threads belong to the guest has to be checked by
 * their cgroups.  Errors are CONVERGE_ERROR_IO. */
convergeQemuCpus *convergeQemuCpusFind(const char *proc, const char *pidFile, GError **error);

/* Asks QEMU or, if the monitor is silent, reads what libvirt has written about the guest @name. */
convergeQemuCpus *convergeQemuCpusList(const convergeMonitor *monitor, const char *name, GError **error);

void convergeQemuCpusFree(convergeQemuCpus *cpus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeQemuCpus, convergeQemuCpusFree)
