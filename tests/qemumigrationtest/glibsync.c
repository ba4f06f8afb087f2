/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * glibsync.c: GLib's locks and reference counts, where ThreadSanitizer sees them
 *
 * GLib's own use futexes and atomics in a library that is not instrumented, so that all data
 * that they guard seem to race.  Linked into a test, the functions here take the place of GLib's.
 * They cover only what the project uses.
 */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Both have room for a pointer, which is NULL if the object is all zero.  No lock may be taken
 * here: it would order all accesses, and hide every race. */
static gpointer
keepFirst(gpointer *place,
          gpointer made)
{
    gpointer first = NULL;

    if (__atomic_compare_exchange_n(place, &first, made, FALSE, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return made;
    free(made);
    return first;
}

static pthread_mutex_t *
realMutex(GMutex *mutex)
{
    pthread_mutex_t *made = __atomic_load_n(&mutex->p, __ATOMIC_ACQUIRE);

    if (made)
        return made;
    made = calloc(1, sizeof(pthread_mutex_t));
    pthread_mutex_init(made, NULL);
    return keepFirst(&mutex->p, made);
}

static pthread_cond_t *
realCond(GCond *cond)
{
    pthread_cond_t *made = __atomic_load_n(&cond->p, __ATOMIC_ACQUIRE);
    pthread_condattr_t monotonic;

    if (made)
        return made;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    made = calloc(1, sizeof(pthread_cond_t));
    pthread_cond_init(made, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return keepFirst(&cond->p, made);
}

/* --- Locks --- */

void
g_mutex_init(GMutex *mutex)
{
    mutex->p = NULL;
}

void
g_mutex_clear(GMutex *mutex)
{
    if (mutex->p)
        pthread_mutex_destroy(mutex->p);
    free(g_steal_pointer(&mutex->p));
}

void
g_mutex_lock(GMutex *mutex)
{
    pthread_mutex_lock(realMutex(mutex));
}

gboolean
g_mutex_trylock(GMutex *mutex)
{
    return pthread_mutex_trylock(realMutex(mutex)) == 0;
}

void
g_mutex_unlock(GMutex *mutex)
{
    pthread_mutex_unlock(realMutex(mutex));
}

void
g_cond_init(GCond *cond)
{
    cond->p = NULL;
}

void
g_cond_clear(GCond *cond)
{
    if (cond->p)
        pthread_cond_destroy(cond->p);
    free(g_steal_pointer(&cond->p));
}

void
g_cond_wait(GCond *cond,
            GMutex *mutex)
{
    pthread_cond_wait(realCond(cond), realMutex(mutex));
}

gboolean
g_cond_wait_until(GCond *cond,
                  GMutex *mutex,
                  gint64 end_time)
{
    const struct timespec until = {
        .tv_sec = end_time / G_USEC_PER_SEC,
        .tv_nsec = end_time % G_USEC_PER_SEC * 1000,
    };

    return pthread_cond_timedwait(realCond(cond), realMutex(mutex), &until) != ETIMEDOUT;
}

void
g_cond_signal(GCond *cond)
{
    pthread_cond_signal(realCond(cond));
}

void
g_cond_broadcast(GCond *cond)
{
    pthread_cond_broadcast(realCond(cond));
}

/* --- Reference counts --- */

typedef struct _rcBox rcBox;
struct _rcBox {
    gsize references;
    max_align_t content[];
};

static rcBox *
boxOf(gpointer content)
{
    return (rcBox *)(gpointer)((char *)content - G_STRUCT_OFFSET(rcBox, content));
}

gpointer
g_atomic_rc_box_alloc0(gsize size)
{
    rcBox *box = calloc(1, sizeof(rcBox) + size);

    box->references = 1;
    return box->content;
}

gpointer(g_atomic_rc_box_acquire)(gpointer content)
{
    __atomic_add_fetch(&boxOf(content)->references, 1, __ATOMIC_ACQ_REL);
    return content;
}

void
g_atomic_rc_box_release_full(gpointer content,
                             GDestroyNotify clear)
{
    if (__atomic_sub_fetch(&boxOf(content)->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    clear(content);
    free(boxOf(content));
}
