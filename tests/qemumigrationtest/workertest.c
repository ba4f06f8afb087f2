/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * workertest.c: a worker whose calls block until the test lets them go
 */
#include <pthread.h>
#include <string.h>

#include "util/worker.h"

/* The timeout of waits that should end earlier; if one does not, the test has failed. */
#define LONG_MS 60000

/* The name of the workers' threads, by which the test finds them. */
#define THREAD "worker-of-test"

/* Shared by the calls of a test. */
typedef struct _testGate testGate;
struct _testGate {
    pthread_mutex_t lock; /* guards all below; pthread's, since thread checkers know that */
    pthread_cond_t changed;
    gboolean open;
    unsigned int entered;
    unsigned int freed;
    char passed[16]; /* names of the calls that went through, in order */
};

#define TEST_GATE \
    { \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, FALSE, 0, 0, "" \
    }

typedef struct _testCall testCall;
struct _testCall {
    testGate *gate;
    char name;
};

static void
passGate(void *opaque)
{
    testCall *call = opaque;
    testGate *gate = call->gate;

    pthread_mutex_lock(&gate->lock);
    gate->entered++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    gate->passed[strlen(gate->passed)] = call->name;
    pthread_mutex_unlock(&gate->lock);
}

static void
freeTestCall(void *opaque)
{
    testCall *call = opaque;
    testGate *gate = call->gate;

    pthread_mutex_lock(&gate->lock);
    gate->freed++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    g_free(call);
}

static testCall *
newTestCall(testGate *gate,
            char name)
{
    testCall *call = g_new0(testCall, 1);

    call->gate = gate;
    call->name = name;
    return call;
}

static gboolean
push(convergeWorker *worker,
     testGate *gate,
     char name)
{
    return convergeWorkerPush(worker, passGate, newTestCall(gate, name), freeTestCall);
}

static void
openGate(testGate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = TRUE;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void
awaitEntered(testGate *gate,
             unsigned int n)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->entered < n)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void
awaitFreed(testGate *gate,
           unsigned int n)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->freed < n)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static unsigned int
getFreed(testGate *gate)
{
    unsigned int freed;

    pthread_mutex_lock(&gate->lock);
    freed = gate->freed;
    pthread_mutex_unlock(&gate->lock);
    return freed;
}

static convergeWorker *
newWorker(guint most)
{
    g_autoptr(GError) error = NULL;
    convergeWorker *worker = convergeWorkerNew(THREAD, most, &error);

    g_assert_no_error(error);
    g_assert_nonnull(worker);
    return worker;
}

/* Threads of workers that have not ended yet. */
static unsigned int
countThreads(void)
{
    g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
    unsigned int n = 0;
    const char *task;

    g_assert_nonnull(tasks);
    while ((task = g_dir_read_name(tasks))) {
        g_autofree char *path = g_build_filename("/proc/self/task", task, "comm", NULL);
        g_autofree char *name = NULL;

        /* A thread that has just ended cannot be read. */
        if (g_file_get_contents(path, &name, NULL, NULL) && g_str_equal(name, THREAD "\n"))
            n++;
    }
    return n;
}

static void
testOrder(void)
{
    testGate gate = TEST_GATE;
    g_autoptr(convergeWorker) worker = newWorker(8);

    g_assert_true(push(worker, &gate, 'a'));
    g_assert_true(push(worker, &gate, 'b'));
    g_assert_true(push(worker, &gate, 'c'));
    openGate(&gate);
    g_assert_true(convergeWorkerWait(worker, LONG_MS));
    g_assert_cmpstr(gate.passed, ==, "abc");
    g_assert_cmpuint(gate.freed, ==, 3);
}

static void
testNothingToFree(void)
{
    testGate gate = TEST_GATE;
    testCall call = { &gate, 'a' };
    g_autoptr(convergeWorker) worker = newWorker(1);

    openGate(&gate);
    g_assert_true(convergeWorkerPush(worker, passGate, &call, NULL));
    g_assert_true(convergeWorkerWait(worker, LONG_MS));
    g_assert_cmpstr(gate.passed, ==, "a");
}

/* A call that hangs does not hold up pushing, and waiting only for the given time. */
static void
testWait(void)
{
    testGate gate = TEST_GATE;
    g_autoptr(convergeWorker) worker = newWorker(8);

    g_assert_true(convergeWorkerWait(worker, 0));
    g_assert_true(push(worker, &gate, 'a'));
    awaitEntered(&gate, 1);
    g_assert_true(push(worker, &gate, 'b'));

    g_assert_false(convergeWorkerWait(worker, -1));
    g_assert_false(convergeWorkerWait(worker, 0));
    g_assert_false(convergeWorkerWait(worker, 1));
    g_assert_cmpuint(getFreed(&gate), ==, 0);

    openGate(&gate);
    g_assert_true(convergeWorkerWait(worker, G_MAXINT64));
    g_assert_cmpstr(gate.passed, ==, "ab");
    g_assert_true(convergeWorkerWait(worker, 0));
}

static void
testFull(void)
{
    testGate gate = TEST_GATE;
    g_autoptr(convergeWorker) worker = newWorker(2);

    /* The call that runs is not in the queue. */
    g_assert_true(push(worker, &gate, 'a'));
    awaitEntered(&gate, 1);
    g_assert_true(push(worker, &gate, 'b'));
    g_assert_true(push(worker, &gate, 'c'));

    g_assert_false(push(worker, &gate, 'd'));
    g_assert_cmpuint(getFreed(&gate), ==, 1);

    openGate(&gate);
    g_assert_true(convergeWorkerWait(worker, LONG_MS));
    g_assert_cmpstr(gate.passed, ==, "abc");
    g_assert_cmpuint(gate.freed, ==, 4);

    g_assert_true(push(worker, &gate, 'e'));
    g_assert_true(convergeWorkerWait(worker, LONG_MS));
    g_assert_cmpstr(gate.passed, ==, "abce");
}

static void
testFree(void)
{
    testGate gate = TEST_GATE;
    convergeWorker *worker = newWorker(8);

    g_assert_true(push(worker, &gate, 'a'));
    awaitEntered(&gate, 1);
    g_assert_true(push(worker, &gate, 'b'));
    g_assert_true(push(worker, &gate, 'c'));
    convergeWorkerFree(worker);
    g_assert_cmpuint(getFreed(&gate), ==, 0);

    openGate(&gate);
    awaitFreed(&gate, 3);
    g_assert_cmpstr(gate.passed, ==, "abc");

    convergeWorkerFree(newWorker(1));
    convergeWorkerFree(NULL);
    while (countThreads() > 0)
        g_usleep(1000);
}

static void
testBoundedReturns(void)
{
    testGate gate = TEST_GATE;
    testCall *call = newTestCall(&gate, 'a');

    openGate(&gate);
    g_assert_true(convergeRunBounded(THREAD, passGate, call, freeTestCall, LONG_MS));
    g_assert_cmpstr(gate.passed, ==, "a");
    g_assert_cmpuint(gate.freed, ==, 0);

    freeTestCall(call);
}

static void
testBoundedHangs(void)
{
    testGate gate = TEST_GATE;

    g_assert_false(convergeRunBounded(THREAD, passGate, newTestCall(&gate, 'a'),
                                      freeTestCall, 1));
    g_assert_cmpuint(getFreed(&gate), ==, 0);

    openGate(&gate);
    awaitFreed(&gate, 1);
    g_assert_cmpstr(gate.passed, ==, "a");
}

/* Whichever ends first, the call or the wait: the call is freed once. */
static void
testBoundedRace(void)
{
    testGate gate = TEST_GATE;
    unsigned int i, freed = 0;

    openGate(&gate);
    for (i = 0; i < 200; i++) {
        testCall *call = newTestCall(&gate, '\0');

        if (convergeRunBounded(THREAD, passGate, call, freeTestCall, 0))
            freeTestCall(call);
        awaitFreed(&gate, ++freed);
        g_assert_cmpuint(getFreed(&gate), ==, freed);
    }
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/worker/order", testOrder);
    g_test_add_func("/worker/nothing-to-free", testNothingToFree);
    g_test_add_func("/worker/wait", testWait);
    g_test_add_func("/worker/full", testFull);
    g_test_add_func("/worker/free", testFree);
    g_test_add_func("/worker/bounded/returns", testBoundedReturns);
    g_test_add_func("/worker/bounded/hangs", testBoundedHangs);
    g_test_add_func("/worker/bounded/race", testBoundedRace);

    return g_test_run();
}
