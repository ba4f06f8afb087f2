/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quotahost.h: a host with one vCPU, whose cgroup is made of plain files
 *
 * What the kernel would refuse is refused in write(), which quotahost.c defines.  One host at a
 * time.
 */
#pragma once

#include "throttle/cgroup.h"

/* The thread of the vCPU. */
#define TID 4711

/* The vCPU's group is vm/vcpu0. */
typedef struct _host host;
struct _host {
    char *top;                  /* stands for /proc and for the top of the hierarchy */
    gboolean unified;           /* cgroup version 2 */
    convergeCpuQuota held;     /* what the kernel holds for the vCPU */
    double above;               /* CPUs that the group above may use; version 1 refuses more */
    int failing;                /* this write of the files of the vCPU fails, from 1; 0: none */
    int writes;
};

void hostInit(host *h, gboolean unified, gint64 quotaUs, gint64 periodUs);
void hostClear(host *h);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(host, hostClear)

/* Somebody writes @text, who is not asked whether the kernel takes it.  @name: below @top */
void hostPutText(const char *top, const char *name, const char *text);

/* Somebody else writes to the files of the vCPU. */
#define KEEP G_MININT64         /* not to this one */
void hostMeddle(host *h, gint64 quotaUs, gint64 periodUs);

/* What is there, by the files. */
void hostAssertThere(const host *h, gint64 quotaUs, gint64 periodUs);
void hostAssertShare(const host *h, double share);
