/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * switchovers.h: what ended migrations have shown of the way to other hosts
 *
 * What the switchover has cost besides sending memory, and what the link has carried.
 *
 * One file, switchovers.json, beside the journals: journals are too large to be read at the start
 * of each migration, and those of direct migrations end before the downtime is known.  It holds at
 * most CONVERGE_OVERHEAD_COUNT migrations of each guest to each host, and CONVERGE_SWITCHOVERS_MOST
 * in all, the oldest of which are dropped.  It is replaced atomically.  A file that is damaged, too
 * large, of another version, or that others may have written counts as none.
 *
 * All functions wait for the disk.  No state but the file; any thread, and any process.
 */
#pragma once

#include <glib.h>

#define CONVERGE_SWITCHOVERS_MOST 1024

/* The name by which the host in @uri is known: a new string, or NULL if @uri, which may be NULL,
 * names none.  Free with g_free(). */
char *convergeSwitchoversHost(const char *uri);

/* What a switchover of domain @uuid to host @destination is expected to cost, ms; -1: no migration
 * has shown that.  Without one of this guest to this host, those of other guests to it count.
 *
 * @own: set to whether it was shown by this guest */
gint64 convergeSwitchoversExpect(const char *dir, const char *uuid, const char *destination,
                                 gboolean *own);

/* The most that the link to host @destination has carried in one of the newest migrations, bytes/s on the
 * wire; 0: not known.  Others may have used it, too, so it is no less. */
double convergeSwitchoversLink(const char *dir, const char *destination);

/* Adds a migration that has ended.  If the file cannot be written, nothing is learned.
 *
 * @overheadMs: 0..CONVERGE_OVERHEAD_MOST_MS
 * @bandwidth: bytes/s on the wire; 0: not known */
void convergeSwitchoversAdd(const char *dir, const char *uuid, const char *destination,
                            gint64 overheadMs, double bandwidth);
