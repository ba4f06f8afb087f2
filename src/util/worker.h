/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.h: calls that may hang, kept out of threads that must not
 *
 * A write to a full or remote disk can take minutes.  A worker is a thread that makes
 * such calls for others, and convergeRunBounded() makes a single one.  Neither ever keeps
 * its caller waiting for longer than the caller has said.
 *
 * Threads: a worker may be used by several at once; free belongs to the last of them.
 */
#pragma once

#include <glib.h>

typedef struct _convergeWorker convergeWorker;

/* Starts a thread that runs what is pushed, in the order of the pushes.
 *
 * @name: the thread's name; the kernel takes at most 15 bytes
 * @most: calls that may be queued behind the one that runs; at least 1
 *
 * Returns NULL with CONVERGE_ERROR_IO set when no thread could be started. */
convergeWorker *convergeWorkerNew(const char *name, guint most, GError **error);

/* Queues @run(@opaque), which the thread follows by @freeOpaque(@opaque).  Never waits for
 * the thread.
 *
 * @freeOpaque: NULL: nothing is to be freed
 *
 * Returns FALSE when the queue is full; then @run is not called and @opaque has been
 * freed. */
gboolean convergeWorkerPush(convergeWorker *worker,
                            void (*run)(void *opaque),
                            void *opaque,
                            GDestroyNotify freeOpaque);

/* Waits until everything that was pushed before this call has been run and freed, for
 * at most @ms milliseconds; 0 or less only asks.
 *
 * Returns FALSE when something is still to be done. */
gboolean convergeWorkerWait(convergeWorker *worker, gint64 ms);

/* Returns at once.  The thread runs what is queued and then ends.  NULL is allowed. */
void convergeWorkerFree(convergeWorker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeWorker, convergeWorkerFree)

/* Makes the call @run(@opaque) in a thread of its own, and waits for at most @ms
 * milliseconds until it has returned.
 *
 * @name: as for convergeWorkerNew()
 * @freeOpaque: NULL: nothing is to be freed
 *
 * Returns TRUE when @run has returned; @opaque is still the caller's.  Returns FALSE when
 * no thread could be started, or when @run has not returned yet; @opaque then is no longer
 * the caller's, who must not look at it again: it is freed after @run. */
gboolean convergeRunBounded(const char *name,
                            void (*run)(void *opaque),
                            void *opaque,
                            GDestroyNotify freeOpaque,
                            gint64 ms);
