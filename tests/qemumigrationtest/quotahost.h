/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quotahost.h: a host with one vCPU, whose cgroup is made of plain files
 *
 * quotahost.c defines write(), which refuses what the kernel would refuse.  One host at a time.
 */
#pragma once

#include "throttle/cgroup.h"

/* The thread of the vCPU. */
#define TID 4711

/* The vCPU's group is vm/vcpu0. */
typedef struct _host host;
struct _host {
    char *top;             /* stands for /proc and for the top of the hierarchy */
    gboolean unified;      /* cgroup version 2 */
    convergeCpuQuota held; /* the vCPU's quota in the kernel */
    double above;          /* CPUs that the group above may use; version 1 refuses more */
    int failing;           /* which write to the files of the vCPU fails, from 1; 0: none */
    int writes;
};

void hostInit(host *h, gboolean unified, gint64 quotaUs, gint64 periodUs);
void hostClear(host *h);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(host, hostClear)

/* Writes @text even if the kernel would refuse it.  @name: below @top */
void hostPutText(const char *top, const char *name, const char *text);

/* Writes to the files of the vCPU in place of others. */
#define KEEP G_MININT64 /* leaves this file alone */
void hostMeddle(host *h, gint64 quotaUs, gint64 periodUs);

/* Assert what the files hold. */
void hostAssertThere(const host *h, gint64 quotaUs, gint64 periodUs);
void hostAssertShare(const host *h, double share);
