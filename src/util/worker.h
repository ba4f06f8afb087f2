/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.h: runs calls that may hang in threads of their own
 *
 * A write to a full or remote disk can take minutes.  A worker is a thread that makes such
 * calls for other threads; convergeRunBounded() makes a single one.  Neither blocks its
 * caller for longer than the given time.
 *
 * Threads: several threads may use a worker at once; the last of them frees it.
 */
#pragma once

#include <glib.h>

typedef struct _convergeWorker convergeWorker;

/* Starts a thread that runs the pushed calls in order.
 *
 * @name: the thread's name; the kernel takes at most 15 bytes
 * @most: calls that may wait in the queue; at least 1
 *
 * Returns NULL with CONVERGE_ERROR_IO set when no thread could be started. */
convergeWorker *convergeWorkerNew(const char *name, guint most, GError **error);

/* Queues the calls @run(@opaque) and then @freeOpaque(@opaque).  Never waits for the thread.
 *
 * @freeOpaque: may be NULL
 *
 * Returns FALSE if the queue is full; @run is then not called, and @opaque is freed. */
gboolean convergeWorkerPush(convergeWorker *worker, void (*run)(void *opaque), void *opaque,
                            GDestroyNotify freeOpaque);

/* Waits at most @ms milliseconds until everything that was pushed before has been run and
 * freed.  With an @ms of 0 or less, only checks.
 *
 * Returns FALSE if something is still to be done. */
gboolean convergeWorkerWait(convergeWorker *worker, gint64 ms);

/* Returns at once.  The thread runs the queued calls and then ends.  NULL is allowed. */
void convergeWorkerFree(convergeWorker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeWorker, convergeWorkerFree)

/* Calls @run(@opaque) in a thread of its own, and waits at most @ms milliseconds until it has
 * returned.
 *
 * @name: as for convergeWorkerNew()
 * @freeOpaque: may be NULL
 *
 * Returns TRUE if @run has returned; the caller still owns @opaque.  Returns FALSE if no
 * thread could be started, or if @run has not returned yet.  The caller must then not use
 * @opaque again: it is freed after @run. */
gboolean convergeRunBounded(const char *name, void (*run)(void *opaque), void *opaque,
                            GDestroyNotify freeOpaque, gint64 ms);
