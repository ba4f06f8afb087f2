/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.c: runs calls that may hang in threads of their own
 */
#include <glib/gi18n-lib.h>
#include <pthread.h>
#include <time.h>

#include "util/error.h"
#include "util/worker.h"

typedef struct _workerCall workerCall;
struct _workerCall {
    void (*run)(void *opaque);
    void *opaque;
    GDestroyNotify freeOpaque; /* NULL: nothing to free */
};

/* Shared by the owner and the thread; the last to drop its reference frees it. */
struct _convergeWorker {
    gint refs; /* atomic */
    guint most;

    pthread_mutex_t lock; /* guards all below; thread checkers do not know GMutex */
    pthread_cond_t changed;
    GQueue calls; /* of workerCall */
    guint64 pushed;
    guint64 done;    /* calls that have been run and freed */
    gboolean ending; /* nothing more will be pushed */
};

static void
freeCall(workerCall *call)
{
    if (call->freeOpaque)
        call->freeOpaque(call->opaque);
    g_free(call);
}

static void
unrefWorker(convergeWorker *worker)
{
    if (!g_atomic_int_dec_and_test(&worker->refs))
        return;

    g_queue_clear(&worker->calls);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    g_free(worker);
}

/* Returns NULL when the thread has to end. */
static workerCall *
nextCall(convergeWorker *worker)
{
    workerCall *call;

    pthread_mutex_lock(&worker->lock);
    while (g_queue_is_empty(&worker->calls) && !worker->ending)
        pthread_cond_wait(&worker->changed, &worker->lock);
    call = g_queue_pop_head(&worker->calls);
    pthread_mutex_unlock(&worker->lock);
    return call;
}

static gpointer
workerThread(gpointer opaque)
{
    convergeWorker *worker = opaque;
    workerCall *call;

    while ((call = nextCall(worker))) {
        call->run(call->opaque);
        freeCall(call);

        pthread_mutex_lock(&worker->lock);
        worker->done++;
        pthread_cond_broadcast(&worker->changed);
        pthread_mutex_unlock(&worker->lock);
    }

    unrefWorker(worker);
    return NULL;
}

/* Makes waits immune to changes of the system's clock. */
static void
initMonotonic(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

convergeWorker *
convergeWorkerNew(const char *name,
                  guint most,
                  GError **error)
{
    convergeWorker *worker = g_new0(convergeWorker, 1);
    g_autoptr(GError) problem = NULL;
    GThread *thread;

    worker->refs = 2;
    worker->most = most;
    pthread_mutex_init(&worker->lock, NULL);
    initMonotonic(&worker->changed);
    g_queue_init(&worker->calls);

    if (!(thread = g_thread_try_new(name, workerThread, worker, &problem))) {
        worker->refs = 1;
        unrefWorker(worker);
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot start the thread '%1$s': %2$s"), name, problem->message);
        return NULL;
    }

    g_thread_unref(thread);
    return worker;
}

gboolean
convergeWorkerPush(convergeWorker *worker,
                   void (*run)(void *opaque),
                   void *opaque,
                   GDestroyNotify freeOpaque)
{
    workerCall *call = g_new0(workerCall, 1);
    gboolean room;

    call->run = run;
    call->opaque = opaque;
    call->freeOpaque = freeOpaque;

    pthread_mutex_lock(&worker->lock);
    room = g_queue_get_length(&worker->calls) < worker->most;
    if (room) {
        g_queue_push_tail(&worker->calls, call);
        worker->pushed++;
        pthread_cond_broadcast(&worker->changed);
    }
    pthread_mutex_unlock(&worker->lock);

    if (!room)
        freeCall(call);
    return room;
}

/* The time @ms from now.  @ms is clamped so that it fits any type; a shorter wait is harmless. */
static struct timespec
timeIn(gint64 ms)
{
    struct timespec when;

    ms = CLAMP(ms, 0, G_MAXINT32);
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += (time_t)(ms / 1000);
    when.tv_nsec += (long)(ms % 1000) * 1000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    return when;
}

gboolean
convergeWorkerWait(convergeWorker *worker,
                   gint64 ms)
{
    struct timespec until = timeIn(ms);
    guint64 wanted;
    gboolean done;

    pthread_mutex_lock(&worker->lock);
    wanted = worker->pushed;
    while (worker->done < wanted &&
           pthread_cond_timedwait(&worker->changed, &worker->lock, &until) == 0)
        ;
    done = worker->done >= wanted;
    pthread_mutex_unlock(&worker->lock);
    return done;
}

void
convergeWorkerFree(convergeWorker *worker)
{
    if (!worker)
        return;

    pthread_mutex_lock(&worker->lock);
    worker->ending = TRUE;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    unrefWorker(worker);
}

typedef enum {
    BOUNDED_RUNS,
    BOUNDED_RETURNED,
    BOUNDED_ABANDONED,
} boundedState;

/* The caller and the thread each try to leave BOUNDED_RUNS; the second to do so frees it. */
typedef struct _boundedCall boundedCall;
struct _boundedCall {
    workerCall call;
    gint state; /* boundedState, atomic */
};

static void
runBounded(void *opaque)
{
    boundedCall *bounded = opaque;

    bounded->call.run(bounded->call.opaque);
}

static void
endBounded(void *opaque)
{
    boundedCall *bounded = opaque;

    if (g_atomic_int_compare_and_exchange(&bounded->state, BOUNDED_RUNS, BOUNDED_RETURNED))
        return;

    if (bounded->call.freeOpaque)
        bounded->call.freeOpaque(bounded->call.opaque);
    g_free(bounded);
}

gboolean
convergeRunBounded(const char *name,
                   void (*run)(void *opaque),
                   void *opaque,
                   GDestroyNotify freeOpaque,
                   gint64 ms)
{
    g_autoptr(convergeWorker) worker = convergeWorkerNew(name, 1, NULL);
    boundedCall *bounded;

    if (!worker) {
        if (freeOpaque)
            freeOpaque(opaque);
        return FALSE;
    }

    bounded = g_new0(boundedCall, 1);
    bounded->call = (workerCall) { run, opaque, freeOpaque };
    convergeWorkerPush(worker, runBounded, bounded, endBounded);
    convergeWorkerWait(worker, ms);
    if (g_atomic_int_compare_and_exchange(&bounded->state, BOUNDED_RUNS, BOUNDED_ABANDONED))
        return FALSE;

    g_free(bounded);
    return TRUE;
}
