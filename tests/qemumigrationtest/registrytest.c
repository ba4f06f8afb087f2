/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * registrytest.c: which jobs the registry keeps, and who waits for which
 *
 * The functions of a job that the registry calls are defined here.
 */
#include "module/job_registry.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"
#define OTHER "1d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

/* Far longer than any wait that ends. */
#define PATIENCE_MS (10 * 60 * 1000)

/* --- Jobs --- */

struct _convergeJob {
    gint references; /* atomic */
    gint64 number;
    gint64 ceilingMs;
    const char *policy; /* NULL: the default one */
};

convergeJob *
convergeJobRef(convergeJob *job)
{
    g_atomic_int_inc(&job->references);
    return job;
}

void
convergeJobUnref(convergeJob *job)
{
    g_atomic_int_add(&job->references, -1);
}

void
convergeJobGetStatus(convergeJob *job,
                     convergeStatus *status)
{
    *status = (convergeStatus) { .downtimeMs = job->number };
}

const convergePolicy *
convergeJobGetPolicy(const convergeJob *job)
{
    static GHashTable *policies;
    const char *text = job->policy ? job->policy : "adaptive";

    if (!policies)
        policies = g_hash_table_new(g_str_hash, g_str_equal);
    if (!g_hash_table_contains(policies, text))
        g_hash_table_insert(policies, (gpointer)text, convergePolicyParse(text, NULL));
    return g_hash_table_lookup(policies, text);
}

gint64
convergeJobOutsideDowntime(convergeJob *job,
                           gint64 ms)
{
    return MIN(ms, job->number);
}

void
convergeJobSetCeiling(convergeJob *job,
                      gint64 ms)
{
    job->ceilingMs = ms;
}

/* --- What the tests ask --- */

static gboolean
isHeld(convergeJob *job)
{
    return g_atomic_int_get(&job->references) > 0;
}

/* The number of the job whose status is told; 0: none is. */
static gint64
told(const char *uuid,
     gboolean finished)
{
    g_autofree char *policy = NULL;
    convergeStatus status;

    if (!convergeRegistryGetStatus(uuid, finished, &status, &policy))
        return 0;
    g_assert_cmpstr(policy, ==, "adaptive");
    return status.downtimeMs;
}

static gint64
toldFailed(const char *uuid)
{
    g_autofree char *policy = NULL;
    convergeStatus status;

    return convergeRegistryGetFailed(uuid, &status, &policy) ? status.downtimeMs : 0;
}

/* Takes the reference over, as a caller does. */
static convergeJob *
takePending(const char *uuid)
{
    convergeJob *job = convergeRegistryTakePending(uuid);

    if (job)
        convergeJobUnref(job);
    return job;
}

/* --- Tests --- */

static void
testRunning(void)
{
    convergeJob old = { .number = 1 };
    convergeJob new = { .number = 2 };
    convergeJob other = { .number = 3 };

    g_assert_cmpint(told(UUID, FALSE), ==, 0);
    g_assert_cmpint(convergeRegistryOutsideDowntime(UUID, 500), ==, 500);
    convergeRegistrySetCeiling(UUID, 500);

    convergeRegistryAdd(UUID, &old);
    convergeRegistryAdd(OTHER, &other);
    convergeRegistryAdd(UUID, &new);

    /* The newest of that domain. */
    g_assert_cmpint(told(UUID, FALSE), ==, 2);
    g_assert_cmpint(told(UUID, TRUE), ==, 0);
    g_assert_cmpint(convergeRegistryOutsideDowntime(UUID, 500), ==, 2);
    convergeRegistrySetCeiling(UUID, 500);
    g_assert_cmpint(new.ceilingMs, ==, 500);
    g_assert_cmpint(old.ceilingMs + other.ceilingMs, ==, 0);
    g_assert_false(convergeRegistryHasPending(UUID));

    convergeRegistryFinish(&new, CONVERGE_REGISTRY_FAILED);
    g_assert_cmpint(told(UUID, FALSE), ==, 1);
    convergeRegistryFinish(&old, CONVERGE_REGISTRY_FAILED);
    convergeRegistryFinish(&other, CONVERGE_REGISTRY_FAILED);
    g_assert_cmpint(told(UUID, FALSE), ==, 0);
    convergeRegistryForget(UUID);
    convergeRegistryForget(OTHER);
    g_assert_false(isHeld(&new) || isHeld(&old) || isHeld(&other));
}

/* Those that run, oldest first, each with a reference of its own. */
static void
testList(void)
{
    convergeJob first = { .number = 1 };
    convergeJob second = { .number = 2 };
    convergeJob pending = { .number = 3 };
    GPtrArray *jobs = convergeRegistryListRunning();

    g_assert_cmpuint(jobs->len, ==, 0);
    g_ptr_array_unref(jobs);

    convergeRegistryAdd(UUID, &first);
    convergeRegistryAdd(OTHER, &pending);
    convergeRegistryFinish(&pending, CONVERGE_REGISTRY_PENDING_CONFIRM);
    convergeRegistryAdd(OTHER, &second);
    jobs = convergeRegistryListRunning();
    g_assert_cmpuint(jobs->len, ==, 2);
    g_assert_true(jobs->pdata[0] == &first && jobs->pdata[1] == &second);
    g_assert_cmpint(first.references, ==, 2);

    convergeRegistryFinish(&first, CONVERGE_REGISTRY_FAILED);
    convergeRegistryFinish(&second, CONVERGE_REGISTRY_FAILED);
    convergeRegistryForget(UUID);
    convergeRegistryForget(OTHER);
    convergeJobUnref(convergeRegistryTakePending(OTHER));
    g_assert_true(isHeld(&first));
    g_ptr_array_unref(jobs);
    g_assert_false(isHeld(&first) || isHeld(&second) || isHeld(&pending));
}

/* A job that is not registered is none of the registry's business. */
static void
testUnknown(void)
{
    convergeJob job = { .number = 1 };

    convergeRegistryFinish(&job, CONVERGE_REGISTRY_DONE);
    convergeRegistryLeft(&job);
    g_assert_false(isHeld(&job));
    g_assert_cmpint(told(UUID, TRUE), ==, 0);
}

/* Between Perform and Confirm the statistics are those of the pending job, running or
 * completed; it is handed over once, and with a reference. */
static void
testPending(void)
{
    convergeJob job = { .number = 1 };
    convergeJob *taken;

    convergeRegistryAdd(UUID, &job);
    convergeRegistryFinish(&job, CONVERGE_REGISTRY_PENDING_CONFIRM);
    g_assert_cmpint(told(UUID, FALSE), ==, 1);
    g_assert_cmpint(told(UUID, TRUE), ==, 1);
    g_assert_true(convergeRegistryHasPending(UUID));
    g_assert_false(convergeRegistryHasPending(OTHER));
    g_assert_null(convergeRegistryTakePending(OTHER));

    taken = convergeRegistryTakePending(UUID);
    g_assert_true(taken == &job);
    g_assert_cmpint(job.references, ==, 1);
    g_assert_null(convergeRegistryTakePending(UUID));
    g_assert_cmpint(told(UUID, FALSE), ==, 0);

    convergeRegistryAddEnded(UUID, taken, CONVERGE_REGISTRY_DONE);
    g_assert_cmpint(job.references, ==, 2);
    g_assert_cmpint(told(UUID, TRUE), ==, 1);
    g_assert_cmpint(told(UUID, FALSE), ==, 0);
    convergeRegistryForget(UUID);
    g_assert_cmpint(job.references, ==, 1);
}

/* Of each domain one finished job is kept; only another migration makes it forgotten. */
static void
testFinished(void)
{
    convergeJob first = { .number = 1 };
    convergeJob second = { .number = 2 };
    convergeJob running = { .number = 3 };

    convergeRegistryAddEnded(UUID, &first, CONVERGE_REGISTRY_DONE);
    convergeRegistryAddEnded(UUID, &second, CONVERGE_REGISTRY_DONE);
    g_assert_false(isHeld(&first));
    g_assert_cmpint(told(UUID, TRUE), ==, 2);

    convergeRegistryForget(OTHER);
    g_assert_cmpint(told(UUID, TRUE), ==, 2);
    convergeRegistryAdd(UUID, &running);
    convergeRegistryForget(UUID);
    g_assert_false(isHeld(&second));
    g_assert_cmpint(told(UUID, TRUE), ==, 0);
    g_assert_cmpint(told(UUID, FALSE), ==, 3);
    convergeRegistryFinish(&running, CONVERGE_REGISTRY_FAILED);
    convergeRegistryForget(UUID);
}

/* The last migration, if it has failed, can be told of until the next one begins. */
static void
testFailed(void)
{
    convergeJob first = { .number = 1 };
    convergeJob second = { .number = 2 };

    g_assert_cmpint(toldFailed(UUID), ==, 0);
    convergeRegistryAdd(UUID, &first);
    g_assert_cmpint(toldFailed(UUID), ==, 0);
    convergeRegistryFinish(&first, CONVERGE_REGISTRY_FAILED);
    g_assert_cmpint(toldFailed(UUID), ==, 1);
    g_assert_cmpint(toldFailed(OTHER), ==, 0);
    g_assert_cmpint(told(UUID, TRUE), ==, 0);
    g_assert_false(convergeRegistryHasPending(UUID));

    convergeRegistryAddEnded(UUID, &second, CONVERGE_REGISTRY_FAILED);
    g_assert_false(isHeld(&first));
    g_assert_cmpint(toldFailed(UUID), ==, 2);
    convergeRegistryForget(UUID);
    g_assert_cmpint(toldFailed(UUID), ==, 0);
    g_assert_false(isHeld(&second));
}

/* At most that many are kept, and the oldest go. */
static void
assertBounded(convergeRegistryEnd end,
              gboolean confirmed,
              guint most)
{
    const guint n = most + 3;
    g_autofree convergeJob *jobs = g_new0(convergeJob, n);
    guint i;

    for (i = 0; i < n; i++) {
        g_autofree char *uuid = g_strdup_printf("domain %u", i);

        jobs[i].number = i + 1;
        if (confirmed) {
            convergeRegistryAddEnded(uuid, &jobs[i], CONVERGE_REGISTRY_DONE);
        } else {
            convergeRegistryAdd(uuid, &jobs[i]);
            convergeRegistryFinish(&jobs[i], end);
        }
    }
    for (i = 0; i < n; i++)
        g_assert_true(isHeld(&jobs[i]) == (i >= n - most));

    for (i = 0; i < n; i++) {
        g_autofree char *uuid = g_strdup_printf("domain %u", i);

        takePending(uuid);
        convergeRegistryForget(uuid);
        g_assert_false(isHeld(&jobs[i]));
    }
}

static void
testMost(void)
{
    assertBounded(CONVERGE_REGISTRY_PENDING_CONFIRM, FALSE, CONVERGE_REGISTRY_PENDING);
    assertBounded(CONVERGE_REGISTRY_FAILED, FALSE, CONVERGE_REGISTRY_FINISHED);
    assertBounded(CONVERGE_REGISTRY_DONE, FALSE, CONVERGE_REGISTRY_FINISHED);
    assertBounded(CONVERGE_REGISTRY_DONE, TRUE, CONVERGE_REGISTRY_FINISHED);
}

/* A job that is leaving is gone when its thread has ended, whichever comes first; the thread of
 * another job ends without a consequence. */
static void
testLeaving(void)
{
    convergeJob job = { .number = 1 };

    convergeRegistryAdd(UUID, &job);
    convergeRegistryLeft(&job);
    g_assert_true(isHeld(&job));
    convergeRegistryFinish(&job, CONVERGE_REGISTRY_LEAVING);
    g_assert_false(isHeld(&job));

    convergeRegistryAdd(UUID, &job);
    convergeRegistryFinish(&job, CONVERGE_REGISTRY_LEAVING);
    g_assert_true(isHeld(&job));
    g_assert_cmpint(told(UUID, FALSE), ==, 0);
    convergeRegistryLeft(&job);
    g_assert_false(isHeld(&job));

    convergeRegistryAdd(UUID, &job);
    convergeRegistryLeft(&job);
    convergeRegistryFinish(&job, CONVERGE_REGISTRY_PENDING_CONFIRM);
    g_assert_true(takePending(UUID) == &job);
}

/* Only those share a limit that state one, act, and run. */
static void
testLimited(void)
{
    convergeJob jobs[] = {
        { .number = 1, .policy = "adaptive,link-limit=100" },
        { .number = 2 },
        { .number = 3, .policy = "adaptive,link-limit=100,mode=observe" },
        { .number = 4, .policy = "suspend,link-limit=7" },
    };
    gsize i;

    g_assert_cmpuint(convergeRegistryCountLimited(), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(jobs); i++)
        convergeRegistryAdd(i % 2 ? UUID : OTHER, &jobs[i]);
    g_assert_cmpuint(convergeRegistryCountLimited(), ==, 2);
    convergeRegistryFinish(&jobs[3], CONVERGE_REGISTRY_FAILED);
    g_assert_cmpuint(convergeRegistryCountLimited(), ==, 1);
    for (i = 0; i < 3; i++)
        convergeRegistryFinish(&jobs[i], CONVERGE_REGISTRY_FAILED);
    convergeRegistryForget(UUID);
    convergeRegistryForget(OTHER);
}

/* Only an earlier job of the same domain, one that runs or is leaving, is waited for. */
static void
testEarlier(void)
{
    convergeJob first = { .number = 1 };
    convergeJob second = { .number = 2 };
    convergeJob other = { .number = 3 };

    convergeRegistryAdd(OTHER, &other);
    convergeRegistryAdd(UUID, &first);
    convergeRegistryAdd(UUID, &second);
    g_assert_true(convergeRegistryAwaitEarlier(UUID, &first, 1));
    g_assert_false(convergeRegistryAwaitEarlier(UUID, &second, 1));
    convergeRegistryFinish(&first, CONVERGE_REGISTRY_LEAVING);
    g_assert_false(convergeRegistryAwaitEarlier(UUID, &second, 1));
    convergeRegistryLeft(&first);
    g_assert_true(convergeRegistryAwaitEarlier(UUID, &second, 1));

    convergeRegistryFinish(&second, CONVERGE_REGISTRY_FAILED);
    convergeRegistryFinish(&other, CONVERGE_REGISTRY_FAILED);
    convergeRegistryForget(UUID);
    convergeRegistryForget(OTHER);
}

typedef struct _waiter waiter;
struct _waiter {
    convergeJob *job;
    gint begun; /* atomic */
    gboolean free;
};

static gpointer
awaitEarlier(gpointer opaque)
{
    waiter *w = opaque;

    g_atomic_int_set(&w->begun, TRUE);
    w->free = convergeRegistryAwaitEarlier(UUID, w->job, PATIENCE_MS);
    return NULL;
}

static void
letGoByLeaving(convergeJob *job)
{
    convergeRegistryFinish(job, CONVERGE_REGISTRY_LEAVING);
    g_usleep(20000); /* most likely the thread waits again by now */
    convergeRegistryLeft(job);
}

static void
letGoByPending(convergeJob *job)
{
    convergeRegistryFinish(job, CONVERGE_REGISTRY_PENDING_CONFIRM);
}

static void
letGoByDone(convergeJob *job)
{
    convergeRegistryFinish(job, CONVERGE_REGISTRY_DONE);
}

/* A waiting thread is woken by each way in which the earlier job leaves its place; otherwise this
 * test does not end. */
static void
testWoken(void)
{
    void (*const ways[])(convergeJob * job) = { letGoByLeaving, letGoByPending, letGoByDone };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(ways); i++) {
        convergeJob first = { .number = 1 };
        convergeJob second = { .number = 2 };
        waiter w = { .job = &second };
        GThread *thread;

        convergeRegistryAdd(UUID, &first);
        convergeRegistryAdd(UUID, &second);
        thread = g_thread_new("waiter", awaitEarlier, &w);
        while (!g_atomic_int_get(&w.begun))
            g_usleep(1000);
        g_usleep(20000); /* most likely the thread waits by now */
        ways[i](&first);
        g_thread_join(thread);
        g_assert_true(w.free);

        takePending(UUID);
        convergeRegistryFinish(&second, CONVERGE_REGISTRY_FAILED);
        convergeRegistryForget(UUID);
        g_assert_false(isHeld(&first) || isHeld(&second));
    }
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/registry/running", testRunning);
    g_test_add_func("/registry/list", testList);
    g_test_add_func("/registry/unknown", testUnknown);
    g_test_add_func("/registry/pending", testPending);
    g_test_add_func("/registry/finished", testFinished);
    g_test_add_func("/registry/failed", testFailed);
    g_test_add_func("/registry/most", testMost);
    g_test_add_func("/registry/leaving", testLeaving);
    g_test_add_func("/registry/limited", testLimited);
    g_test_add_func("/registry/earlier", testEarlier);
    g_test_add_func("/registry/woken", testWoken);
    return g_test_run();
}
